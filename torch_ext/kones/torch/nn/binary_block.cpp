#include "kones/torch/nn/binary_block.h"

#include <torch/torch.h>

#include "kones/torch/ops/signs.h"

namespace kones::nn {
namespace {

/// x and weight of a block, as the sums and the gradient take them.
struct Operands {
  Signs x;  ///< without words where x is no signs
  Signs weight;
};

at::Tensor sums_of(const Operands& operands, const BinaryBlockOptions& options) {
  if (options.signs) return multiply_signs(operands.x, operands.weight, options.geometry);
  const at::Tensor& x = operands.x.numbers;
  const at::Tensor& weight = operands.weight.numbers;
  if (x.dim() == 2) return at::linear(x, weight);
  return at::conv2d(x, weight, {}, options.geometry.stride, options.geometry.padding,
                    options.geometry.dilation, options.geometry.groups);
}

at::IntArrayRef no_padding() {
  static const std::vector<int64_t> zeros = {0, 0};
  return zeros;
}

class BinaryBlockFunction : public torch::autograd::Function<BinaryBlockFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& norm_weight,
                            const at::Tensor& norm_bias, const TrainingNorm& norm,
                            const BinaryBlockOptions& options) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    Operands operands;
    operands.x.numbers = x;
    if (options.signs)
      operands.x.words = std::get<0>(ops::pack_signs_masked(x, options.geometry.groups, false));
    operands.weight = {std::get<0>(ops::pack_signs_masked(weight, 1, false)), weight};
    at::Tensor pooled = sums_of(operands, options);
    if (options.max_pool > 1) {
      const std::vector<int64_t> window = {options.max_pool, options.max_pool};
      pooled = at::max_pool2d(pooled, window, window);
    }
    auto [y, mean, deviation] =
        at::native_batch_norm(pooled, norm_weight, norm_bias, norm.running_mean, norm.running_variance, true,
                              norm.momentum, norm.epsilon);
    context->save_for_backward(
        {options.signs ? operands.x.words : x, operands.weight.words, norm_weight, mean, deviation});
    auto& saved = context->saved_data;
    saved["stride"] = options.geometry.stride;
    saved["padding"] = options.geometry.padding;
    saved["dilation"] = options.geometry.dilation;
    saved["groups"] = options.geometry.groups;
    saved["max_pool"] = options.max_pool;
    saved["signs"] = options.signs;
    saved["in_channels"] = x.size(1);
    saved["channels_last"] = x.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
    saved["weight_channels"] = weight.size(1);
    saved["epsilon"] = norm.epsilon;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    auto& saved = context->saved_data;
    const auto variables = context->get_saved_variables();
    const at::Tensor& norm_weight = variables[2];
    BinaryBlockOptions options;
    options.geometry = {saved["stride"].toIntVector(), saved["padding"].toIntVector(),
                        saved["dilation"].toIntVector(), saved["groups"].toInt()};
    options.max_pool = saved["max_pool"].toInt();
    options.signs = saved["signs"].toBool();
    const bool channels_last = saved["channels_last"].toBool();

    Operands operands;
    if (options.signs) {
      operands.x.words = variables[0];
      operands.x.numbers = ops::unpack_signs_as(variables[0], saved["in_channels"].toInt(),
                                                options.geometry.groups, at::kFloat, channels_last);
    } else {
      operands.x.numbers = variables[0];
    }
    operands.weight.words = variables[1];
    operands.weight.numbers =
        ops::unpack_signs_as(variables[1], saved["weight_channels"].toInt(), 1, at::kFloat, false);

    const at::Tensor sums = sums_of(operands, options);
    at::Tensor pooled = sums;
    at::Tensor places;
    const std::vector<int64_t> window = {options.max_pool, options.max_pool};
    if (options.max_pool > 1) std::tie(pooled, places) = at::max_pool2d_with_indices(sums, window, window);
    auto [sums_gradient, norm_weight_gradient, norm_bias_gradient] = at::native_batch_norm_backward(
        gradients[0], pooled, norm_weight, {}, {}, variables[3], variables[4], true,
        saved["epsilon"].toDouble(), {true, context->needs_input_grad(2), context->needs_input_grad(3)});
    if (options.max_pool > 1) {
      pooled = at::Tensor();
      sums_gradient = at::max_pool2d_with_indices_backward(sums_gradient, sums, window, window, no_padding(),
                                                           {1, 1}, false, places);
    }
    torch::autograd::variable_list results(6);
    multiply_back(operands, sums_gradient, options, context->needs_input_grad(0),
                  context->needs_input_grad(1), results);
    results[2] = norm_weight_gradient;
    results[3] = norm_bias_gradient;
    return results;
  }

 private:
  /// The gradients of x and weight from that of their sums.
  static void multiply_back(const Operands& operands, const at::Tensor& gradient,
                            const BinaryBlockOptions& options, bool needs_x, bool needs_weight,
                            torch::autograd::variable_list& results) {
    const at::Tensor& x = operands.x.numbers;
    const at::Tensor& weight = operands.weight.numbers;
    if (x.dim() == 2) {
      if (needs_x) results[0] = at::mm(gradient, weight);
      if (needs_weight) results[1] = at::mm(gradient.t(), x);
      return;
    }
    std::tie(results[0], results[1], std::ignore) =
        at::convolution_backward(gradient, x, weight, std::nullopt, options.geometry.stride,
                                 options.geometry.padding, options.geometry.dilation, false, no_padding(),
                                 options.geometry.groups, {needs_x, needs_weight, false});
  }
};

}  // namespace

at::Tensor binary_block(const at::Tensor& x, const at::Tensor& weight, const TrainingNorm& norm,
                        const BinaryBlockOptions& options) {
  for (const at::Tensor& tensor : {x, weight}) {
    TORCH_CHECK_TYPE(tensor.scalar_type() == at::kFloat, "binary_block: ", tensor.is_same(x) ? "x" : "weight",
                     " is ", tensor.scalar_type(), "; it takes float32");
  }
  TORCH_CHECK_VALUE(x.dim() == weight.dim() && (x.dim() == 4 || x.dim() == 2), "binary_block: x has ",
                    x.dim(), " dimensions and weight ", weight.dim(), "; it takes 4 of both, or 2");
  TORCH_CHECK_VALUE(options.max_pool >= 1 && (options.max_pool == 1 || x.dim() == 4),
                    "binary_block: max_pool is ", options.max_pool, "; it takes 1 or, for pictures, more");
  return BinaryBlockFunction::apply(x, weight, norm.weight, norm.bias, norm, options);
}

}  // namespace kones::nn
