#include "kones/data/uci.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "kones/error.h"
#include "kones/files/atomic_file.h"
#include "kones/numeric/philox.h"

namespace kones {
namespace {

constexpr std::uintmax_t max_table_bytes = 64 << 20;
constexpr int64_t max_rows = 4'000'000;
constexpr uint64_t split_seed = 2017;
constexpr int64_t test_share = 5;  // one row in five

/// What a file of the repository looks like.
struct Table {
  std::string_view name;
  std::string_view file;
  char separator;
  bool has_header;
  bool label_first;
  size_t columns;            ///< with the label
  std::string_view letters;  ///< of the first feature, where it is a letter
  /// The class of a label; -1 for what is none.
  int (*class_of)(std::string_view label);
  std::vector<std::string> class_names;
};

constexpr double largest_number = 1e100;  // differences of such numbers are finite

/// The whole of `text` as a number; false where it is none, or too large.
template <typename Number>
bool parse_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() &&
         std::fabs(static_cast<double>(number)) <= largest_number;
}

int class_of_rings(std::string_view label) {
  int rings = 0;
  if (!parse_number(label, rings) || rings < 1 || rings > 29) return -1;
  return rings <= 8 ? 0 : rings <= 10 ? 1 : 2;
}

template <char First>
int class_of_digit(std::string_view label) {
  return label.size() == 1 && (label[0] == First || label[0] == First + 1) ? label[0] - First : -1;
}

int class_of_balance(std::string_view label) {
  const std::string_view letters = "LBR";
  return label.size() == 1 && letters.find(label[0]) != std::string_view::npos
             ? static_cast<int>(letters.find(label[0]))
             : -1;
}

const std::vector<Table>& tables() {
  static const std::vector<Table> rows = {
      {"abalone",
       "abalone.data",
       ',',
       false,
       false,
       9,
       "MFI",
       class_of_rings,
       {"1 to 8 rings", "9 or 10 rings", "11 to 29 rings"}},
      {"balance-scale",
       "balance-scale.data",
       ',',
       false,
       true,
       5,
       "",
       class_of_balance,
       {"left", "balanced", "right"}},
      {"banknote",
       "data_banknote_authentication.txt",
       ',',
       false,
       false,
       5,
       "",
       class_of_digit<'0'>,
       {"class 0", "class 1"}},
      {"skin", "Skin_NonSkin.txt", '\t', false, false, 4, "", class_of_digit<'1'>, {"skin", "no skin"}},
      {"transfusion",
       "transfusion.data",
       ',',
       true,
       false,
       5,
       "",
       class_of_digit<'0'>,
       {"did not donate", "donated"}},
  };
  return rows;
}

const Table& find_table(const std::string& name) {
  std::string known;
  for (const Table& table : tables()) {
    if (table.name == name) return table;
    known += (known.empty() ? "" : ", ") + std::string(table.name);
  }
  throw UsageError("there is no UCI data set \"" + name + "\"; there are " + known);
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \r") - begin + 1);
}

struct Rows {
  size_t features = 0;
  std::vector<double> values;  ///< [row][feature]
  std::vector<uint8_t> labels;

  int64_t count() const { return static_cast<int64_t>(labels.size()); }
};

/// Reads the fields of one line after another.
class TableReader {
 public:
  TableReader(const Table& table, std::string path) : table_(table), path_(std::move(path)) {
    rows_.features = table.columns - 1 + (table.letters.empty() ? 0 : table.letters.size() - 1);
  }

  void read_line(std::string_view line) {
    ++line_;
    if (line_ == 1 && table_.has_header) {
      double number = 0.0;
      if (parse_number(split(line).front(), number))
        fail("has a number where the names of the columns belong");
      return;
    }
    if (trimmed(line).empty()) return;
    if (rows_.count() == max_rows) fail("has more than " + std::to_string(max_rows) + " rows");
    const std::vector<std::string_view> fields = split(line);
    const size_t label = table_.label_first ? 0 : table_.columns - 1;
    for (size_t i = 0; i < fields.size(); ++i) {
      if (i != label) read_feature(fields[i], i);
    }
    const int number = table_.class_of(fields[label]);
    if (number < 0)
      fail("has the label \"" + shown(fields[label]) + "\", which " + table_name() + " has not");
    rows_.labels.push_back(static_cast<uint8_t>(number));
  }

  Rows take() { return std::move(rows_); }

 private:
  std::vector<std::string_view> split(std::string_view line) const {
    std::vector<std::string_view> fields;
    for (size_t begin = 0;;) {
      const size_t end = line.find(table_.separator, begin);
      fields.push_back(trimmed(line.substr(begin, end == std::string_view::npos ? end : end - begin)));
      if (fields.size() > table_.columns || end == std::string_view::npos) break;
      begin = end + 1;
    }
    if (fields.size() != table_.columns) {
      fail("has " + std::string(fields.size() > table_.columns ? "more" : "fewer") + " than the " +
           std::to_string(table_.columns) + " columns of " + table_name());
    }
    return fields;
  }

  void read_feature(std::string_view field, size_t column) {
    if (column == 0 && !table_.letters.empty()) {
      const size_t place = field.size() == 1 ? table_.letters.find(field[0]) : std::string_view::npos;
      if (place == std::string_view::npos)
        fail("has \"" + shown(field) + "\" where one of " + std::string(table_.letters) + " belongs");
      for (size_t i = 0; i < table_.letters.size(); ++i) rows_.values.push_back(i == place ? 1.0 : 0.0);
      return;
    }
    double value = 0.0;
    if (!parse_number(field, value)) fail("has \"" + shown(field) + "\" where a number belongs");
    rows_.values.push_back(value);
  }

  static std::string shown(std::string_view field) {
    std::string text(field.substr(0, 20));
    for (char& c : text) c = c >= ' ' && c <= '~' ? c : '?';
    return text;
  }

  std::string table_name() const { return std::string(table_.name); }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(path_ + ", line " + std::to_string(line_) + ": it " + what);
  }

  const Table& table_;
  std::string path_;
  int64_t line_ = 0;
  Rows rows_;
};

Rows read_rows(const Table& table, const std::filesystem::path& path) {
  const std::string text = read_file(path, max_table_bytes);
  TableReader reader(table, path.string());
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    reader.read_line(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  Rows rows = reader.take();
  if (rows.count() < 2 * test_share)
    throw Error(path.string() + " has " + std::to_string(rows.count()) + " rows, too few to train on");
  return rows;
}

/// The rows in an order of chance, the same for everyone (Fisher and Yates' shuffle): the first fifth are the
/// test split.
std::vector<size_t> split_order(int64_t count) {
  std::vector<size_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t last = order.size() - 1; last > 0; --last) {
    const PhiloxBlock random = philox_block(RandomStream{split_seed, 0}, last);
    const uint64_t word = (static_cast<uint64_t>(random.word[1]) << 32) | random.word[0];
    std::swap(order[last], order[word % (last + 1)]);
  }
  return order;
}

}  // namespace

std::vector<std::string> uci_names() {
  std::vector<std::string> names;
  for (const Table& table : tables()) names.emplace_back(table.name);
  return names;
}

ImageSet read_uci_split(const std::string& name, const std::filesystem::path& folder, DatasetSplit split) {
  const Table& table = find_table(name);
  std::filesystem::path path = folder / table.file;
  if (!std::filesystem::exists(path)) path = folder / table.name / table.file;
  if (!std::filesystem::exists(path)) {
    throw Error("there is no " + std::string(table.file) + " in " + folder.string() + " or its folder " +
                std::string(table.name) + "; give the folder of the UCI repository's file");
  }
  return read_uci_file(name, path, split);
}

ImageSet read_uci_file(const std::string& name, const std::filesystem::path& path, DatasetSplit split) {
  const Table& table = find_table(name);
  const Rows rows = read_rows(table, path);
  const std::vector<size_t> order = split_order(rows.count());
  const size_t tests = order.size() / test_share;
  const size_t begin = split == DatasetSplit::test ? 0 : tests;
  const size_t end = split == DatasetSplit::test ? tests : order.size();

  ImageSet set;
  set.count = static_cast<int64_t>(end - begin);
  set.channels = 1;
  set.height = 1;
  set.width = static_cast<int>(rows.features);
  set.classes = static_cast<int>(table.class_names.size());
  set.pixels.resize((end - begin) * rows.features);
  for (size_t feature = 0; feature < rows.features; ++feature) {
    const auto value = [&](size_t place) { return rows.values[order[place] * rows.features + feature]; };
    double least = value(tests);
    double largest = least;
    for (size_t place = tests; place < order.size(); ++place) {
      least = std::min(least, value(place));
      largest = std::max(largest, value(place));
    }
    const double range = largest > least ? largest - least : 1.0;
    for (size_t place = begin; place < end; ++place) {
      const double byte = std::floor(255.0 * ((value(place) - least) / range) + 0.5);
      set.pixels[(place - begin) * rows.features + feature] =
          static_cast<uint8_t>(std::clamp(byte, 0.0, 255.0));
    }
  }
  for (size_t place = begin; place < end; ++place) set.labels.push_back(rows.labels[order[place]]);
  return set;
}

std::vector<std::string> uci_class_names(const std::string& name) {
  return find_table(name).class_names;
}

}  // namespace kones
