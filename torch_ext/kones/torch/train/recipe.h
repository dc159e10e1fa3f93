// A recipe: everything about training that is not the model, the method or the data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kones {

struct Topology;
struct Method;

/// Every field has a name in TOML files and in config.json: its own.
struct Recipe {
  std::string recipe = "best";
  int64_t epochs = 20;
  int64_t batch_size = 128;
  std::string loss = "cross-entropy";  ///< cross-entropy, squared-hinge
  std::string optimizer = "adam";      ///< adam, sgd
  double learning_rate = 5e-3;
  double final_learning_rate = 0.0;        ///< what the schedule ends at; above 0 for exponential
  std::string schedule = "cosine";         ///< cosine, exponential, constant
  std::string schedule_interval = "step";  ///< step, epoch: how often the learning rate changes
  double warmup = 0.1;                     ///< share of the steps with a learning rate rising from 0
  double momentum = 0.9;                   ///< sgd
  double weight_decay = 0.0;
  std::string rounding = "nearest";   ///< of weights in training: nearest, stochastic, truncate
  std::string initialization = "he";  ///< of latent weights: he, uniform (in [-1, 1])
  bool scale_learning_rate = false;   ///< multiply a weight's rate by sqrt((fan-in + fan-out) / 1.5)
  double latent_clip = 0.0;           ///< latent weights stay in [-c, c]; 0 is the level set's range
  int64_t activation_bits = 0;  ///< of fixed-point ReLU activations with trained radix points; 0: float32
  int64_t shift = 0;            ///< augmentation: shifts by up to so many pixels
  bool flip = false;            ///< augmentation: mirrors half of the pictures
  int64_t validation_images = 5000;  ///< held out of the training set to choose the epoch
  int64_t train_images = 0;          ///< train on so many pictures at most; 0 is all
};

/// The names of the recipes: "best" and "paper".
const std::vector<std::string>& recipe_names();

/// The recipe `name` for a model and a method. `best` is what measured best; `paper` follows Ding, Liu,
/// Blanton and Marculescu, section V.A, with the defaults of the code that they built on where they say
/// nothing. Throws Error.
Recipe make_recipe(const std::string& name, const Topology& topology, const Method& method);

/// Sets the fields that a TOML file names. Throws Error with file, line and what exists for a key that is
/// none, a value of another type (a whole number is a number as well), or a recipe that check_recipe refuses.
void apply_toml(Recipe& recipe, const std::filesystem::path& file);

/// Throws Error for values out of range or names that are none, naming the field.
void check_recipe(const Recipe& recipe);

}  // namespace kones
