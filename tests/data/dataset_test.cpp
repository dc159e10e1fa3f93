#include "kones/data/dataset.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "data/error_text.h"
#include <gtest/gtest.h>

namespace kones {
namespace {

const std::string fixtures = KONES_TEST_FIXTURES "/data";

void expect_says(const std::string& text, const std::vector<std::string>& parts) {
  for (const auto& part : parts) EXPECT_NE(text.find(part), std::string::npos) << text;
}

// Seen to fail on: the name split at its last colon.
TEST(Dataset, ParsesNames) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "kones:data";
  std::filesystem::create_directories(folder);
  const DatasetName name = parse_dataset_name("mnist:" + folder.string());
  EXPECT_EQ(name.set, "mnist");
  EXPECT_EQ(name.folder, folder);
  std::filesystem::remove(folder);
  EXPECT_EQ(parse_dataset_name("fashion-mnist").folder, "/usr/share/datasets/fashion-mnist");
  EXPECT_EQ(parse_dataset_name("fashion-mnist:" + fixtures).folder, fixtures);
}

// Seen to fail on: a row of the table removed.
TEST(Dataset, ListsItsNames) {
  EXPECT_EQ(dataset_names(),
            (std::vector<std::string>{"mnist:DIR", "fashion-mnist[:DIR]", "cifar10:DIR",
                                      "uci:abalone|balance-scale|banknote|skin|transfusion:DIR"}));
}

// Seen to fail on: an unknown set taken as the first of the table; the default folder used for
// "fashion-mnist:".
TEST(Dataset, RefusesBadNames) {
  expect_says(error_text([] { parse_dataset_name("minst:somewhere"); }),
              {"no data set \"minst\"", "mnist:DIR, fashion-mnist[:DIR], cifar10:DIR"});
  expect_says(error_text([] { parse_dataset_name(""); }), {"no data set \"\""});
  expect_says(error_text([] { parse_dataset_name("cifar10"); }),
              {"\"cifar10\" lacks its folder", "cifar10:DIR"});
  expect_says(error_text([] { parse_dataset_name("mnist:"); }), {"\"mnist:\" lacks its folder", "mnist:DIR"});
  expect_says(error_text([] { parse_dataset_name("fashion-mnist:"); }),
              {"lacks its folder", "fashion-mnist[:DIR]"});
}

// Seen to fail on: the folder not looked at.
TEST(Dataset, NamesTheMissingFolder) {
  expect_says(error_text([] { load_dataset("mnist:" + fixtures + "/nowhere"); }),
              {fixtures + "/nowhere", "missing"});
  expect_says(error_text([] { load_test_set("fashion-mnist:" + fixtures + "/nowhere"); }),
              {fixtures + "/nowhere", "apt-get install dataset-fashion-mnist"});
  // A file is no folder.
  expect_says(error_text([] { load_test_set("mnist:" + fixtures + "/make_fixtures.py"); }), {"missing"});
}

// Seen to fail on: load_test_set loads both splits; load_dataset loads the test split twice.
TEST(Dataset, LoadsTheTestSplitAlone) {
  const std::string name = "mnist:" + fixtures + "/idx/both";
  EXPECT_EQ(load_test_set(name).labels, (std::vector<uint8_t>{3, 5}));
  expect_says(error_text([&] { load_dataset(name); }), {"has no file train-images-idx3-ubyte"});
}

// Seen to fail on: train and test exchanged; the class names of one set given to another.
TEST(Dataset, LoadsBothSplits) {
  const Dataset mnist = load_dataset("mnist:" + fixtures + "/idx/plain");
  EXPECT_EQ(mnist.name, "mnist");
  EXPECT_EQ(mnist.train.count, 3);
  EXPECT_EQ(mnist.test.count, 2);
  EXPECT_EQ(mnist.class_names, (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
  const Dataset cifar10 = load_dataset("cifar10:" + fixtures + "/cifar10");
  EXPECT_EQ(cifar10.name, "cifar10");
  EXPECT_EQ(cifar10.train.count, 11);
  EXPECT_EQ(cifar10.test.count, 2);
  EXPECT_EQ(cifar10.class_names[0], "plane");
}

// Seen to fail on: the comparison of heights and widths dropped.
TEST(Dataset, RefusesSplitsOfDifferentShapes) {
  expect_says(error_text([] { load_dataset("mnist:" + fixtures + "/idx/shapes-differ"); }),
              {"1x3x4", "1x4x3"});
}

// The real set, as Debian installs it. Seen to fail on: a split read twice; gzip input not refilled after the
// first buffer.
TEST(Dataset, LoadsFashionMnist) {
  const Dataset set = load_dataset("fashion-mnist");
  EXPECT_EQ(set.name, "fashion-mnist");
  ASSERT_EQ(set.class_names.size(), 10u);
  EXPECT_EQ(set.class_names.front(), "T-shirt/top");
  EXPECT_EQ(set.class_names.back(), "Ankle boot");
  const auto expect_split = [](const ImageSet& split, int64_t count) {
    EXPECT_EQ(split.count, count);
    EXPECT_EQ(split.channels, 1);
    EXPECT_EQ(split.height, 28);
    EXPECT_EQ(split.width, 28);
    EXPECT_EQ(split.classes, 10);
    EXPECT_EQ(split.pixels.size(), static_cast<size_t>(count) * 784);
    ASSERT_EQ(split.labels.size(), static_cast<size_t>(count));
    for (int label = 0; label < 10; ++label) {
      EXPECT_EQ(std::count(split.labels.begin(), split.labels.end(), label), count / 10) << "class " << label;
    }
  };
  expect_split(set.train, 60000);
  expect_split(set.test, 10000);
  // The first train image is an ankle boot.
  EXPECT_EQ(set.train.labels[0], 9);
}

// Seen to fail on: labels left out, the bytes after the last 8 left out.
TEST(Fingerprint, EveryByteCounts) {
  ImageSet images{3, 1, 3, 3, 10, std::vector<uint8_t>(27, 5), {1, 2, 3}};
  const uint64_t whole = fingerprint(images);
  EXPECT_EQ(whole, fingerprint(images));
  std::set<uint64_t> seen{whole};
  for (uint8_t& pixel : images.pixels) {
    pixel ^= 1;
    EXPECT_TRUE(seen.insert(fingerprint(images)).second);
    pixel ^= 1;
  }
  for (uint8_t& label : images.labels) {
    label ^= 1;
    EXPECT_TRUE(seen.insert(fingerprint(images)).second);
    label ^= 1;
  }
  images.pixels.push_back(0);
  EXPECT_TRUE(seen.insert(fingerprint(images)).second);
}

}  // namespace
}  // namespace kones
