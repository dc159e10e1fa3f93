// A quantity and how far it may be off.
#pragma once

namespace kones::hardware {

/// A value, and the ends of the range in which it lies if every constant behind it errs by its whole factor
/// in the same direction. What one constant's error does to two quantities it does to both, so the ranges of
/// two methods overlap more than their ratio is uncertain.
struct Estimate {
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;

  /// value / factor .. value * factor; factor >= 1.
  static Estimate within(double value, double factor) { return {value, value / factor, value * factor}; }

  Estimate& operator+=(const Estimate& other) {
    value += other.value;
    low += other.low;
    high += other.high;
    return *this;
  }
};

inline Estimate operator+(Estimate a, const Estimate& b) {
  return a += b;
}

/// times >= 0.
inline Estimate operator*(const Estimate& a, double times) {
  return {a.value * times, a.low * times, a.high * times};
}

/// The larger of two sizes, end by end.
inline Estimate larger(const Estimate& a, const Estimate& b) {
  return {a.value > b.value ? a.value : b.value, a.low > b.low ? a.low : b.low,
          a.high > b.high ? a.high : b.high};
}

}  // namespace kones::hardware
