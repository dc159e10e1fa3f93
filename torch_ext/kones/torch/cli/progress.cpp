#include "kones/torch/cli/progress.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <unistd.h>

namespace kones::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int bar_width = 28;

std::string format(const char* pattern, double a, double b = 0.0) {
  char text[128];
  std::snprintf(text, sizeof(text), pattern, a, b);
  return text;
}

}  // namespace

ProgressBar::ProgressBar() : on_terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressBar::show(const std::string& label, int64_t done, int64_t total, const std::string& text) {
  if (!on_terminal_) return;
  const Clock::time_point now = Clock::now();
  if (shown_ && done < total && now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  shown_ = true;
  const int64_t filled = total > 0 ? std::min<int64_t>(bar_width, bar_width * done / total) : 0;
  const std::string bar = std::string(static_cast<size_t>(filled), '#') +
                          std::string(static_cast<size_t>(bar_width - filled), '.');
  std::fprintf(stderr, "\r%s [%s] %3d %%  %s\033[K", label.c_str(), bar.c_str(),
               static_cast<int>(total > 0 ? 100 * done / total : 0), text.c_str());
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (!shown_) return;
  shown_ = false;
  std::fprintf(stderr, "\r\033[K");
  std::fflush(stderr);
}

std::string format_duration(double seconds) {
  const int64_t whole = static_cast<int64_t>(seconds + 0.5);
  char text[32];
  if (whole >= 3600) {
    std::snprintf(text, sizeof(text), "%d:%02d:%02d", static_cast<int>(whole / 3600),
                  static_cast<int>(whole / 60 % 60), static_cast<int>(whole % 60));
  } else {
    std::snprintf(text, sizeof(text), "%d:%02d", static_cast<int>(whole / 60), static_cast<int>(whole % 60));
  }
  return text;
}

void TrainProgress::on_message(const std::string& text) {
  bar_.clear();
  std::fprintf(stderr, "%s\n", text.c_str());
}

void TrainProgress::on_step(const StepReport& report) {
  bar_.show("epoch " + std::to_string(report.epoch) + "/" + std::to_string(report.epochs), report.images,
            report.images_per_epoch,
            format("%.0f images/s  loss %.4f  ETA ", report.images_per_second, report.loss) +
                format_duration(report.seconds_left));
}

void TrainProgress::on_epoch(const EpochRecord& record, int64_t epochs) {
  bar_.clear();
  const std::string flips =
      record.sign_flips_per_step ? format("  flips %.2g %%/step", 100 * *record.sign_flips_per_step) : "";
  std::fprintf(stderr, "epoch %d/%d  loss %.4f  validation error %.2f %%%s%s  %s  %.0f images/s\n",
               static_cast<int>(record.epoch), static_cast<int>(epochs), record.train_loss,
               record.validation_error_percent, record.best ? " (best)" : "", flips.c_str(),
               format_duration(record.seconds).c_str(), record.images_per_second);
}

ImageProgressBar::ImageProgressBar(std::string label) : label_(std::move(label)), start_(Clock::now()) {}

void ImageProgressBar::operator()(int64_t done, int64_t images) {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = static_cast<double>(done) / std::max(seconds, 1e-9);
  bar_.show(label_, done, images,
            format("%.0f images/s  ETA ", rate) + format_duration(static_cast<double>(images - done) / rate));
}

}  // namespace kones::cli
