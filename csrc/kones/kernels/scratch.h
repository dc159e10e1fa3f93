// Memory that a kernel needs while it runs.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

namespace kones::kernels {

/// Memory for one call, which a thread keeps for the next unless it is large. A thread has one at a time.
class Scratch {
 public:
  explicit Scratch(int64_t words) {
    if (words > kept_words) {
      own_ = Words(allocate(words));
    } else if (kept().get() == nullptr) {
      kept() = Words(allocate(kept_words));
    }
    data_ = own_ != nullptr ? own_.get() : kept().get();
  }
  uint64_t* data() const { return data_; }

 private:
  static constexpr int64_t kept_words = int64_t{1} << 17;  // 1 MiB
  static constexpr std::align_val_t line{64};
  struct Free {
    void operator()(uint64_t* words) const { ::operator delete(words, line); }
  };
  using Words = std::unique_ptr<uint64_t, Free>;

  static uint64_t* allocate(int64_t words) {
    return static_cast<uint64_t*>(::operator new(static_cast<size_t>(words) * sizeof(uint64_t), line));
  }
  static Words& kept() {
    thread_local Words words;
    return words;
  }

  Words own_;
  uint64_t* data_;
};

}  // namespace kones::kernels
