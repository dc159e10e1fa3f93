#include "kones/torch/train/train.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "kones/data/dataset.h"
#include "kones/error.h"
#include "kones/files/atomic_file.h"
#include "kones/files/hash_bytes.h"
#include "kones/numeric/splitmix64.h"
#include "kones/torch/data/batch.h"
#include "kones/torch/nn/binary_kernel.h"
#include "kones/torch/train/batch_norm.h"
#include "kones/torch/train/checkpoint.h"
#include "kones/torch/train/diagnostics.h"
#include "kones/torch/train/evaluation.h"
#include "kones/torch/train/fused_optimizer.h"
#include "kones/torch/train/loss.h"
#include "kones/torch/train/non_finite.h"
#include "kones/torch/train/schedule.h"
#include "kones/torch/train/trained_network.h"
#include "kones/torch/train/training_state.h"
#include "kones/torch/train/weight_average.h"

namespace kones {
namespace {

using Clock = std::chrono::steady_clock;

/// What the run's seed is mixed with for random numbers that belong to no layer.
enum class RunPurpose : uint64_t {
  initialization = 1000,
  split = 1001,
  order = 1002,
  augmentation = 1003,
  dropout = 1004
};

uint64_t run_seed(uint64_t seed, RunPurpose purpose, uint64_t epoch = 0) {
  return splitmix64_of({seed, static_cast<uint64_t>(purpose), epoch});
}

constexpr int64_t golden_count = 4;
constexpr int64_t ranges_without_validation = 2000;

/// Training stops on a device only as often as a loss is looked at, so it is looked at every so many steps
/// there.
constexpr int64_t device_check_interval = 50;

/// LibTorch's number of threads, put back at the end. Set even to what it is: LibTorch's libraries may else
/// use fewer now and then, and sum in another order.
class ThreadCount {
 public:
  ~ThreadCount() { at::set_num_threads(before_); }
  void set(int64_t threads) { at::set_num_threads(static_cast<int>(threads)); }
  int64_t before() const { return before_; }

 private:
  int before_ = at::get_num_threads();
};

class Trainer {
 public:
  Trainer(const TrainRequest& request, TrainObserver& observer, bool (*stop_requested)())
      : config_(request.config),
        recipe_(config_.recipe),
        folder_{request.out},
        observer_(observer),
        stop_requested_(stop_requested),
        device_(find_device(config_.device)) {
    prepare_folder(request.resume);
    set_threads();
    load_images();
    build_network();
    load_teacher();
    if (resuming_) {
      restore();
    } else {
      start();
    }
  }

  TrainResult run() {
    TrainResult result;
    while (state_.epoch < recipe_.epochs) {
      if (!train_epoch()) {
        save_state();
        result.interrupted = true;
        break;
      }
      finish_epoch();
    }
    result.best_epoch = state_.best_epoch;
    result.best_validation_error_percent = state_.best_error_percent;
    result.epochs = state_.records;
    return result;
  }

 private:
  void prepare_folder(bool resume) {
    if (std::filesystem::is_directory(folder_.path)) lock_ = lock_folder(folder_);
    resuming_ = is_resumed(folder_, resume);
    if (resume && std::filesystem::exists(folder_.config())) {
      started_ = read_config(folder_);
      check_same_run(folder_, started_, config_);
    }
    if (resume && !resuming_)
      observer_.on_message("nothing to resume in " + folder_.path.string() + ": starting anew");
  }

  void set_threads() {
    config_.threads = resuming_ && started_.threads > 0 ? started_.threads : threads_.before();
    threads_.set(config_.threads);
  }

  /// The folder comes into being only after everything that can be refused has been looked at.
  void start() {
    std::error_code error;
    std::filesystem::create_directories(folder_.path, error);
    if (error) throw Error("cannot make the folder " + folder_.path.string() + ": " + error.message());
    if (!lock_) {
      lock_ = lock_folder(folder_);
      is_resumed(folder_, false);  // another process may have been here since it was looked at
    }
    remove_partial_files(folder_);
    write_file_atomically(folder_.config(), config_to_text(config_));
  }

  void load_images() {
    Dataset dataset = load_dataset(config_.dataset);
    images_ = std::move(dataset.train);
    class_names_ = std::move(dataset.class_names);
    config_.data = {images_.count, fingerprint(images_)};
    if (resuming_) check_same_data(folder_, started_, config_);
    topology_ = fit_topology(find_topology(config_.model), images_.channels, images_.height, images_.width,
                             images_.classes);
    check_images(images_, topology_);
    if (recipe_.validation_images >= images_.count) {
      throw Error("validation_images is " + std::to_string(recipe_.validation_images) +
                  "; the training set has only " + std::to_string(images_.count) + " pictures");
    }
    const std::vector<int64_t> order =
        shuffled_indices(images_.count, run_seed(config_.seed, RunPurpose::split));
    validation_.assign(order.begin(), order.begin() + recipe_.validation_images);
    training_.assign(order.begin() + recipe_.validation_images, order.end());
    if (recipe_.train_images > 0 && recipe_.train_images < static_cast<int64_t>(training_.size())) {
      training_.resize(static_cast<size_t>(recipe_.train_images));
    }
    steps_per_epoch_ = static_cast<int64_t>(training_.size()) / recipe_.batch_size;
    if (steps_per_epoch_ == 0) {
      throw Error("batch_size is " + std::to_string(recipe_.batch_size) + "; there are only " +
                  std::to_string(training_.size()) + " pictures to train on");
    }
  }

  void build_network() {
    torch::manual_seed(run_seed(config_.seed, RunPurpose::initialization));
    network_ = Network(topology_, find_method(config_.method), static_cast<int>(recipe_.activation_bits));
    const auto initialization =
        recipe_.initialization == "uniform" ? nn::Initialization::uniform : nn::Initialization::he;
    for (size_t layer = 0; layer < network_->blocks().size(); ++layer) {
      nn::QuantizedWeight weight = network_->blocks()[layer].weight();
      check_rounding(weight->quantizer());
      check_precision(weight->quantizer());
      weight->initialize(initialization);
    }
    if (!config_.init.empty() && !resuming_)
      restore_network(load_checkpoint(config_.init), config_.init, network_, /*keep_thresholds=*/true);
    network_->to(device_);
    network_->train();
    network_->set_dropout(recipe_.input_dropout, recipe_.hidden_dropout);
    make_optimizer();
    if (recipe_.weight_average > 0) average_.emplace(network_, recipe_.weight_average);
  }

  void load_teacher() {
    if (recipe_.distillation == 0) {
      if (!config_.teacher.empty())
        throw Error(
            "--teacher has nothing to teach: distillation is 0 in the recipe; set it in a --config file");
      return;
    }
    if (config_.teacher.empty()) {
      observer_.on_message("no --teacher: trained without distillation");
      return;
    }
    teacher_ = load_trained_network(config_.teacher).network;
    check_images(images_, teacher_->topology());
    config_.teacher_fingerprint = fingerprint_of(teacher_);
    if (resuming_) check_same_teacher(folder_, started_, config_);
    teacher_->to(device_);
    teacher_->compute_in(training_type());
  }

  static uint64_t fingerprint_of(const Network& network) {
    uint64_t hash = 0;
    for (const std::vector<at::Tensor>& tensors : {network->parameters(), network->buffers()}) {
      for (const at::Tensor& tensor : tensors) {
        const at::Tensor whole = tensor.contiguous();
        hash = hash_bytes(hash, whole.const_data_ptr(), whole.nbytes());
      }
    }
    return hash;
  }

  at::ScalarType training_type() const {
    return recipe_.precision == "bfloat16" ? at::kBFloat16 : at::kFloat;
  }

  /// Stochastic and truncating rounding may end before the training does.
  Rounding rounding_of_epoch() const {
    const double share = static_cast<double>(state_.epoch) / static_cast<double>(recipe_.epochs);
    return share < recipe_.rounding_share ? *rounding_from_name(recipe_.rounding) : Rounding::nearest;
  }

  void check_rounding(const nn::WeightQuantizer& quantizer) const {
    if (!quantizer.format || recipe_.rounding == "nearest") return;
    const std::vector<Rounding> roundings = quantizer.format->roundings();
    if (std::find(roundings.begin(), roundings.end(), *rounding_from_name(recipe_.rounding)) ==
        roundings.end()) {
      throw Error("rounding is " + recipe_.rounding + "; " + quantizer.name() + " weights take nearest");
    }
  }

  void check_precision(const nn::WeightQuantizer& quantizer) const {
    if (!quantizer.format || !quantizer.format->has_codes() || training_type() == at::kFloat) return;
    for (const int32_t level : quantizer.format->levels()) {
      const auto value = static_cast<float>(level);
      if (static_cast<float>(at::BFloat16(value)) != value) {
        throw Error("precision is " + recipe_.precision + "; " + quantizer.name() +
                    " weights have levels that are no such numbers: they take float32");
      }
    }
  }

  void make_optimizer() {
    std::vector<ParameterGroup> groups(1);
    groups[0].decays = false;
    for (const Block& block : network_->blocks()) {
      groups[0].parameters.push_back(block.norm_weight());
      groups[0].parameters.push_back(block.norm_bias());
      if (!block.activation.is_empty() && block.activation->bits() > 0)
        groups[0].parameters.push_back(block.activation->log2_threshold);
      const nn::QuantizedWeight weight = block.weight();
      const bool scaled = recipe_.scale_learning_rate && weight->quantizer().format;
      groups.push_back({{weight->latent}, scaled ? weight->learning_rate_scale() : 1.0, true});
    }
    optimizer_ = std::make_unique<FusedOptimizer>(
        std::move(groups), OptimizerOptions{recipe_.optimizer, recipe_.momentum, recipe_.weight_decay});
  }

  void restore() {
    const Checkpoint checkpoint = load_checkpoint(folder_.checkpoint());
    if (checkpoint.method != config_.method) {
      throw Error(folder_.checkpoint().string() + " was trained with the method " + checkpoint.method +
                  ", not " + config_.method);
    }
    restore_network(checkpoint, folder_.checkpoint(), network_);
    restore_optimizer(checkpoint, folder_.checkpoint(), *optimizer_);
    if (average_) restore_average(checkpoint, folder_.checkpoint(), *average_);
    try {
      state_ = state_from_text(checkpoint.state);
    } catch (const std::exception& error) {
      throw Error(folder_.checkpoint().string() + " is damaged: " + error.what());
    }
    if (!are_records_of(network_, state_.layers))
      throw Error(folder_.checkpoint().string() + " is damaged: it has rows of layers that are none");
    check_place();
    remove_partial_files(folder_);
    write_tables();
    if (state_.epoch < recipe_.epochs) {
      observer_.on_message("resuming at epoch " + std::to_string(state_.epoch + 1) + ", step " +
                           std::to_string(state_.step_in_epoch) + " of " + std::to_string(steps_per_epoch_));
      say_threads();
    } else {
      observer_.on_message("already finished: " + std::to_string(recipe_.epochs) + " epochs");
    }
  }

  void say_threads() {
    if (config_.threads == threads_.before()) return;
    observer_.on_message("using " + std::to_string(config_.threads) +
                         " threads, as when the run was started, and not " +
                         std::to_string(threads_.before()));
  }

  /// Refuses a checkpoint that stands where this run never does.
  void check_place() const {
    if (is_possible(state_, recipe_.epochs, steps_per_epoch_)) return;
    throw Error(folder_.checkpoint().string() + " is not of this run: it stands at epoch " +
                std::to_string(state_.epoch + 1) + ", step " + std::to_string(state_.step_in_epoch) + " (" +
                std::to_string(state_.step) + " in all), which a run of " + std::to_string(recipe_.epochs) +
                " epochs of " + std::to_string(steps_per_epoch_) +
                " steps never does; choose another folder");
  }

  /// Trains to the end of the epoch; false when it was asked to stop before.
  bool train_epoch() {
    const std::vector<int64_t> order =
        shuffled_indices(static_cast<int64_t>(training_.size()),
                         run_seed(config_.seed, RunPurpose::order, static_cast<uint64_t>(state_.epoch)));
    const Augmentation augmentation{recipe_.shift,
                                    recipe_.flip,
                                    run_seed(config_.seed, RunPurpose::augmentation),
                                    static_cast<uint64_t>(state_.epoch),
                                    recipe_.rotation,
                                    recipe_.zoom,
                                    recipe_.border == "edge"};
    for (size_t layer = 0; layer < network_->blocks().size(); ++layer) {
      network_->blocks()[layer].weight()->set_training_rounding(
          rounding_of_epoch(), layer_seed(config_.seed, layer, RandomPurpose::weight));
    }
    network_->compute_in(training_type());
    const double seconds_before = state_.seconds;
    const Clock::time_point start = Clock::now();
    const int64_t first_step = state_.step_in_epoch;
    at::Tensor loss_sum =
        torch::full({}, state_.loss_sum, torch::TensorOptions(torch::kFloat64).device(device_));
    const int64_t check_interval = device_.is_cpu() ? 1 : device_check_interval;
    std::vector<int64_t> batch(static_cast<size_t>(recipe_.batch_size));
    bool stopped = false;
    while (state_.step_in_epoch < steps_per_epoch_ && !stopped) {
      for (int64_t i = 0; i < recipe_.batch_size; ++i) {
        const int64_t place = state_.step_in_epoch * recipe_.batch_size + i;
        batch[static_cast<size_t>(i)] = training_[static_cast<size_t>(order[static_cast<size_t>(place)])];
      }
      train_step(batch, augmentation, loss_sum);
      tell_binary_kernels();
      ++state_.step_in_epoch;
      ++state_.step;
      stopped = stop_requested_();
      const bool last = stopped || state_.step_in_epoch == steps_per_epoch_;
      if (last || state_.step_in_epoch % check_interval == 0) {
        state_.loss_sum = loss_sum.item<double>();
        const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
        state_.seconds = seconds_before + elapsed;
        // The last step's update shows in no loss; what is saved has to be good all the same.
        if (!std::isfinite(state_.loss_sum) || (last && !has_finite_parameters(network_))) {
          fail_on_loss(batch, augmentation);
        }
        report_step(elapsed / static_cast<double>(state_.step_in_epoch - first_step));
      }
    }
    return state_.step_in_epoch == steps_per_epoch_;
  }

  void train_step(const std::vector<int64_t>& batch, const Augmentation& augmentation, at::Tensor& loss_sum) {
    for (const Block& block : network_->blocks())
      block.weight()->set_step(static_cast<uint64_t>(state_.step));
    std::optional<StepSampler> sampler;
    if (is_sampled(state_.step_in_epoch, steps_per_epoch_)) sampler.emplace(network_);
    const at::Tensor x = make_batch(images_, batch.data(), recipe_.batch_size, augmentation).to(device_);
    const at::Tensor labels = make_labels(images_, batch.data(), recipe_.batch_size).to(device_);
    optimizer_->zero_gradients();
    if (recipe_.input_dropout > 0 || recipe_.hidden_dropout > 0)
      torch::manual_seed(run_seed(config_.seed, RunPurpose::dropout, static_cast<uint64_t>(state_.step)));
    const at::Tensor loss = loss_of(x, labels);
    loss_sum += loss.detach();
    // On the CPU the loss is at hand, and a step that would spoil the weights is not taken.
    if (device_.is_cpu() && !std::isfinite(loss.item<double>())) return;
    loss.backward();
    optimizer_->step(learning_rate_at(recipe_, state_.step, steps_per_epoch_));
    if (sampler) sampler->add_to(state_.samples);
    for (const Block& block : network_->blocks()) {
      nn::QuantizedWeight weight = block.weight();
      const double clip = recipe_.latent_clip;
      const bool own = clip > 0 && weight->quantizer().format;
      weight->clip_latent(own ? nn::LatentRange{-clip, clip} : weight->quantizer().range());
    }
    if (average_) average_->update(state_.step);
  }

  at::Tensor loss_of(const at::Tensor& x, const at::Tensor& labels) {
    const at::Tensor outputs = network_->forward(x);
    const at::Tensor own = compute_loss(recipe_.loss, outputs, labels, recipe_.label_smoothing);
    if (teacher_.is_empty()) return own;
    at::Tensor taught;
    {
      torch::NoGradGuard no_gradient;
      taught = teacher_->forward(x);
    }
    const double share = recipe_.distillation;
    return own * (1 - share) + compute_distillation_loss(outputs, taught, recipe_.temperature) * share;
  }

  /// Which kernels were found to be the faster ones, when they are first used.
  void tell_binary_kernels() {
    for (const nn::BinaryKernelChoice& choice : nn::take_binary_kernel_choices()) {
      const auto milliseconds = [](double seconds) {
        char text[32];
        std::snprintf(text, sizeof(text), "%.2f ms", 1e3 * seconds);
        return std::string(text);
      };
      const std::string packed = milliseconds(choice.packed_seconds);
      const std::string libtorch = milliseconds(choice.libtorch_seconds);
      observer_.on_message("binary layer " + choice.shape + ": " +
                           (choice.packed ? "packed kernel, " + packed + " (LibTorch's " + libtorch + ")"
                                          : "LibTorch's kernel, " + libtorch + " (packed " + packed + ")"));
    }
  }

  [[noreturn]] void fail_on_loss(const std::vector<int64_t>& batch, const Augmentation& augmentation) {
    const at::Tensor x = make_batch(images_, batch.data(), recipe_.batch_size, augmentation).to(device_);
    const std::string kept =
        std::filesystem::exists(folder_.checkpoint())
            ? "the last good checkpoint is kept in " + folder_.path.string()
            : "no epoch had ended, so there is no checkpoint, and the same folder can be used again";
    throw Error("training stopped: the loss or a weight is not finite in epoch " +
                std::to_string(state_.epoch + 1) + ", step " + std::to_string(state_.step_in_epoch) + " of " +
                std::to_string(steps_per_epoch_) + " (" + find_non_finite(network_, x) + "); " + kept +
                "; a lower learning_rate may help");
  }

  void report_step(double seconds_per_step) {
    const int64_t steps_left = recipe_.epochs * steps_per_epoch_ - state_.step;
    observer_.on_step({state_.epoch + 1, recipe_.epochs, state_.step_in_epoch * recipe_.batch_size,
                       steps_per_epoch_ * recipe_.batch_size,
                       static_cast<double>(recipe_.batch_size) / seconds_per_step,
                       seconds_per_step * static_cast<double>(steps_left),
                       state_.loss_sum / static_cast<double>(state_.step_in_epoch)});
  }

  /// Validates, records, and saves; the next epoch then begins.
  void finish_epoch() {
    // So that there is never a best.pt without a checkpoint, with which a run could not go on.
    if (!std::filesystem::exists(folder_.checkpoint())) save_state();
    network_->compute_in(at::kFloat);
    // The statistics of training stay the run's own: the averages get others, for as long as they stand in.
    Checkpoint training;
    if (average_) {
      store_network(network_, training);
      average_->exchange();
    }
    if (average_ || rounding_of_epoch() != Rounding::nearest)
      recalibrate_batch_norm(network_, images_, training_);
    const std::vector<int64_t> ranges_images(
        training_.begin(), training_.begin() + std::min<int64_t>(ranges_without_validation,
                                                                 static_cast<int64_t>(training_.size())));
    const NetworkEvaluation evaluation =
        evaluate_network(network_, images_, validation_.empty() ? ranges_images : validation_, {},
                         /*with_histograms=*/true);
    EpochRecord record;
    record.epoch = state_.epoch + 1;
    record.learning_rate = learning_rate_at(recipe_, state_.step - 1, steps_per_epoch_);
    record.train_loss = state_.loss_sum / static_cast<double>(steps_per_epoch_);
    record.validation_error_percent = evaluation.evaluation.error_percent();
    record.seconds = state_.seconds;
    record.images_per_second = static_cast<double>(steps_per_epoch_ * recipe_.batch_size) / state_.seconds;
    // Without validation pictures there is nothing to choose by, and the last epoch counts.
    record.best = validation_.empty() || state_.best_epoch == 0 ||
                  record.validation_error_percent <= state_.best_error_percent;
    if (record.best) {
      state_.best_epoch = record.epoch;
      state_.best_error_percent = record.validation_error_percent;
      save_best(evaluation);
    }
    // Of the weights that are evaluated and kept.
    for (LayerRecord& layer : layer_records(network_, record.epoch, state_.samples))
      state_.layers.push_back(std::move(layer));
    if (average_) {
      average_->exchange();
      restore_network(training, folder_.checkpoint(), network_);
    }
    record.sign_flips_per_step = mean_sign_flips(network_, state_.samples);
    state_.records.push_back(record);
    ++state_.epoch;
    state_.step_in_epoch = 0;
    state_.loss_sum = 0.0;
    state_.samples = {};
    state_.seconds = 0.0;
    save_state();
    observer_.on_epoch(record, recipe_.epochs);
  }

  void save_best(const NetworkEvaluation& evaluation) {
    TrainedNetwork trained;
    trained.network = network_;
    trained.epoch = state_.best_epoch;
    trained.largest = evaluation.largest;
    trained.histograms = evaluation.histograms;
    trained.class_names = class_names_;
    const int64_t count = std::min<int64_t>(golden_count, static_cast<int64_t>(training_.size()));
    const int64_t bytes = images_.channels * images_.height * images_.width;
    trained.golden_images =
        torch::empty({count, images_.channels, images_.height, images_.width}, torch::kUInt8);
    for (int64_t i = 0; i < count; ++i) {
      const uint8_t* picture = images_.pixels.data() + training_[static_cast<size_t>(i)] * bytes;
      std::copy(picture, picture + bytes, trained.golden_images.data_ptr<uint8_t>() + i * bytes);
    }
    trained.golden_labels = make_labels(images_, training_.data(), count);
    save_trained_network(trained, folder_.best());
  }

  void save_state() {
    Checkpoint checkpoint;
    store_network(network_, checkpoint);
    store_optimizer(*optimizer_, checkpoint);
    if (average_) store_average(*average_, checkpoint);
    checkpoint.state = state_to_text(state_);
    save_checkpoint(checkpoint, folder_.checkpoint());
    write_tables();
  }

  void write_tables() {
    write_file_atomically(folder_.metrics(), metrics_csv(state_.records));
    write_file_atomically(folder_.diagnostics(), diagnostics_csv(state_.layers));
    write_file_atomically(folder_.levels(), levels_csv(network_, state_.layers));
  }

  RunConfig config_;
  Recipe recipe_;
  RunFolder folder_;
  TrainObserver& observer_;
  bool (*stop_requested_)();
  c10::Device device_;
  ThreadCount threads_;
  std::unique_ptr<FileLock> lock_;
  bool resuming_ = false;
  RunConfig started_;  ///< what config.json says
  ImageSet images_;
  std::vector<std::string> class_names_;
  Topology topology_;
  std::vector<int64_t> training_;
  std::vector<int64_t> validation_;
  int64_t steps_per_epoch_ = 0;
  Network network_{nullptr};
  Network teacher_{nullptr};
  std::unique_ptr<FusedOptimizer> optimizer_;
  std::optional<WeightAverage> average_;
  TrainingState state_;
};

}  // namespace

TrainResult train(const TrainRequest& request, TrainObserver& observer, bool (*stop_requested)()) {
  check_recipe(request.config.recipe);
  return Trainer(request, observer, stop_requested).run();
}

}  // namespace kones
