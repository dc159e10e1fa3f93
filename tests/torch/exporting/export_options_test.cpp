// The widths of activations as --activation-bits gives them.
#include "kones/torch/exporting/export_options.h"

#include <string>

#include "data/error_text.h"
#include <gtest/gtest.h>

#include "kones/error.h"

namespace kones {
namespace {

ExportOptions parse(const std::string& text) {
  ExportOptions options;
  parse_activation_bits(text, options);
  return options;
}

TEST(ActivationBits, OneWidthOrOneALayer) {
  EXPECT_EQ(parse("12").activation_bits, 12);
  EXPECT_TRUE(parse("12").layer_bits.empty());
  const ExportOptions options = parse("conv2=4,linear3=16,*=6");
  EXPECT_EQ(options.activation_bits, 6);
  EXPECT_EQ(options.layer_bits, (std::map<std::string, int>{{"conv2", 4}, {"linear3", 16}}));
  EXPECT_FALSE(parse("conv1=5").activation_bits);
}

TEST(ActivationBits, OthersAreRefused) {
  for (const char* text :
       {"3", "17", "-8", "8.5", "8 ", "eight", "conv1=3", "conv1=", "=8", "conv1", "conv1=8,", "conv1=8,,",
        "conv1=8;conv2=9", "conv1=4,conv1=4", "*=4,*=5", "99999999999"}) {
    EXPECT_THROW(parse(text), UsageError) << text;
  }
  EXPECT_NE(error_text([] { parse("conv1=20"); }).find("4 to 16 bits, not \"20\""), std::string::npos);
  EXPECT_NE(error_text([] { parse("conv1=4,conv1=5"); }).find("two widths for conv1"), std::string::npos);
}

TEST(CalibrationName, IsRangeOrError) {
  EXPECT_EQ(parse_calibration("range"), Calibration::range);
  EXPECT_EQ(parse_calibration("error"), Calibration::error);
  EXPECT_NE(error_text([] { parse_calibration("mse"); }).find("range, error"), std::string::npos);
}

}  // namespace
}  // namespace kones
