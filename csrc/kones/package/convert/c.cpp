// A C99 header that computes the network, and a program that runs its golden vectors.
#include <map>
#include <set>

#include "kones/package/convert/c_layers.h"
#include "kones/package/convert/c_text.h"
#include "kones/package/convert/formats.h"

namespace kones::package {
namespace {

constexpr const char* header_text =
    R"(/* Network @network@: model @model@, method @method@, data set @dataset@.
 * Written by kones convert. C99, integers alone, no library.
 *
 *   @p@_predict(image, &tensors)   the class of a picture
 *   @p@_run(image, &tensors)       computes every tensor
 *
 * A picture is the data set's @input_bytes@ bytes, [@channels@][@height@][@width@].
 *
 * The tensors take @tensor_bytes@ bytes: static memory rather than the stack. Integers are exact: every
 * accumulator fits its type, whatever the picture.
 */
#ifndef @guard@
#define @guard@

#include <stdint.h>

#define @macro@_INPUT_BYTES @input_bytes@
#define @macro@_CLASSES @classes@

/* Each tensor is [channels][height][width]. */
typedef struct {
@members@} @p@_tensors;

@helpers@@layers@
static inline void @p@_run(const uint8_t *image, @p@_tensors *t)
{
  for (int32_t i = 0; i < @input_bytes@; ++i) {
    t->@input@[i] = (int32_t)((int64_t)image[i] * @multiplier@ + @offset@);
  }
@calls@}

/* The channel of the output with the largest integer, the first of them on a tie. */
static inline int32_t @p@_predict(const uint8_t *image, @p@_tensors *t)
{
  int32_t best = 0;
  @p@_run(image, t);
  for (int32_t c = 1; c < @classes@; ++c) {
    if (t->@output@[c] > t->@output@[best]) best = c;
  }
  return best;
}

#endif
)";

constexpr const char* main_text =
    R"(/* Runs the golden vectors of @p@.h: prints what came of it, and returns 1 at the first difference, or where there are
   none. */
#include <stdio.h>

#include "@p@.h"

#define VECTORS @vectors@
#define TENSORS @tensors@

static @p@_tensors t;
@arrays@@hashes@
int main(void)
{
@body@}
)";

constexpr const char* hash_text = R"(
static uint64_t hash_of_@type@(const @type@ *values, int32_t count)
{
  uint64_t hash = UINT64_C(14695981039346656037);
  for (int32_t i = 0; i < count; ++i) {
    hash = (hash ^ (uint64_t)(int64_t)values[i]) * UINT64_C(1099511628211);
  }
  return hash;
}
)";

constexpr const char* loop_text = R"(  for (int v = 0; v < VECTORS; ++v) {
    @p@_run(golden_pictures + v * @macro@_INPUT_BYTES, &t);
@checks@    for (int c = 0; c < @macro@_CLASSES; ++c) {
      if (t.@output@[c] != golden_outputs[v * @macro@_CLASSES + c]) {
        printf("golden vector %d: class %d differs\n", v, c);
        return 1;
      }
    }
  }
)";

constexpr const char* check_text =
    R"(    if (hash_of_@type@(t.@tensor@, @elements@) != golden_hashes[v * TENSORS + @index@]) {
      printf("golden vector %d: tensor @tensor@ differs\n", v);
      return 1;
    }
)";

/// hash_text, computed here.
uint64_t hash_of(const std::vector<int64_t>& values) {
  uint64_t hash = UINT64_C(14695981039346656037);
  for (const int64_t value : values) hash = (hash ^ static_cast<uint64_t>(value)) * UINT64_C(1099511628211);
  return hash;
}

std::string in_capitals(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

class CSource {
 public:
  explicit CSource(const Network& network)
      : network_(network), names_(network), prefix_("kones_" + identifier(network.name)) {
    const Tensor& input = network.tensors[network.input.tensor];
    values_ = {{"p", prefix_},
               {"macro", in_capitals(prefix_)},
               {"guard", in_capitals(prefix_) + "_H"},
               {"network", comment_text(network.name)},
               {"model", comment_text(network.model)},
               {"method", comment_text(network.method)},
               {"dataset", comment_text(network.dataset)},
               {"input", member(network.input.tensor)},
               {"output", member(network.output)},
               {"input_bytes", std::to_string(input.elements())},
               {"channels", std::to_string(input.channels)},
               {"height", std::to_string(input.height)},
               {"width", std::to_string(input.width)},
               {"classes", std::to_string(network.tensors[network.output].channels)},
               {"multiplier", c_number(network.input.multiplier, ElementType::int32)},
               {"offset", c_number(network.input.offset, ElementType::int32)},
               {"vectors", std::to_string(network.golden.size())},
               {"tensors", std::to_string(network.tensors.size())}};
  }

  std::string header_name() const { return prefix_ + ".h"; }

  std::string header() {
    std::string members;
    int64_t bytes = 0;
    for (std::size_t index = 0; index < network_.tensors.size(); ++index) {
      const Tensor& tensor = network_.tensors[index];
      members += std::string("  ") + c_type(type_of_integers(tensor)) + " " + member(index) + "[" +
                 std::to_string(tensor.elements()) + "]; /* " + comment_text(tensor.name) + " */\n";
      bytes += tensor.elements() * size_of(type_of_integers(tensor));
    }
    values_["members"] = members;
    values_["tensor_bytes"] = std::to_string(bytes);
    values_["helpers"] = filled(c_helpers, values_);
    values_["layers"] = layers();
    values_["calls"] = calls();
    return filled(header_text, values_);
  }

  std::string main() {
    values_["arrays"] = values_["hashes"] = values_["body"] = "";
    if (network_.golden.empty()) {
      values_["body"] =
          "  (void)t;\n  printf(\"no golden vectors: nothing was computed\\n\");\n  return 1;\n";
    } else {
      write_golden();
      values_["body"] +=
          "  printf(\"%d golden vectors, %d tensors each: every integer is right\\n\", VECTORS, TENSORS);\n"
          "  return 0;\n";
    }
    return filled(main_text, values_);
  }

 private:
  /// A prefix keeps the words of the language and the names of macros away.
  std::string member(std::size_t tensor) const { return "t_" + names_.tensors[tensor]; }

  std::string layers() const {
    std::string text;
    for (std::size_t layer = 0; layer < network_.layers.size(); ++layer)
      text += c_layer(network_, layer, prefix_, names_);
    return text;
  }

  std::string calls() const {
    std::string text;
    for (std::size_t index = 0; index < network_.layers.size(); ++index) {
      const Layer& layer = network_.layers[index];
      text += "  " + prefix_ + "_layer_" + names_.layers[index] + "(";
      for (const uint32_t input : layer.inputs) text += "t->" + member(input) + ", ";
      text += "t->" + member(layer.output) + ");\n";
    }
    return text;
  }

  void write_golden() {
    std::vector<uint8_t> pictures;
    std::vector<int64_t> outputs;
    std::string hashes;
    for (const GoldenVector& golden : network_.golden) {
      pictures.insert(pictures.end(), golden.input.begin(), golden.input.end());
      const std::vector<int64_t>& output = golden.tensors[network_.output];
      outputs.insert(outputs.end(), output.begin(), output.end());
      for (const std::vector<int64_t>& integers : golden.tensors)
        hashes += "  UINT64_C(" + std::to_string(hash_of(integers)) + "),\n";
    }
    values_["arrays"] =
        "\n" + c_array("golden_pictures", ElementType::uint8, pictures) + "\n" +
        c_array("golden_outputs", type_of_integers(network_.tensors[network_.output]), outputs) +
        "\n/* Of every tensor's integers. */\nstatic const uint64_t golden_hashes[VECTORS * "
        "TENSORS] = {\n" +
        hashes + "};\n";
    write_checks();
    values_["body"] = filled(loop_text, values_);
  }

  void write_checks() {
    std::set<std::string> types;
    std::string checks;
    for (std::size_t index = 0; index < network_.tensors.size(); ++index) {
      const Tensor& tensor = network_.tensors[index];
      const std::string type = c_type(type_of_integers(tensor));
      types.insert(type);
      checks += filled(check_text, {{"type", type},
                                    {"tensor", member(index)},
                                    {"elements", std::to_string(tensor.elements())},
                                    {"index", std::to_string(index)}});
    }
    values_["checks"] = checks;
    for (const std::string& type : types) values_["hashes"] += filled(hash_text, {{"type", type}});
  }

  const Network& network_;
  const NetworkNames names_;
  const std::string prefix_;
  std::map<std::string, std::string> values_;
};

}  // namespace

Written convert_to_c(const ConvertRequest& request) {
  CSource source(request.source());
  AtomicFolder folder(request.out);
  folder.write(source.header_name(), source.header());
  folder.write("main.c", source.main());
  folder.commit();
  return folder.files();
}

}  // namespace kones::package
