// Data sets by name, as programs take them on the command line: "mnist:DIR", "fashion-mnist", "cifar10:DIR",
// "uci:abalone:DIR".
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "kones/data/image_set.h"

namespace kones {

/// A data set: both splits have images of one geometry.
struct Dataset {
  std::string name;  ///< of the set, without its folder: "mnist"
  ImageSet train;
  ImageSet test;
  std::vector<std::string> class_names;  ///< [classes]
};

/// What the text "SET:DIR" says; for a set that has a default folder, "SET" alone gives that folder. Of a
/// family of sets, the text is "FAMILY:SET:DIR".
struct DatasetName {
  std::string family;  ///< "uci"; the set's own name where it is of none
  std::string set;
  std::filesystem::path folder;
};

/// Parses "SET:DIR", "SET" or "FAMILY:SET:DIR". Throws Error, which names the sets there are, for an unknown
/// set; and Error for a set that needs a folder and has none, and for a folder that is not there.
DatasetName parse_dataset_name(const std::string& text);

/// Both splits. Throws Error for what parse_dataset_name refuses, and for missing and bad files.
Dataset load_dataset(const std::string& text);

/// The test split alone; the files of the train split need not be there. Throws Error as load_dataset does.
ImageSet load_test_set(const std::string& text);

/// A number that differs, but for a chance of 2^-64, when one byte of the images or labels does.
uint64_t fingerprint(const ImageSet& images);

/// The names that there are, for help texts: "mnist:DIR", "fashion-mnist[:DIR]",
/// "uci:abalone:DIR", ...
std::vector<std::string> dataset_names();

}  // namespace kones
