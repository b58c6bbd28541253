// The transforms along one axis of Winograd's minimal filtering F(kTile, 3), by Toom and Cook: inputs, taps and outputs are the
// coefficients of polynomials, which are evaluated at 0, at plus and minus every number of `at`, and at infinity.
#pragma once

#include <cstdint>

namespace srdgan {

// Numbers for which rounding errors of transformed inputs and weights reach the outputs as weakly as can be, among sums of few
// powers of two, which are exact (benchmarks/winograd_points.py).
template <int64_t kTile>
inline constexpr double kWinogradAt[kTile / 2] = {};
template <>
inline constexpr double kWinogradAt<4>[2] = {11.0 / 16, 3.0 / 2};
template <>
inline constexpr double kWinogradAt<6>[3] = {1, 1.0 / 2, 2};

template <int64_t kTile>
struct WinogradAxis {
  static constexpr int64_t kPairs = kTile / 2;
  static constexpr int64_t kWindow = kTile + 2;

  // B': of the inputs x, the outcome at
  //   0              is the sum over k of all[k] * x[2 k],
  //   +-at[i]        the sum over k of others[i][k] * (x[2 k + 2] +- at[i] * x[2 k + 1]),
  //   infinity       the sum over k of all[k] * x[2 k + 1].
  double all[kPairs + 1] = {};         // coefficients of the product over j of (x^2 - at[j]^2), from that of 1 on
  double others[kPairs][kPairs] = {};  // the same without j = i
  // G: three taps -> points, in the order 0, at[0], -at[0], at[1], ..., infinity.
  double taps[kWindow][3] = {};
  // A': output k is the sum over i of powers[k][i] * (sum of the points +-at[i] if k is even, their difference if it is odd), and
  // of what stands at 0 for the first output and at infinity for the last.
  double powers[kTile][kPairs] = {};

  constexpr WinogradAxis() {
    multiply(all, kPairs);
    taps[0][0] = 1 / all[0];
    taps[kWindow - 1][2] = 1;
    for (int64_t i = 0; i < kPairs; ++i) {
      multiply(others[i], i);
      const double at = kWinogradAt<kTile>[i];
      double scale = 2 * at * at;
      for (int64_t j = 0; j < kPairs; ++j) scale *= j == i ? 1 : at * at - kWinogradAt<kTile>[j] * kWinogradAt<kTile>[j];
      for (int64_t power = 0; power < 3; ++power) {
        const double tap = (power == 0 ? 1 : power == 1 ? at : at * at) / scale;
        taps[1 + 2 * i][power] = tap;
        taps[2 + 2 * i][power] = power == 1 ? -tap : tap;
      }
      powers[0][i] = 1;
      for (int64_t k = 1; k < kTile; ++k) powers[k][i] = powers[k - 1][i] * at;
    }
  }

 private:
  // The product over all j but one.
  static constexpr void multiply(double* coefficients, int64_t without) {
    int64_t degree = 0;
    coefficients[0] = 1;
    for (int64_t j = 0; j < kPairs; ++j) {
      if (j == without) continue;
      const double square = kWinogradAt<kTile>[j] * kWinogradAt<kTile>[j];
      coefficients[degree + 1] = 0;
      for (int64_t k = ++degree; k >= 0; --k) coefficients[k] = (k > 0 ? coefficients[k - 1] : 0) - square * coefficients[k];
    }
  }
};

template <int64_t kTile>
inline constexpr WinogradAxis<kTile> kWinogradAxis{};

}  // namespace srdgan
