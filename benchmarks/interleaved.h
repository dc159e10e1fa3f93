// Times two things side by side, so that what else the machine does falls on both: rounds of A, B, A, B, in
// each of which a thing's time is the shortest of many windows. Ratios are taken within a round.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

namespace kones::benchmarks {

/// Seconds of one call: the shortest of `windows` windows of at least `window_seconds`, or one call if that
/// is longer.
inline double shortest_call(const std::function<void()>& run, int windows, double window_seconds) {
  using Clock = std::chrono::steady_clock;
  const auto seconds_of = [&](int calls) {
    const Clock::time_point start = Clock::now();
    for (int call = 0; call < calls; ++call) run();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  run();
  const double once = seconds_of(1);
  const int calls = std::max(1, static_cast<int>(window_seconds / std::max(once, 1e-9)));
  double shortest = once;
  for (int window = 0; window < windows; ++window) shortest = std::min(shortest, seconds_of(calls) / calls);
  return shortest;
}

/// One thing's time over the rounds: the shortest of all, and each round's.
struct Timing {
  double seconds = 0.0;
  std::vector<double> rounds;
};

/// Times `things` in turn, `rounds` times over.
inline std::vector<Timing> interleave(const std::vector<std::function<void()>>& things, int rounds,
                                      int windows, double window_seconds) {
  std::vector<Timing> timings(things.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < things.size(); ++i) {
      timings[i].rounds.push_back(shortest_call(things[i], windows, window_seconds));
    }
  }
  for (Timing& timing : timings)
    timing.seconds = *std::min_element(timing.rounds.begin(), timing.rounds.end());
  return timings;
}

/// How many times faster than `other` a thing was: the median over the rounds, and the range.
struct Ratio {
  double median;
  double least;
  double most;
};

inline Ratio ratio(const Timing& thing, const Timing& other) {
  std::vector<double> ratios;
  for (std::size_t round = 0; round < thing.rounds.size(); ++round) {
    ratios.push_back(other.rounds[round] / thing.rounds[round]);
  }
  std::sort(ratios.begin(), ratios.end());
  return {ratios[ratios.size() / 2], ratios.front(), ratios.back()};
}

}  // namespace kones::benchmarks
