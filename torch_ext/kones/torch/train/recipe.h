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
  std::string precision = "float32";   ///< of layers in training: float32, bfloat16 (evaluation is float32)
  std::string loss = "cross-entropy";  ///< cross-entropy, squared-hinge
  double label_smoothing = 0.0;        ///< cross-entropy
  double distillation = 0.0;           ///< share of the loss that a teacher gives, if there is one
  double temperature = 3.0;            ///< distillation
  std::string optimizer = "adam";      ///< adam, sgd
  double learning_rate = 5e-3;
  double final_learning_rate = 0.0;        ///< what the schedule ends at; above 0 for exponential
  std::string schedule = "cosine";         ///< cosine, exponential, constant
  std::string schedule_interval = "step";  ///< step, epoch: how often the learning rate changes
  double warmup = 0.1;                     ///< share of the steps with a learning rate rising from 0
  double momentum = 0.9;                   ///< sgd
  double weight_decay = 0.0;
  std::string rounding = "nearest";   ///< of weights in training: nearest, stochastic, truncate
  double rounding_share = 1.0;        ///< share of the epochs that round so; the rest rounds to nearest
  std::string initialization = "he";  ///< of latent weights: he, uniform (in [-1, 1])
  bool scale_learning_rate = false;   ///< multiply a weight's rate by sqrt((fan-in + fan-out) / 1.5)
  double latent_clip = 0.0;           ///< latent weights stay in [-c, c]; 0 is the level set's range
  double weight_average = 0.0;        ///< decay a step of the parameters' moving average; 0: none is taken
  int64_t activation_bits = 0;   ///< of fixed-point ReLU activations with trained radix points; 0: float32
  double input_dropout = 0.0;    ///< share of the inputs that are 0 in a step
  double hidden_dropout = 0.0;   ///< share of the activations of hidden linear layers that are 0 in a step
  int64_t shift = 0;             ///< augmentation: shifts by up to so many pixels
  bool flip = false;             ///< augmentation: mirrors half of the pictures
  double rotation = 0.0;         ///< augmentation: turns by up to so many degrees
  double zoom = 0.0;             ///< augmentation: scales by a factor between 1 - zoom and 1 + zoom
  std::string border = "black";  ///< augmentation: what comes in from outside: black, edge
  int64_t validation_images = 5000;  ///< held out of the training set to choose the epoch
  int64_t train_images = 0;          ///< train on so many pictures at most; 0 is all
};

/// The names of the recipes: "best" and "paper".
const std::vector<std::string>& recipe_names();

/// The recipe `name` for a model and a method, from train/recipes/NAME/MODEL.toml. `best` is what measured
/// best; `paper` follows Ding, Liu, Blanton and Marculescu, section V.A, with the defaults of the code that
/// they built on where they say nothing. Throws Error.
Recipe make_recipe(const std::string& name, const Topology& topology, const Method& method);

/// Sets the fields that a TOML file names. Throws Error with file, line and what exists for a key that is
/// none, a value of another type (a whole number is a number as well), or a recipe that check_recipe refuses.
void apply_toml(Recipe& recipe, const std::filesystem::path& file);

/// Throws Error for values out of range or names that are none, naming the field.
void check_recipe(const Recipe& recipe);

}  // namespace kones
