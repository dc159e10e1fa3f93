// Requantize, Add and Threshold.
#include <algorithm>
#include <limits>

#include "kones/engine/layer_kernel.h"
#include "kones/kernels/channelwise.h"

namespace kones::engine {
namespace {

kernels::StoredRange stored_range(const LayerTensors& tensors) {
  const package::Tensor& tensor = tensors.output_tensor;
  const int64_t low = tensor.is_signed ? -(int64_t{1} << (tensor.bits - 1)) : 0;
  return {low, low + (int64_t{1} << tensor.bits) - 1, tensors.output->zero_point};
}

/// Calls function with a zero of the type of a fixed-point tensor, which no more than 32 bits hold.
template <typename Function>
void with_fixed_point_element(Element element, Function function) {
  with_element(element, [&](auto zero) {
    if constexpr (sizeof(zero) < sizeof(int64_t)) function(zero);
  });
}

/// How many pixels of a tensor are taken for one of as many times the channels, so that vectors are filled:
/// the constants of the channels are then there as often.
int64_t pixels_together(const StoredTensor& tensor) {
  constexpr int64_t enough = 128;
  int64_t together = std::min(std::max<int64_t>(1, enough / tensor.channels), tensor.pixels());
  while (tensor.pixels() % together != 0) --together;
  return together;
}

/// (x - zero_point) * multiplier + addend as x * multiplier + the result.
int64_t shifted_addend(int64_t addend, int64_t multiplier, int64_t zero_point) {
  return addend - multiplier * zero_point;
}

class RequantizeLayer : public LayerKernel {
 public:
  RequantizeLayer(const package::Requantize& requantize, const LayerTensors& tensors)
      : from_(*tensors.inputs[0]),
        to_(*tensors.output),
        together_(pixels_together(from_)),
        range_(stored_range(tensors)) {
    for (int64_t pixel = 0; pixel < together_; ++pixel) {
      for (std::size_t c = 0; c < requantize.addend.size(); ++c) {
        scaling_.multiplier.push_back(requantize.multiplier[c]);
        scaling_.shift.push_back(requantize.shift[c]);
        scaling_.addend.push_back(
            shifted_addend(requantize.addend[c], requantize.multiplier[c], from_.zero_point));
      }
    }
  }

  void run(const std::vector<const void*>& inputs, void* output, int64_t images,
           LayerScratch&) const override {
    with_element(from_.element, [&](auto in) {
      with_fixed_point_element(to_.element, [&](auto out) {
        kernels::requantize(static_cast<const decltype(in)*>(inputs[0]), images * from_.pixels() / together_,
                            scaling_, range_, static_cast<decltype(out)*>(output));
      });
    });
  }

 private:
  StoredTensor from_;
  StoredTensor to_;
  int64_t together_;
  kernels::StoredRange range_;
  kernels::ChannelScaling scaling_;
};

class AddLayer : public LayerKernel {
 public:
  AddLayer(const package::Add& add, const LayerTensors& tensors)
      : add_(add),
        first_(*tensors.inputs[0]),
        second_(*tensors.inputs[1]),
        to_(*tensors.output),
        range_(stored_range(tensors)) {
    for (std::size_t c = 0; c < add_.addend.size(); ++c) {
      add_.addend[c] = shifted_addend(add_.addend[c], add_.first_multiplier[c], first_.zero_point);
      add_.addend[c] = shifted_addend(add_.addend[c], add_.second_multiplier[c], second_.zero_point);
    }
  }

  void run(const std::vector<const void*>& inputs, void* output, int64_t images,
           LayerScratch&) const override {
    with_element(first_.element, [&](auto first) {
      with_element(second_.element, [&](auto second) {
        with_fixed_point_element(to_.element, [&](auto out) {
          add_pixels(static_cast<const decltype(first)*>(inputs[0]),
                     static_cast<const decltype(second)*>(inputs[1]), images * to_.pixels(),
                     static_cast<decltype(out)*>(output));
        });
      });
    });
  }

 private:
  template <typename First, typename Second, typename Out>
  void add_pixels(const First* first, const Second* second, int64_t pixels, Out* output) const {
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      for (int64_t c = 0; c < to_.channels; ++c) {
        const int64_t sum = int64_t{*first++} * add_.first_multiplier[c] +
                            int64_t{*second++} * add_.second_multiplier[c] + add_.addend[c];
        const int64_t saturated = std::min(std::max(sum >> add_.shift[c], range_.low), range_.high);
        *output++ = static_cast<Out>(saturated + range_.zero_point);
      }
    }
  }

  package::Add add_;
  StoredTensor first_;
  StoredTensor second_;
  StoredTensor to_;
  kernels::StoredRange range_;
};

class ThresholdLayer : public LayerKernel {
 public:
  ThresholdLayer(const package::Threshold& threshold, const LayerTensors& tensors)
      : from_(*tensors.inputs[0]), together_(pixels_together(from_)) {
    using Limits = std::numeric_limits<int64_t>;
    for (int64_t pixel = 0; pixel < together_; ++pixel) {
      for (std::size_t c = 0; c < threshold.threshold.size(); ++c) {
        // Of a narrow tensor the threshold has 32 bits and the zero point 8; a wide tensor has no zero point.
        const int64_t bound = threshold.threshold[c] + from_.zero_point;
        const bool is_rising = threshold.rising[c] != 0;
        interval_.append(is_rising ? bound : Limits::min(), is_rising ? Limits::max() : bound);
      }
    }
  }

  void run(const std::vector<const void*>& inputs, void* output, int64_t images,
           LayerScratch&) const override {
    with_element(from_.element, [&](auto in) {
      kernels::threshold(static_cast<const decltype(in)*>(inputs[0]), images * from_.pixels() / together_,
                         interval_, static_cast<uint8_t*>(output));
    });
  }

 private:
  StoredTensor from_;
  int64_t together_;
  kernels::ChannelInterval interval_;
};

}  // namespace

std::unique_ptr<LayerKernel> make_layer(const package::Requantize& requantize, const LayerTensors& tensors) {
  return std::make_unique<RequantizeLayer>(requantize, tensors);
}

std::unique_ptr<LayerKernel> make_layer(const package::Add& add, const LayerTensors& tensors) {
  return std::make_unique<AddLayer>(add, tensors);
}

std::unique_ptr<LayerKernel> make_layer(const package::Threshold& threshold, const LayerTensors& tensors) {
  return std::make_unique<ThresholdLayer>(threshold, tensors);
}

}  // namespace kones::engine
