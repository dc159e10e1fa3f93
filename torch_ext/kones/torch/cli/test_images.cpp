#include "kones/torch/cli/test_images.h"

#include "kones/data/dataset.h"

namespace kones::cli {

ImageSet load_test_images(const std::string& dataset, int64_t limit) {
  ImageSet images = load_test_set(dataset);
  if (limit > 0 && limit < images.count) {
    const int64_t bytes = static_cast<int64_t>(images.pixels.size()) / images.count;
    images.pixels.resize(static_cast<size_t>(limit * bytes));
    images.labels.resize(static_cast<size_t>(limit));
    images.count = limit;
  }
  return images;
}

}  // namespace kones::cli
