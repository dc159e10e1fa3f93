#include "kones/data/dataset.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>

#include "kones/data/cifar10.h"
#include "kones/data/idx.h"
#include "kones/data/uci.h"
#include "kones/error.h"
#include "kones/files/hash_bytes.h"

namespace kones {
namespace {

std::vector<std::string> digit_names(const DatasetName&) {
  return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
}

std::vector<std::string> fashion_names(const DatasetName&) {
  return {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
          "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
}

struct DatasetReader {
  std::string_view family;
  std::string_view default_folder;  ///< empty: the user has to name one
  std::string_view advice;          ///< what to do where the folder is missing
  ImageSet (*read_split)(const DatasetName& name, DatasetSplit split);
  std::vector<std::string> (*class_names)(const DatasetName& name);
  /// The sets of a family; none: the family is one set.
  std::vector<std::string> (*sets)();
};

ImageSet read_idx(const DatasetName& name, DatasetSplit split) {
  return read_idx_split(name.folder, split);
}

std::vector<std::string> no_sets() {
  return {};
}

// To add a data set is to add a row.
constexpr std::array<DatasetReader, 4> readers = {{
    {"mnist", "", "give the folder of its four IDX files", read_idx, digit_names, no_sets},
    {"fashion-mnist", "/usr/share/datasets/fashion-mnist",
     "install the Debian package dataset-fashion-mnist (apt-get install dataset-fashion-mnist), or give the "
     "folder of "
     "its four IDX files as fashion-mnist:DIR",
     read_idx, fashion_names, no_sets},
    {"cifar10", "", "give the folder of its binary version, cifar-10-batches-bin",
     [](const DatasetName& name, DatasetSplit split) { return read_cifar10_split(name.folder, split); },
     [](const DatasetName& name) { return read_cifar10_class_names(name.folder); }, no_sets},
    {"uci", "", "give the folder of the UCI repository's file",
     [](const DatasetName& name, DatasetSplit split) { return read_uci_split(name.set, name.folder, split); },
     [](const DatasetName& name) { return uci_class_names(name.set); }, uci_names},
}};

std::string joined(const std::vector<std::string>& names, const char* separator) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : separator) + name;
  return text;
}

std::string shown_name(const DatasetReader& reader) {
  const std::vector<std::string> sets = reader.sets();
  const std::string family(reader.family);
  if (!sets.empty()) return family + ":" + joined(sets, "|") + ":DIR";
  return family + (reader.default_folder.empty() ? ":DIR" : "[:DIR]");
}

const DatasetReader& find_reader(const std::string& family) {
  for (const DatasetReader& reader : readers) {
    if (reader.family == family) return reader;
  }
  throw UsageError("there is no data set \"" + family + "\"; there are " + joined(dataset_names(), ", "));
}

void check_same_geometry(const ImageSet& train, const ImageSet& test, const DatasetName& name) {
  if (train.channels == test.channels && train.height == test.height && train.width == test.width) return;
  const auto shape = [](const ImageSet& set) {
    return std::to_string(set.channels) + "x" + std::to_string(set.height) + "x" + std::to_string(set.width);
  };
  throw Error(name.folder.string() + " has train images of " + shape(train) + " and test images of " +
              shape(test) + " (channels x height x width); they do not belong together");
}

}  // namespace

DatasetName parse_dataset_name(const std::string& text) {
  const size_t colon = text.find(':');
  DatasetName name;
  name.family = text.substr(0, colon);
  const DatasetReader& reader = find_reader(name.family);
  const std::vector<std::string> sets = reader.sets();
  std::string folder =
      colon == std::string::npos ? std::string(reader.default_folder) : text.substr(colon + 1);
  if (sets.empty()) {
    name.set = name.family;
  } else {
    const size_t second = folder.find(':');
    name.set = folder.substr(0, second);
    if (std::find(sets.begin(), sets.end(), name.set) == sets.end()) {
      throw UsageError("there is no data set \"" + name.family + ":" + name.set + "\"; there are " +
                       shown_name(reader));
    }
    folder = second == std::string::npos ? std::string() : folder.substr(second + 1);
  }
  if (folder.empty()) {
    throw UsageError("the data set \"" + text + "\" lacks its folder: " + shown_name(reader) + "; " +
                     std::string(reader.advice));
  }
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw Error("the folder " + folder + " of the data set " + name.set + " is missing; " +
                std::string(reader.advice));
  }
  name.folder = folder;
  return name;
}

Dataset load_dataset(const std::string& text) {
  const DatasetName name = parse_dataset_name(text);
  const DatasetReader& reader = find_reader(name.family);
  // The small things first: a bad file of names is found before megabytes are read.
  Dataset dataset{name.set, {}, {}, reader.class_names(name)};
  dataset.test = reader.read_split(name, DatasetSplit::test);
  dataset.train = reader.read_split(name, DatasetSplit::train);
  check_same_geometry(dataset.train, dataset.test, name);
  return dataset;
}

ImageSet load_test_set(const std::string& text) {
  const DatasetName name = parse_dataset_name(text);
  return find_reader(name.family).read_split(name, DatasetSplit::test);
}

uint64_t fingerprint(const ImageSet& images) {
  const uint64_t hash = hash_bytes(0, images.pixels.data(), images.pixels.size());
  return hash_bytes(hash, images.labels.data(), images.labels.size());
}

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const DatasetReader& reader : readers) names.push_back(shown_name(reader));
  return names;
}

}  // namespace kones
