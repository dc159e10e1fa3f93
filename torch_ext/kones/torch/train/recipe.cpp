#include "kones/torch/train/recipe.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>
#include <string_view>
#include <type_traits>

#include <nlohmann/json.hpp>
#include <toml++/toml.h>

#include "kones/error.h"
#include "kones/files/atomic_file.h"
#include "kones/numeric/rounding.h"
#include "kones/torch/methods/method.h"
#include "kones/torch/models/topology.h"
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
  visit("loss", recipe.loss);
  visit("optimizer", recipe.optimizer);
  visit("learning_rate", recipe.learning_rate);
  visit("final_learning_rate", recipe.final_learning_rate);
  visit("schedule", recipe.schedule);
  visit("schedule_interval", recipe.schedule_interval);
  visit("warmup", recipe.warmup);
  visit("momentum", recipe.momentum);
  visit("weight_decay", recipe.weight_decay);
  visit("rounding", recipe.rounding);
  visit("initialization", recipe.initialization);
  visit("scale_learning_rate", recipe.scale_learning_rate);
  visit("latent_clip", recipe.latent_clip);
  visit("activation_bits", recipe.activation_bits);
  visit("shift", recipe.shift);
  visit("flip", recipe.flip);
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

Recipe best_recipe(const Topology& topology, const Method& method) {
  const bool convolution = topology.layers.front().kind == LayerShape::Kind::conv2d;
  const bool binary_weights = method.weights.format && method.weights.format->family == FormatFamily::binary;
  // With weights drawn small, all of them would begin as the level 0.
  const bool coarse_weights = method.weights.format == NumberFormat::fixed_point(1, 3);
  Recipe recipe;
  recipe.shift = 1;
  recipe.epochs = convolution ? 8 : 20;
  recipe.warmup = convolution ? 0.15 : 0.1;
  if (topology.name.rfind("cifar-3conv", 0) == 0 || topology.name == "cifar-resnet20") {
    recipe.epochs = 20;
    recipe.shift = binary_weights ? 0 : 2;
    recipe.flip = true;
  }
  if (binary_weights || coarse_weights) {
    recipe.learning_rate = convolution ? 1e-3 : 3e-3;
    recipe.initialization = "uniform";
    recipe.scale_learning_rate = true;
  } else {
    recipe.learning_rate = convolution ? 3e-3 : 5e-3;
  }
  return recipe;
}

Recipe paper_recipe(const Topology& topology, const Method& method) {
  const bool convolution = topology.layers.front().kind == LayerShape::Kind::conv2d;
  Recipe recipe;
  recipe.recipe = "paper";
  recipe.epochs = convolution ? 20 : 100;
  recipe.batch_size = 100;
  recipe.loss = "squared-hinge";
  recipe.learning_rate = 3e-3;
  recipe.final_learning_rate = 3e-7;
  recipe.schedule = "exponential";
  recipe.schedule_interval = "epoch";
  recipe.warmup = 0.0;
  if (method.weights.format) {
    recipe.initialization = "uniform";
    recipe.scale_learning_rate = true;
    recipe.latent_clip = 1.0;
    if (method.weights.format->family == FormatFamily::k_ones) recipe.rounding = "stochastic";
  }
  return recipe;
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

}  // namespace

const std::vector<std::string>& recipe_names() {
  static const std::vector<std::string> names = {"best", "paper"};
  return names;
}

Recipe make_recipe(const std::string& name, const Topology& topology, const Method& method) {
  if (name == "best") return best_recipe(topology, method);
  if (name == "paper") return paper_recipe(topology, method);
  throw UsageError("there is no recipe \"" + name + "\"; there is best, paper");
}

void apply_toml(Recipe& recipe, const std::filesystem::path& file) {
  toml::table table;
  try {
    table = toml::parse(read_file(file, max_file_bytes), file.string());
  } catch (const toml::parse_error& error) {
    std::ostringstream text;
    text << file.string() << ", line " << error.source().begin.line << ": " << error.description();
    throw Error(text.str());
  }
  const auto where = [&file](const toml::node& node) {
    return file.string() + ", line " + std::to_string(node.source().begin.line) + ": ";
  };
  for (const auto& entry : table) {
    const std::string key(entry.first.str());
    const toml::node& node = entry.second;
    if (key == "recipe") throw Error(where(node) + "a file does not choose the recipe; --recipe does");
    bool found = false;
    for_each_field(recipe, [&](const char* name, auto& field) {
      if (key != name) return;
      found = true;
      using Field = std::decay_t<decltype(field)>;
      const std::optional<Field> value = value_of<Field>(node);
      if (!value)
        throw Error(where(node) + key + " has a value of the wrong type; it takes " + type_name(field));
      field = *value;
    });
    if (!found) throw Error(where(node) + "there is no setting \"" + key + "\"; there is " + field_names());
  }
  try {
    check_recipe(recipe);
  } catch (const Error& error) {
    // Its text begins with the setting's name, unless several settings do not go together.
    const std::string text = error.what();
    const toml::node* node = table.get(text.substr(0, text.find(' ')));
    throw Error((node != nullptr ? where(*node) : file.string() + ": ") + text);
  }
}

void check_recipe(const Recipe& r) {
  check_range("epochs", static_cast<double>(r.epochs), 1, 1e6);
  check_range("batch_size", static_cast<double>(r.batch_size), 2, 1e6);
  check_name("loss", r.loss, {"cross-entropy", "squared-hinge"});
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
  check_name("initialization", r.initialization, {"he", "uniform"});
  check_range("latent_clip", r.latent_clip, 0, 1e6);
  if (r.activation_bits != 0) check_range("activation_bits", static_cast<double>(r.activation_bits), 4, 16);
  check_range("shift", static_cast<double>(r.shift), 0, 16);
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
    // Runs of older versions have float32 activations, and say nothing of them.
    if (std::string_view(name) == "activation_bits" && !json.contains(name)) return;
    try {
      json.at(name).get_to(field);
    } catch (const nlohmann::json::exception&) {
      throw Error(std::string("its recipe has no usable ") + name);
    }
  });
  return recipe;
}

}  // namespace kones
