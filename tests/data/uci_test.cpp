// The five tables of the UCI repository: small files with their quirks, and damaged ones.
#include "kones/data/uci.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "data/error_text.h"
#include <gtest/gtest.h>

#include "kones/data/dataset.h"

namespace kones {
namespace {

class UciTest : public testing::Test {
 protected:
  UciTest() {
    // Of its own: test cases run beside each other.
    std::string name = testing::TempDir() + "/kones-uci-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
  }
  ~UciTest() override { std::filesystem::remove_all(folder); }

  void write(const std::string& file, const std::string& text) const {
    std::ofstream(folder / file, std::ios::binary) << text;
  }

  std::string refusal(const std::string& name) const {
    return error_text([&] { read_uci_split(name, folder, DatasetSplit::train); });
  }

  std::filesystem::path folder;
};

std::string repeated(const std::string& line, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += line;
  return text;
}

/// The rows of both splits, as bytes with the label at the end.
std::multiset<std::vector<int>> rows_of(const std::string& name, const std::filesystem::path& folder) {
  std::multiset<std::vector<int>> rows;
  for (const DatasetSplit split : {DatasetSplit::train, DatasetSplit::test}) {
    const ImageSet set = read_uci_split(name, folder, split);
    EXPECT_EQ(set.channels * set.height, 1);
    for (int64_t n = 0; n < set.count; ++n) {
      std::vector<int> row(set.pixels.begin() + n * set.width, set.pixels.begin() + (n + 1) * set.width);
      row.push_back(set.labels[static_cast<size_t>(n)]);
      rows.insert(row);
    }
  }
  return rows;
}

// Tabs, carriage returns, no final end of line. The least value is 0 and the largest 255. Seen to fail on:
// carriage returns kept.
TEST_F(UciTest, TabsAndCarriageReturns) {
  write("Skin_NonSkin.txt",
        repeated("0\t10\t100\t1\r\n", 50) + repeated("255\t20\t300\t2\r\n", 49) + "255\t20\t300\t2");
  const auto rows = rows_of("skin", folder);
  EXPECT_EQ(rows.count({0, 0, 0, 0}), 50u);
  EXPECT_EQ(rows.count({255, 255, 255, 1}), 50u);
  EXPECT_EQ(read_uci_split("skin", folder, DatasetSplit::test).count, 20);
}

// A header, blanks inside the fields. Seen to fail on: blanks kept.
TEST_F(UciTest, AHeaderAndBlanks) {
  write("transfusion.data",
        "Recency (months),Frequency (times),Monetary (c.c. blood),Time (months),\"donated\"\r\n" +
            repeated("2 , 50,12500,98 ,1\r\n", 30) + repeated("0 ,13,3250,28 ,0\r\n", 30) + "\r\n");
  const auto rows = rows_of("transfusion", folder);
  EXPECT_EQ(rows.count({255, 255, 255, 255, 1}), 30u);
  EXPECT_EQ(rows.count({0, 0, 0, 0, 0}), 30u);
}

// The label comes first. Seen to fail on: the last column taken as the label.
TEST_F(UciTest, TheLabelFirst) {
  write("balance-scale.data",
        repeated("B,1,1,1,1\n", 20) + repeated("R,1,1,5,2\n", 20) + repeated("L,5,3,1,2\n", 20));
  const auto rows = rows_of("balance-scale", folder);
  EXPECT_EQ(rows.count({0, 0, 0, 0, 1}), 20u);
  EXPECT_EQ(rows.count({0, 0, 255, 255, 2}), 20u);
  EXPECT_EQ(rows.count({255, 255, 0, 255, 0}), 20u);
  EXPECT_EQ(uci_class_names("balance-scale").at(1), "balanced");
}

// Letters become a feature each, rings three classes. Seen to fail on: 8 rings in the second class.
TEST_F(UciTest, LettersAndRings) {
  std::string text;
  for (const char* line : {"M,0.1,0,0,0,0,0,0,8\n", "F,0.2,0,0,0,0,0,0,9\n", "I,0.3,0,0,0,0,0,0,10\n",
                           "I,0.3,0,0,0,0,0,0,11\n", "M,0.1,0,0,0,0,0,0,1\n", "F,0.2,0,0,0,0,0,0,29\n"}) {
    text += repeated(line, 20);
  }
  write("abalone.data", text);
  const auto rows = rows_of("abalone", folder);
  EXPECT_EQ(rows.count({255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 40u);
  EXPECT_EQ(rows.count({0, 255, 0, 128, 0, 0, 0, 0, 0, 0, 1}), 20u);
  EXPECT_EQ(rows.count({0, 255, 0, 128, 0, 0, 0, 0, 0, 0, 2}), 20u);
  EXPECT_EQ(rows.count({0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 1}), 20u);
  EXPECT_EQ(rows.count({0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 2}), 20u);
}

// Seen to fail on: bytes that depend on the test rows.
TEST_F(UciTest, ScalesByTheTrainRowsAlone) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += std::to_string(i) + ",0,0,0," + std::to_string(i % 2) + "\n";
  write("data_banknote_authentication.txt", text);
  const ImageSet train = read_uci_split("banknote", folder, DatasetSplit::train);
  ASSERT_EQ(train.count, 80);
  std::vector<int> bytes;
  for (int64_t n = 0; n < train.count; ++n) bytes.push_back(train.pixels[static_cast<size_t>(n * 4)]);
  for (const uint8_t byte : {train.pixels[1], train.pixels[2], train.pixels[3]})
    EXPECT_EQ(byte, 0) << "a feature that is always the same";
  std::sort(bytes.begin(), bytes.end());
  EXPECT_EQ(bytes.front(), 0);
  EXPECT_EQ(bytes.back(), 255);
  // The same rows every time, and each of the hundred once.
  const ImageSet again = read_uci_split("banknote", folder, DatasetSplit::train);
  EXPECT_EQ(again.pixels, train.pixels);
  const ImageSet test = read_uci_split("banknote", folder, DatasetSplit::test);
  EXPECT_EQ(test.count, 20);
}

// Seen to fail on: nan taken as a number.
TEST_F(UciTest, DamagedFilesSayWhereAndWhat) {
  const std::string good = repeated("1,2,3,4,0\n", 20);
  const std::string file = "data_banknote_authentication.txt";
  const auto said = [&](const std::string& text) {
    write(file, text);
    return refusal("banknote");
  };
  EXPECT_NE(said(good + "1,2,3,0\n").find("line 21: it has fewer than the 5 columns"), std::string::npos);
  EXPECT_NE(said("1,2,3,4,5,0\n" + good).find("line 1: it has more than the 5 columns"), std::string::npos);
  EXPECT_NE(said(good + "1,2,x\x01,4,0\n").find("line 21: it has \"x?\" where a number"), std::string::npos);
  EXPECT_NE(said(good + "1,2,nan,4,0\n").find("\"nan\" where a number"), std::string::npos);
  EXPECT_NE(said(good + "1,2,1e999,4,0\n").find("where a number"), std::string::npos);
  EXPECT_NE(said(good + "-1e308,2,3,4,0\n1e308,2,3,4,0\n").find("line 21: it has \"-1e308\""),
            std::string::npos);
  EXPECT_NE(said(good + "1,2,,4,0\n").find("\"\" where a number"), std::string::npos);
  EXPECT_NE(said(good + "1,2,3,4,2\n").find("the label \"2\""), std::string::npos);
  EXPECT_NE(said(good + "1,2,3,4,\n").find("the label \"\""), std::string::npos);
  EXPECT_NE(said("").find("has 0 rows"), std::string::npos);
  EXPECT_NE(said("1,2,3,4,0\n").find("has 1 rows"), std::string::npos);
  EXPECT_NE(said(std::string(65 << 20, ',')).find(file), std::string::npos);
  write("abalone.data", repeated("X,0,0,0,0,0,0,0,1\n", 20));
  EXPECT_NE(refusal("abalone").find("\"X\" where one of MFI"), std::string::npos);
  write("abalone.data", repeated("M,0,0,0,0,0,0,0,30\n", 20));
  EXPECT_NE(refusal("abalone").find("the label \"30\""), std::string::npos);
  write("transfusion.data", repeated("2 , 50,12500,98 ,1\r\n", 30));
  EXPECT_NE(refusal("transfusion").find("line 1: it has a number where the names"), std::string::npos);
  EXPECT_NE(refusal("skin").find("there is no Skin_NonSkin.txt in "), std::string::npos);
  EXPECT_NE(
      error_text([&] { read_uci_split("iris", folder, DatasetSplit::train); }).find("there are abalone"),
      std::string::npos);
}

TEST_F(UciTest, AreDataSets) {
  write("balance-scale.data",
        repeated("B,1,1,1,1\n", 20) + repeated("R,1,1,5,2\n", 20) + repeated("L,5,3,1,2\n", 20));
  const std::string name = "uci:balance-scale:" + folder.string();
  EXPECT_EQ(parse_dataset_name(name).set, "balance-scale");
  const Dataset set = load_dataset(name);
  EXPECT_EQ(set.train.count, 48);
  EXPECT_EQ(set.test.classes, 3);
  EXPECT_EQ(set.class_names.size(), 3u);
  EXPECT_EQ(load_test_set(name).labels, set.test.labels);
  const auto said = [](const std::string& text) { return error_text([&] { parse_dataset_name(text); }); };
  EXPECT_NE(said("uci").find("no data set \"uci:\""), std::string::npos) << said("uci");
  EXPECT_NE(said("uci:iris:/tmp").find("no data set \"uci:iris\""), std::string::npos);
  EXPECT_NE(said("uci:skin").find("lacks its folder"), std::string::npos);
  EXPECT_NE(said("uci:skin:/nowhere").find("is missing"), std::string::npos);
}

/// Where scripts/reproduce looks for the tables by default.
std::filesystem::path real_tables() {
  const char* const data = std::getenv("KONES_DATA");
  const char* const home = std::getenv("HOME");
  if (data != nullptr) return std::filesystem::path(data) / "uci";
  return std::filesystem::path(home != nullptr ? home : "") / ".cache" / "kones-data" / "uci";
}

// The real files, where they are at hand: they are in no package that set-up could install, and nobody's to
// copy here. The tests above show each of their quirks everywhere.
TEST(Uci, ReadsTheRealFiles) {
  const std::string folder = real_tables().string();
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "there are no tables in " << folder;
  const auto counts = [&](const std::string& name) {
    const Dataset set = load_dataset("uci:" + name + ":" + folder);
    return std::vector<int64_t>{set.train.count, set.test.count, set.train.width, set.train.classes};
  };
  EXPECT_EQ(counts("abalone"), (std::vector<int64_t>{3342, 835, 10, 3}));
  EXPECT_EQ(counts("balance-scale"), (std::vector<int64_t>{500, 125, 4, 3}));
  EXPECT_EQ(counts("banknote"), (std::vector<int64_t>{1098, 274, 4, 2}));
  EXPECT_EQ(counts("skin"), (std::vector<int64_t>{196046, 49011, 3, 2}));
  EXPECT_EQ(counts("transfusion"), (std::vector<int64_t>{599, 149, 4, 2}));
}

}  // namespace
}  // namespace kones
