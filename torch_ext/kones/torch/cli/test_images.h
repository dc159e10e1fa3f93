// The pictures that evaluate and run work on.
#pragma once

#include <cstdint>
#include <string>

#include "kones/data/image_set.h"

namespace kones::cli {

/// The first `limit` test pictures of a data set, all of them for 0. Throws Error.
ImageSet load_test_images(const std::string& dataset, int64_t limit);

}  // namespace kones::cli
