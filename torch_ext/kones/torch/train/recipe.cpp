#include "kones/torch/train/recipe.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <type_traits>

#include <nlohmann/json.hpp>
#include <toml++/toml.h>

#include "kones/error.h"
#include "kones/files/atomic_file.h"
#include "kones/torch/methods/method.h"
#include "kones/torch/models/topology.h"
#include "kones/torch/train/embedded_recipes.h"
#include "kones/torch/train/recipe_json.h"

namespace kones {
namespace {

constexpr std::uintmax_t max_file_bytes = 1 << 20;

/// Calls visit(name, field) for every field: the one list that files are read and written by.
template <typename SomeRecipe, typename Visit>
void for_each_field(SomeRecipe& recipe, Visit visit) {
  visit("recipe", recipe.recipe);
  visit("epochs", recipe.epochs);
  visit("batch_size", recipe.batch_size);
  visit("precision", recipe.precision);
  visit("loss", recipe.loss);
  visit("label_smoothing", recipe.label_smoothing);
  visit("distillation", recipe.distillation);
  visit("temperature", recipe.temperature);
  visit("optimizer", recipe.optimizer);
  visit("learning_rate", recipe.learning_rate);
  visit("final_learning_rate", recipe.final_learning_rate);
  visit("schedule", recipe.schedule);
  visit("schedule_interval", recipe.schedule_interval);
  visit("warmup", recipe.warmup);
  visit("momentum", recipe.momentum);
  visit("weight_decay", recipe.weight_decay);
  visit("rounding", recipe.rounding);
  visit("rounding_share", recipe.rounding_share);
  visit("initialization", recipe.initialization);
  visit("scale_learning_rate", recipe.scale_learning_rate);
  visit("latent_clip", recipe.latent_clip);
  visit("weight_average", recipe.weight_average);
  visit("activation_bits", recipe.activation_bits);
  visit("input_dropout", recipe.input_dropout);
  visit("hidden_dropout", recipe.hidden_dropout);
  visit("shift", recipe.shift);
  visit("flip", recipe.flip);
  visit("rotation", recipe.rotation);
  visit("zoom", recipe.zoom);
  visit("border", recipe.border);
  visit("validation_images", recipe.validation_images);
  visit("train_images", recipe.train_images);
}

std::string field_names() {
  std::string names;
  const Recipe any;
  for_each_field(any, [&names](const char* name, const auto&) {
    names += (names.empty() ? "" : ", ") + std::string(name);
  });
  return names;
}

void check_range(const char* name, double value, double low, double high) {
  if (!(value >= low && value <= high)) {
    std::ostringstream text;
    text << name << " is " << value << "; it takes " << low << " to " << high;
    throw Error(text.str());
  }
}

void check_name(const char* field, const std::string& value, std::initializer_list<const char*> names) {
  std::string list;
  for (const char* name : names) {
    if (value == name) return;
    list += (list.empty() ? "" : ", ") + std::string(name);
  }
  throw Error(std::string(field) + " is \"" + value + "\"; there is " + list);
}

const char* type_name(bool) {
  return "true or false";
}

const char* type_name(int64_t) {
  return "a whole number";
}

const char* type_name(double) {
  return "a number";
}

const char* type_name(const std::string&) {
  return "a text in quotes";
}

/// The value of a node of the field's own type. toml++ by itself takes 1 for true and 2.0 for 2.
template <typename Field>
std::optional<Field> value_of(const toml::node& node) {
  if constexpr (std::is_same_v<Field, double>) {
    return node.is_number() ? node.value<double>() : std::nullopt;
  } else {
    return node.value_exact<Field>();
  }
}

[[noreturn]] void fail_at(const std::string& file, const toml::node& node, const std::string& text) {
  throw Error(file + ", line " + std::to_string(node.source().begin.line) + ": " + text);
}

toml::table parse_toml(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    std::ostringstream message;
    message << file << ", line " << error.source().begin.line << ": " << error.description();
    throw Error(message.str());
  }
}

/// Sets the fields that `table` names; the keys in `passed_over` name none.
void apply_table(Recipe& recipe, const toml::table& table, const std::string& file,
                 std::initializer_list<std::string_view> passed_over = {}) {
  for (const auto& entry : table) {
    const std::string key(entry.first.str());
    const toml::node& node = entry.second;
    if (std::find(passed_over.begin(), passed_over.end(), key) != passed_over.end()) continue;
    if (key == "recipe") fail_at(file, node, "a file does not choose the recipe; --recipe does");
    bool found = false;
    for_each_field(recipe, [&](const char* name, auto& field) {
      if (key != name) return;
      found = true;
      using Field = std::decay_t<decltype(field)>;
      const std::optional<Field> value = value_of<Field>(node);
      if (!value) fail_at(file, node, key + " has a value of the wrong type; it takes " + type_name(field));
      field = *value;
    });
    if (!found) fail_at(file, node, "there is no setting \"" + key + "\"; there is " + field_names());
  }
}

/// Whether an override is for the method: its "methods" name it, every one of which has to be a method, or
/// it is for all with "quantized" weights.
bool is_for(const toml::table& table, const Method& method, const std::string& file) {
  if (const toml::node* quantized = table.get("quantized")) {
    if (quantized->value_exact<bool>() != true) fail_at(file, *quantized, "quantized is true or left out");
    return method.weights.format.has_value();
  }
  const toml::array* names = table["methods"].as_array();
  if (names == nullptr) fail_at(file, table, "an override needs methods = [\"...\"] or quantized = true");
  bool found = false;
  for (const toml::node& name : *names) {
    const std::optional<std::string> text = name.value_exact<std::string>();
    if (!text) fail_at(file, name, "a method is named by a text in quotes");
    found = found || find_method(*text).name == method.name;
  }
  return found;
}

/// Whether runs of version 0.1 know nothing of a setting, and trained as its default says.
bool is_newer(std::string_view name) {
  static const std::set<std::string_view> first = {"recipe",
                                                   "epochs",
                                                   "batch_size",
                                                   "loss",
                                                   "optimizer",
                                                   "learning_rate",
                                                   "final_learning_rate",
                                                   "schedule",
                                                   "schedule_interval",
                                                   "warmup",
                                                   "momentum",
                                                   "weight_decay",
                                                   "rounding",
                                                   "initialization",
                                                   "scale_learning_rate",
                                                   "latent_clip",
                                                   "shift",
                                                   "flip",
                                                   "validation_images",
                                                   "train_images"};
  return first.count(name) == 0;
}

}  // namespace

const std::vector<std::string>& recipe_names() {
  static const std::vector<std::string> names = {"best", "paper"};
  return names;
}

Recipe make_recipe(const std::string& name, const Topology& topology, const Method& method) {
  if (std::find(recipe_names().begin(), recipe_names().end(), name) == recipe_names().end())
    throw UsageError("there is no recipe \"" + name + "\"; there is best, paper");
  const std::string file = name + "/" + topology.name + ".toml";
  const char* const text = find_embedded_recipe(file);
  if (text == nullptr) throw Error("there is no recipe " + file);
  Recipe recipe;
  recipe.recipe = name;
  const toml::table table = parse_toml(text, file);
  apply_table(recipe, table, file, {"override"});
  if (const toml::array* overrides = table["override"].as_array()) {
    for (const toml::node& node : *overrides) {
      const toml::table& settings = *node.as_table();
      if (is_for(settings, method, file)) apply_table(recipe, settings, file, {"methods", "quantized"});
    }
  }
  check_recipe(recipe);
  return recipe;
}

void apply_toml(Recipe& recipe, const std::filesystem::path& file) {
  const toml::table table = parse_toml(read_file(file, max_file_bytes), file.string());
  apply_table(recipe, table, file.string());
  try {
    check_recipe(recipe);
  } catch (const Error& error) {
    // Its text begins with the setting's name, unless several settings do not go together.
    const std::string text = error.what();
    const toml::node* node = table.get(text.substr(0, text.find(' ')));
    if (node != nullptr) fail_at(file.string(), *node, text);
    throw Error(file.string() + ": " + text);
  }
}

void check_recipe(const Recipe& r) {
  check_range("epochs", static_cast<double>(r.epochs), 1, 1e6);
  check_range("batch_size", static_cast<double>(r.batch_size), 2, 1e6);
  check_name("precision", r.precision, {"float32", "bfloat16"});
  check_name("loss", r.loss, {"cross-entropy", "squared-hinge"});
  check_range("label_smoothing", r.label_smoothing, 0, 1);
  if (r.label_smoothing > 0 && r.loss != "cross-entropy")
    throw Error("label_smoothing is for the loss cross-entropy");
  check_range("distillation", r.distillation, 0, 1);
  check_range("temperature", r.temperature, 0.1, 100);
  check_name("optimizer", r.optimizer, {"adam", "sgd"});
  check_range("learning_rate", r.learning_rate, 0, 1e6);
  check_range("final_learning_rate", r.final_learning_rate, 0, 1e6);
  check_name("schedule", r.schedule, {"cosine", "exponential", "constant"});
  if (r.schedule == "exponential" && !(r.final_learning_rate > 0 && r.learning_rate > 0)) {
    throw Error("the exponential schedule needs learning_rate and final_learning_rate above 0");
  }
  check_name("schedule_interval", r.schedule_interval, {"step", "epoch"});
  check_range("warmup", r.warmup, 0, 1);
  check_range("momentum", r.momentum, 0, 1);
  check_range("weight_decay", r.weight_decay, 0, 1e6);
  check_name("rounding", r.rounding, {"nearest", "stochastic", "truncate"});
  check_range("rounding_share", r.rounding_share, 0, 1);
  check_name("initialization", r.initialization, {"he", "uniform"});
  check_range("latent_clip", r.latent_clip, 0, 1e6);
  check_range("weight_average", r.weight_average, 0, 0.999999);
  if (r.activation_bits != 0) {
    check_range("activation_bits", static_cast<double>(r.activation_bits), 4, 16);
    if (r.precision != "float32") throw Error("activation_bits needs the precision float32");
  }
  check_range("input_dropout", r.input_dropout, 0, 0.99);
  check_range("hidden_dropout", r.hidden_dropout, 0, 0.99);
  check_range("shift", static_cast<double>(r.shift), 0, 16);
  check_range("rotation", r.rotation, 0, 180);
  check_range("zoom", r.zoom, 0, 0.9);
  check_name("border", r.border, {"black", "edge"});
  check_range("validation_images", static_cast<double>(r.validation_images), 0, 1e9);
  check_range("train_images", static_cast<double>(r.train_images), 0, 1e9);
}

nlohmann::json recipe_to_json(const Recipe& recipe) {
  nlohmann::json json;
  for_each_field(recipe, [&json](const char* name, const auto& field) { json[name] = field; });
  return json;
}

Recipe recipe_from_json(const nlohmann::json& json) {
  Recipe recipe;
  for_each_field(recipe, [&json](const char* name, auto& field) {
    if (!json.contains(name) && is_newer(name)) return;
    try {
      json.at(name).get_to(field);
    } catch (const nlohmann::json::exception&) {
      throw Error(std::string("its recipe has no usable ") + name);
    }
  });
  return recipe;
}

}  // namespace kones
