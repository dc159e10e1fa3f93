// What differs between plain ONNX and QONNX: how integers of few bits are said.
#pragma once

#include <cstdint>
#include <memory>

#include "kones/onnx/graph.h"
#include "kones/package/package.h"

namespace kones::onnx_program {

/// Integers that float32 holds whole reach from -this to this.
inline constexpr int64_t largest_float32_integer = 1 << 24;

/// The exponent e that the graph's values have for integers of `fraction_bits`: value = integer * 2^-e. Where
/// float32 could not hold sums of such values, e is 0, and the values are the integers.
inline int graph_exponent(int fraction_bits) {
  return fraction_bits >= -48 && fraction_bits <= 48 ? fraction_bits : 0;
}

class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual int64_t batch() const = 0;  ///< 0: any
  virtual Type input_type() const = 0;
  /// Puts in the model what the dialect needs: versions, data types.
  virtual void finish(Graph& graph) const = 0;
  virtual void annotate_input(Graph& graph, const Value& input) const = 0;

  /// float32 weights of the shape, level * 2^-graph_exponent(format.fraction_bits()).
  virtual Value weights(Graph& graph, const NumberFormat& format, const std::vector<int32_t>& levels,
                        const std::vector<int64_t>& shape) const = 0;

  /// The values of a fixed point tensor, clamped(floor(x)) * 2^-e with e = graph_exponent(fraction bits), in
  /// float32, or in float64 for more than 24 bits. `scaled` is x * 2^-scaled_exponent(tensor) in float64, or,
  /// in int64, what floor and clamp make the same of as of x. Throws Error where that cannot be said.
  virtual Value fixed_point(Graph& graph, const Value& scaled, const package::Tensor& tensor) const = 0;
  virtual int scaled_exponent(const package::Tensor& tensor) const = 0;

  /// float32: +1 where difference >= 0, else -1. No difference is NaN.
  virtual Value signs(Graph& graph, const Value& difference) const = 0;

  /// Whether matrices are multiplied in float32, where that is exact; else in float64.
  virtual bool multiplies_in_float32() const = 0;

  /// Whether results go out as int64 with the prediction, or as they are.
  virtual bool gives_integers() const = 0;
};

std::unique_ptr<Dialect> make_onnx();
std::unique_ptr<Dialect> make_qonnx();

}  // namespace kones::onnx_program
