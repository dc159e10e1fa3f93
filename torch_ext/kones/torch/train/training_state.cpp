#include "kones/torch/train/training_state.h"

#include <sstream>

#include <nlohmann/json.hpp>

namespace kones {

namespace {

using Json = nlohmann::json;

Json to_json(const std::optional<double>& number) {
  return number ? Json(*number) : Json();
}

/// Nothing where the key is not there or null.
std::optional<double> number_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return std::nullopt;
  return found->get<double>();
}

}  // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LayerSample, sign_flips, clipped_weights, clipped_gradients)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StepSamples, steps, layers)

void to_json(Json& json, const LayerRecord& record) {
  json = {{"epoch", record.epoch},
          {"layer", record.layer},
          {"levels", record.levels},
          {"unused_levels", record.unused_levels},
          {"level_counts", record.level_counts},
          {"sign_flips_per_step", to_json(record.sign_flips_per_step)},
          {"clipped_weights", to_json(record.clipped_weights)},
          {"clipped_gradients", to_json(record.clipped_gradients)}};
}

void from_json(const Json& json, LayerRecord& record) {
  json.at("epoch").get_to(record.epoch);
  json.at("layer").get_to(record.layer);
  json.at("levels").get_to(record.levels);
  json.at("unused_levels").get_to(record.unused_levels);
  record.level_counts = json.value("level_counts", std::vector<int64_t>());
  record.sign_flips_per_step = number_of(json, "sign_flips_per_step");
  record.clipped_weights = number_of(json, "clipped_weights");
  record.clipped_gradients = number_of(json, "clipped_gradients");
}

void to_json(Json& json, const EpochRecord& record) {
  json = {{"epoch", record.epoch},
          {"learning_rate", record.learning_rate},
          {"train_loss", record.train_loss},
          {"validation_error_percent", record.validation_error_percent},
          {"seconds", record.seconds},
          {"images_per_second", record.images_per_second},
          {"best", record.best},
          {"sign_flips_per_step", to_json(record.sign_flips_per_step)}};
}

void from_json(const Json& json, EpochRecord& record) {
  json.at("epoch").get_to(record.epoch);
  json.at("learning_rate").get_to(record.learning_rate);
  json.at("train_loss").get_to(record.train_loss);
  json.at("validation_error_percent").get_to(record.validation_error_percent);
  json.at("seconds").get_to(record.seconds);
  json.at("images_per_second").get_to(record.images_per_second);
  json.at("best").get_to(record.best);
  record.sign_flips_per_step = number_of(json, "sign_flips_per_step");
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TrainingState, epoch, step_in_epoch, step, loss_sum, seconds, best_epoch,
                                   best_error_percent, records)

std::string state_to_text(const TrainingState& state) {
  Json json = state;
  json["samples"] = state.samples;
  json["layers"] = state.layers;
  return json.dump();
}

TrainingState state_from_text(const std::string& text) {
  const Json json = Json::parse(text);
  auto state = json.get<TrainingState>();
  // Runs of older versions have neither.
  state.samples = json.value("samples", StepSamples());
  state.layers = json.value("layers", std::vector<LayerRecord>());
  return state;
}

bool is_possible(const TrainingState& state, int64_t epochs, int64_t steps_per_epoch) {
  const auto within = [](int64_t value, int64_t end) { return value >= 0 && value <= end; };
  return within(state.epoch, epochs) && within(state.step_in_epoch, steps_per_epoch) &&
         (state.epoch < epochs || state.step_in_epoch == 0) &&
         state.step == state.epoch * steps_per_epoch + state.step_in_epoch &&
         state.records.size() == static_cast<size_t>(state.epoch) && within(state.best_epoch, state.epoch);
}

std::string metrics_csv(const std::vector<EpochRecord>& records) {
  std::ostringstream csv;
  csv << "epoch,learning_rate,train_loss,validation_error_percent,best,seconds,images_per_second\n";
  for (const EpochRecord& record : records) {
    csv << record.epoch << ',' << record.learning_rate << ',' << record.train_loss << ','
        << record.validation_error_percent << ',' << (record.best ? 1 : 0) << ',' << record.seconds << ','
        << record.images_per_second << '\n';
  }
  return csv.str();
}

}  // namespace kones
