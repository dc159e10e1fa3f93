// Tables of the UCI machine learning repository as pictures of one row: a feature is a byte.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "kones/data/image_set.h"

namespace kones {

/// The tables that there are: abalone, balance-scale, banknote, skin, transfusion.
std::vector<std::string> uci_names();

/// One split of the table `name`, whose file lies in `folder` or in a folder of it called `name`. A fifth of
/// the rows, chosen by a fixed seed, are the test split. Each feature x becomes the byte nearest to
/// 255 (x - min) / (max - min) with the train split's least and largest value, and is clamped to 0..255, or 0
/// where these are the same; a column of letters (abalone's sex) becomes a feature a letter, 0 or 255. A
/// picture is 1 x 1 x features. abalone's rings make three classes: to 8, 9 and 10, from 11 (abalone.names).
/// Throws Error that names the file and the line.
ImageSet read_uci_split(const std::string& name, const std::filesystem::path& folder, DatasetSplit split);

/// The same of the file at `path`.
ImageSet read_uci_file(const std::string& name, const std::filesystem::path& path, DatasetSplit split);

/// Of the table `name`, one a class.
std::vector<std::string> uci_class_names(const std::string& name);

}  // namespace kones
