#include "kones/torch/train/training_state.h"

#include <sstream>

#include <nlohmann/json.hpp>

namespace kones {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(EpochRecord, epoch, learning_rate, train_loss, validation_error_percent,
                                   seconds, images_per_second, best)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TrainingState, epoch, step_in_epoch, step, loss_sum, seconds, best_epoch,
                                   best_error_percent, records)

std::string state_to_text(const TrainingState& state) {
  return nlohmann::json(state).dump();
}

TrainingState state_from_text(const std::string& text) {
  return nlohmann::json::parse(text).get<TrainingState>();
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
