#include "kones/data/cifar10.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "data/error_text.h"
#include <gtest/gtest.h>

namespace kones {
namespace {

const std::filesystem::path fixtures = std::filesystem::path(KONES_TEST_FIXTURES) / "data";

// Every pixel of an image against the rule that the fixtures are made by.
void expect_image(const ImageSet& set, int64_t image, int base) {
  const uint8_t* pixel = set.pixels.data() + image * 3072;
  for (int channel = 0; channel < 3; ++channel) {
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x, ++pixel) {
        ASSERT_EQ(*pixel, (base + 70 * channel + 5 * y + x) % 256) << "image " << image;
      }
    }
  }
}

// Seen to fail on: the batches read in another order; the label taken from the record's last byte.
TEST(Cifar10, ReadsTheTrainBatchesInOrder) {
  const ImageSet set = read_cifar10_split(fixtures / "cifar10", DatasetSplit::train);
  EXPECT_EQ(set.count, 11);
  EXPECT_EQ(set.channels, 3);
  EXPECT_EQ(set.height, 32);
  EXPECT_EQ(set.width, 32);
  EXPECT_EQ(set.classes, 10);
  EXPECT_EQ(set.labels, (std::vector<uint8_t>{1, 8, 2, 7, 3, 6, 9, 4, 5, 5, 4}));
  ASSERT_EQ(set.pixels.size(), 11u * 3072u);
  const std::vector<int> bases = {10, 15, 20, 25, 30, 35, 200, 40, 45, 50, 55};
  for (int64_t image = 0; image < 11; ++image) expect_image(set, image, bases[static_cast<size_t>(image)]);
}

// Seen to fail on: the test split read from data_batch_1.bin.
TEST(Cifar10, ReadsTheTestBatch) {
  const ImageSet set = read_cifar10_split(fixtures / "cifar10", DatasetSplit::test);
  EXPECT_EQ(set.count, 2);
  EXPECT_EQ(set.labels, (std::vector<uint8_t>{8, 0}));
  ASSERT_EQ(set.pixels.size(), 2u * 3072u);
  expect_image(set, 0, 100);
  expect_image(set, 1, 110);
}

void expect_refused(const std::string& file, const std::vector<std::string>& says) {
  const auto path = fixtures / "cifar10-damaged" / file;
  const std::string text = error_text([&] { read_cifar10_files({path}); });
  EXPECT_NE(text.find(path.string()), std::string::npos) << text;
  for (const auto& part : says) EXPECT_NE(text.find(part), std::string::npos) << text;
}

// Seen to fail on: each check of count_records dropped in turn.
TEST(Cifar10, RefusesFilesThatAreNotRecords) {
  expect_refused("empty.bin", {"is empty"});
  expect_refused("cut.bin", {"6145 bytes", "record 1 (byte 3073) is cut off"});
  expect_refused("compressed.bin", {"is compressed"});
}

// Seen to fail on: labels compared with > instead of >=.
TEST(Cifar10, RefusesLabelsAboveNine) {
  expect_refused("label-10.bin", {"the label 10 in record 1 (byte 3073)"});
}

// Seen to fail on: a missing batch passed over.
TEST(Cifar10, NamesTheMissingFile) {
  const std::string text =
      error_text([] { read_cifar10_split(fixtures / "cifar10-damaged", DatasetSplit::test); });
  EXPECT_NE(text.find("has no file test_batch.bin"), std::string::npos) << text;
  EXPECT_NE(text.find("cifar-10-batches-bin"), std::string::npos) << text;
}

// Seen to fail on: batches.meta.txt ignored.
TEST(Cifar10, ReadsTheClassNames) {
  EXPECT_EQ(read_cifar10_class_names(fixtures / "cifar10"),
            (std::vector<std::string>{"plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "boat",
                                      "truck"}));
}

// Seen to fail on: batches.meta.txt required.
TEST(Cifar10, KnowsTheClassNamesWithoutTheirFile) {
  EXPECT_EQ(read_cifar10_class_names(fixtures / "cifar10-damaged"),
            (std::vector<std::string>{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse",
                                      "ship", "truck"}));
}

std::filesystem::path names_folder() {
  return std::filesystem::path(testing::TempDir()) / "kones-cifar10-names";
}

std::vector<std::string> names_from(const std::string& text) {
  std::filesystem::create_directories(names_folder());
  std::ofstream(names_folder() / "batches.meta.txt", std::ios::binary) << text;
  return read_cifar10_class_names(names_folder());
}

// Seen to fail on: the checks of length, of printable characters, of too many and of too few lines dropped in
// turn; the carriage return kept.
TEST(Cifar10, RefusesBadClassNames) {
  const std::string nine = "a\nb\nc\nd\ne\nf\ng\nh\ni\n";
  EXPECT_EQ(names_from(nine + "j").size(), 10u);
  EXPECT_EQ(names_from("a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni\r\nj\r\n").front(), "a");
  EXPECT_EQ(names_from(nine + std::string(64, 'j')).size(), 10u);
  const auto says = [](const std::string& text, const std::string& part) {
    const std::string error = error_text([&] { names_from(text); });
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  says(nine, "9 class names");
  says("", "0 class names");
  says(nine + "j\nk\n", "line 11");
  says("\n" + nine + "j\n", "line 1;");
  says(nine + std::string(65, 'j'), "line 10");
  says(nine + "\x1b[2J", "line 10");
  says(nine + "\xc3\xa9", "line 10");
  says(nine + "j" + std::string(5000, '\n'), "more than the 4096");
  std::filesystem::remove_all(names_folder());
}

}  // namespace
}  // namespace kones
