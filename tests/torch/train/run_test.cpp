// Runs as a library trains them: where a checkpoint may stand, and what a failure in mid-run leaves.
#include <fstream>
#include <string>
#include <vector>

#include "data/error_text.h"
#include "torch/train/temporary_folder.h"
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "kones/files/atomic_file.h"
#include "kones/torch/methods/method.h"
#include "kones/torch/models/topology.h"
#include "kones/torch/train/checkpoint.h"
#include "kones/torch/train/train.h"
#include "kones/torch/train/training_state.h"

namespace kones {
namespace {

constexpr int64_t steps_per_epoch = 4;

std::string big_endian(uint32_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
  return text;
}

/// A data set of so many pictures, as IDX files.
void write_idx(const std::filesystem::path& folder, const std::string& split, uint32_t count) {
  std::string pixels;
  std::string labels;
  for (uint32_t i = 0; i < count * 28 * 28; ++i) pixels += static_cast<char>(i * 2654435761u >> 24);
  for (uint32_t i = 0; i < count; ++i) labels += static_cast<char>(i % 10);
  std::ofstream(folder / (split + "-images-idx3-ubyte"), std::ios::binary)
      << big_endian(0x803) << big_endian(count) << big_endian(28) << big_endian(28) << pixels;
  std::ofstream(folder / (split + "-labels-idx1-ubyte"), std::ios::binary)
      << big_endian(0x801) << big_endian(count) << labels;
}

class Quiet : public TrainObserver {
 public:
  void on_message(const std::string& text) override { messages.push_back(text); }
  void on_step(const StepReport&) override {}
  void on_epoch(const EpochRecord&, int64_t) override {}

  std::vector<std::string> messages;
};

bool never() {
  return false;
}

class RunTest : public testing::Test {
 protected:
  RunTest() {
    for (const char* split : {"train", "t10k"}) write_idx(data.path(), split, 80);
    request.config.model = "mnist-1hidden";
    request.config.method = "lightnn-1";
    request.config.dataset = "mnist:" + data.path().string();
    request.config.recipe =
        make_recipe("best", find_topology(request.config.model), find_method(request.config.method));
    request.config.recipe.epochs = 2;
    request.config.recipe.batch_size = 16;
    request.config.recipe.validation_images = 16;
    request.config.recipe.rounding = "stochastic";
    request.out = folder / "run";
  }

  std::filesystem::path file(const std::string& name) const { return request.out / name; }

  TemporaryFolder data;
  TemporaryFolder folder;
  TrainRequest request;
  Quiet observer;
};

// A step beyond the epoch's last would train nothing and read as interrupted.
TEST_F(RunTest, ImpossiblePlacesAreRefused) {
  train(request, observer, never);
  request.resume = true;
  const Checkpoint good = load_checkpoint(file("checkpoint.pt"));
  for (const auto& [key, value] : std::vector<std::pair<std::string, int64_t>>{
           {"step_in_epoch", 1}, {"step_in_epoch", -1}, {"epoch", 3}, {"epoch", -1}, {"step", 9}}) {
    Checkpoint bad = good;
    nlohmann::json state = nlohmann::json::parse(good.state);
    state[key] = value;
    bad.state = state.dump();
    save_checkpoint(bad, file("checkpoint.pt"));
    const std::string said = error_text([&] { train(request, observer, never); });
    EXPECT_NE(said.find("checkpoint.pt is not of this run: it stands at epoch "), std::string::npos)
        << key << " " << value << ": " << said;
  }
}

TEST(TrainingState, IsPossibleWithinTheRun) {
  const auto state = [](int64_t epoch, int64_t step_in_epoch) {
    TrainingState state;
    state.epoch = epoch;
    state.step_in_epoch = step_in_epoch;
    state.step = epoch * steps_per_epoch + step_in_epoch;
    state.records.resize(static_cast<size_t>(epoch < 0 ? 0 : epoch));
    return state;
  };
  for (const auto& [epoch, step] : {std::pair{0, 0}, {0, 4}, {1, 3}, {2, 0}}) {
    EXPECT_TRUE(is_possible(state(epoch, step), 2, steps_per_epoch)) << epoch << ", " << step;
  }
  for (const auto& [epoch, step] : {std::pair{0, 5}, {0, -1}, {-1, 0}, {2, 1}, {3, 0}}) {
    EXPECT_FALSE(is_possible(state(epoch, step), 2, steps_per_epoch)) << epoch << ", " << step;
  }
  TrainingState wrong = state(1, 1);
  wrong.step = 4;
  EXPECT_FALSE(is_possible(wrong, 2, steps_per_epoch));
  wrong = state(1, 1);
  wrong.records.clear();
  EXPECT_FALSE(is_possible(wrong, 2, steps_per_epoch));
  wrong = state(1, 1);
  wrong.best_epoch = 2;
  EXPECT_FALSE(is_possible(wrong, 2, steps_per_epoch));
}

/// Makes best.pt unwritable at the end of the first epoch.
class Saboteur : public Quiet {
 public:
  explicit Saboteur(std::filesystem::path best) : best_(std::move(best)) {}
  void on_step(const StepReport& report) override {
    if (report.images == report.images_per_epoch) std::filesystem::create_directory(best_);
  }

 private:
  std::filesystem::path best_;
};

// Without it a run that is killed there could neither go on nor be started anew.
TEST_F(RunTest, ThereIsACheckpointBeforeTheFirstBest) {
  train(request, observer, never);
  const std::string whole = read_file(file("best.pt"), 1 << 26);
  request.out = folder / "again";
  Saboteur saboteur(file("best.pt"));
  EXPECT_NE(error_text([&] { train(request, saboteur, never); }).find("cannot write"), std::string::npos);
  std::filesystem::remove(file("best.pt"));
  EXPECT_TRUE(std::filesystem::exists(file("checkpoint.pt")));
  request.resume = true;
  EXPECT_FALSE(train(request, observer, never).interrupted);
  EXPECT_EQ(read_file(file("best.pt"), 1 << 26), whole);
}

TEST_F(RunTest, ThreadsArePutBack) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  request.config.recipe.epochs = 1;
  train(request, observer, never);
  EXPECT_EQ(read_config({request.out}).threads, 2);
  at::set_num_threads(1);
  request.resume = true;
  train(request, observer, never);
  EXPECT_EQ(at::get_num_threads(), 1);
  EXPECT_EQ(observer.messages, std::vector<std::string>{"already finished: 1 epochs"});
  at::set_num_threads(before);
}

}  // namespace
}  // namespace kones
