// Builds the network of a package from the blocks of a trained one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kones/package/package.h"
#include "kones/torch/exporting/activation_format.h"
#include "kones/torch/exporting/fold_batch_norm.h"
#include "kones/torch/models/network.h"

namespace kones {

class NetworkWriter {
 public:
  /// Writes the input tensor of `network`.
  NetworkWriter(const Topology& topology, package::Network& network);

  /// Appends the tensors and layers of the next block; `format` is that of its output, where it has one.
  /// Throws Error for what has no integer form, naming the block and the reason.
  void add_block(const Block& block, const std::optional<ActivationFormat>& format);

  /// The last block's output becomes the network's.
  void finish();

 private:
  /// A tensor that is written: the value that an integer of 1 stands for, and the largest magnitude.
  struct Signal {
    uint32_t tensor = 0;
    double unit = 1.0;
    int64_t magnitude = 0;
  };

  /// A block that is written: its output, or its sums, whose batch norm folds into the addition that takes
  /// them as a residual.
  struct Written {
    Block block;
    Signal signal;
    bool is_normalized = false;
  };

  Signal input_of(const Block& block) const;

  const package::Tensor& tensor_of(const Signal& signal) const { return network_.tensors[signal.tensor]; }
  Signal add_layer(std::string name, std::vector<uint32_t> inputs, package::Tensor output,
                   package::Operation operation, double unit, int64_t magnitude);
  Signal add_weights(const Block& block, const Signal& input);
  Signal add_pooling(const Block& block, const Signal& input);
  Signal add_threshold(const Block& block, const Signal& input);
  Signal add_requantize(const Block& block, const Signal& input, const ActivationFormat& format);
  /// The block's output as the sum of its batch norm and its residual.
  Signal add_residual(const Block& block, const Signal& input, const std::optional<ActivationFormat>& format);
  /// What the integers of a residual stand for, a map a channel.
  std::vector<AffineMap> residual_maps(const Written& residual) const;
  package::Tensor activations(const Block& block, const package::Tensor& like,
                              const ActivationFormat& format) const;
  Signal add_signs(const Block& block, const Signal& input, package::Threshold threshold);

  package::Network& network_;
  std::vector<Written> written_;
};

}  // namespace kones
