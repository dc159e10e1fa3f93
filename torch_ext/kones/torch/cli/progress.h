// Progress on standard error: a bar with rate and ETA on a terminal, plain lines otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "kones/torch/train/train.h"

namespace kones::cli {

/// A line that is redrawn in place on a terminal, at most some ten times a second, and not shown elsewhere.
class ProgressBar {
 public:
  ProgressBar();

  /// Shows "label [####....] 45 %  text".
  void show(const std::string& label, int64_t done, int64_t total, const std::string& text);

  /// Removes the bar, so that a line can be printed.
  void clear();

  bool on_terminal() const { return on_terminal_; }

 private:
  bool on_terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_;
};

/// Seconds as "1:02:03" or "4:05".
std::string format_duration(double seconds);

/// Shows training.
class TrainProgress : public TrainObserver {
 public:
  void on_message(const std::string& text) override;
  void on_step(const StepReport& report) override;
  void on_epoch(const EpochRecord& record, int64_t epochs) override;

 private:
  ProgressBar bar_;
};

/// Shows a pass over pictures, on a terminal.
class ImageProgressBar {
 public:
  explicit ImageProgressBar(std::string label);
  ~ImageProgressBar() { bar_.clear(); }
  void operator()(int64_t done, int64_t images);
  void clear() { bar_.clear(); }

 private:
  std::string label_;
  ProgressBar bar_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace kones::cli
