// The transforms along one axis of Winograd's minimal filtering F(kTile, 3), by Toom and Cook: inputs, taps and outputs
// are the coefficients of polynomials, which are evaluated at 0, at plus and minus every number of `at`, and at
// infinity.
#pragma once

#include <cstdint>

namespace srdgan {

// A number at whose positive and negative value polynomials are evaluated. The factors are powers of two, which change
// no rounding. With them there are few different constants, and these stay in registers.
struct WinogradPoint {
  double at;
  double coefficients = 1;  // of the coefficients below that belong to it
  double inputs = 1;        // of what comes of them
  double outputs = 1;       // of the powers by which sums become outputs
};

// The numbers with the smallest rounding errors of the outputs, among sums of few powers of two, which are exact
// (benchmarks/winograd_points.py).
template <int64_t kTile>
inline constexpr WinogradPoint kWinogradAt[kTile / 2] = {};
template <>
inline constexpr WinogradPoint kWinogradAt<4>[2] = {{11.0 / 16}, {3.0 / 2}};
template <>
inline constexpr WinogradPoint kWinogradAt<6>[3] = {{1}, {1.0 / 2, 1, 2, 32}, {2, 4}};

template <int64_t kTile>
struct WinogradAxis {
  static constexpr int64_t kPairs = kTile / 2;
  static constexpr int64_t kWindow = kTile + 2;

  // B': of the inputs x, the outcome is a sum over k, at
  //   0              of all[k] * x[2 k],
  //   +-at[i]        of even[i] * others[i][k] * x[2 k + 2] +- odd[i] * others[i][k] * x[2 k + 1],
  //   infinity       of all[k] * x[2 k + 1].
  double all[kPairs + 1] = {};         // coefficients of the product over j of (x^2 - at[j]^2), from that of 1 on
  double others[kPairs][kPairs] = {};  // the same without j = i, times the point's factor
  double even[kPairs] = {};            // factors of the points
  double odd[kPairs] = {};             // the same times at[i]
  // G: three taps -> points, in the order 0, at[0], -at[0], at[1], ..., infinity.
  double taps[kWindow][3] = {};
  // A': output k is the sum over i of powers[k][i] * (sum of the points +-at[i] if k is even, their difference if it is
  // odd), and of what stands at 0 for the first output and at infinity for the last.
  double powers[kTile][kPairs] = {};

  constexpr WinogradAxis() {
    multiply(all, kPairs);
    taps[0][0] = 1 / all[0];
    taps[kWindow - 1][2] = 1;
    for (int64_t i = 0; i < kPairs; ++i) {
      multiply(others[i], i);
      const WinogradPoint point = kWinogradAt<kTile>[i];
      const double at = point.at;
      for (double& coefficient : others[i]) coefficient *= point.coefficients;
      even[i] = point.inputs;
      odd[i] = point.inputs * at;
      double scale = 2 * at * at * point.coefficients * point.inputs * point.outputs;
      for (int64_t j = 0; j < kPairs; ++j) scale *= j == i ? 1 : at * at - square(j);
      for (int64_t power = 0; power < 3; ++power) {
        const double tap = (power == 0 ? 1 : power == 1 ? at : at * at) / scale;
        taps[1 + 2 * i][power] = tap;
        taps[2 + 2 * i][power] = power == 1 ? -tap : tap;
      }
      powers[0][i] = point.outputs;
      for (int64_t k = 1; k < kTile; ++k) powers[k][i] = powers[k - 1][i] * at;
    }
  }

 private:
  static constexpr double square(int64_t j) { return kWinogradAt<kTile>[j].at * kWinogradAt<kTile>[j].at; }
  // The product over all j but one.
  static constexpr void multiply(double* coefficients, int64_t without) {
    int64_t degree = 0;
    coefficients[0] = 1;
    for (int64_t j = 0; j < kPairs; ++j) {
      if (j == without) continue;
      coefficients[degree + 1] = 0;
      for (int64_t k = ++degree; k >= 0; --k)
        coefficients[k] = (k > 0 ? coefficients[k - 1] : 0) - square(j) * coefficients[k];
    }
  }
};

template <int64_t kTile>
inline constexpr WinogradAxis<kTile> kWinogradAxis{};

}  // namespace srdgan
