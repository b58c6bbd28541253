// dense_layers in every instruction set of this processor against plain loops, forward and backward.
#include <algorithm>
#include <limits>
#include <vector>

#include "csrc/kernels/cpu/dense_layers.h"
#include "tests/cpp/check.h"
#include "tests/cpp/guarded.h"
#include "tests/cpp/isas.h"

using namespace srdgan;

namespace {

struct Case {
  DenseShape shape;
  float slope;      // of the layers before the last
  float out_slope;  // of the last one
  float scale;      // of the residual, 0 for none
};

using Doubles = std::vector<double>;

// One layer: calls take(output, input, weight) with the places of every product.
template <typename Take>
void each_product(const DenseShape& s, int64_t layer, const Take& take) {
  const int64_t inputs = s.layer_inputs(layer), outputs = s.layer_outputs(layer);
  const int64_t features = s.in_channels + s.growths * s.growth_channels;
  for (int64_t y = 0; y < s.height; ++y)
    for (int64_t x = 0; x < s.width; ++x)
      for (int64_t dy = 0; dy < 3; ++dy)
        for (int64_t dx = 0; dx < 3; ++dx) {
          const int64_t row = y + dy - 1, column = x + dx - 1;
          if (row < 0 || row >= s.height || column < 0 || column >= s.width) continue;
          for (int64_t n = 0; n < outputs; ++n)
            for (int64_t k = 0; k < inputs; ++k)
              take((y * s.width + x) * outputs + n, (row * s.width + column) * features + k,
                   s.weights_begin(layer) + ((n * inputs + k) * 3 + dy) * 3 + dx);
        }
}

// A forward and a backward pass by the definition, with the gradient `grad` of the result.
struct Naive {
  Doubles out, grad_x, grad_weights, grad_bias;

  Naive(const Case& c, const std::vector<float>& x, const std::vector<float>& weights, const std::vector<float>& bias,
        const std::vector<float>& grad)
      : grad_weights(weights.size()), grad_bias(bias.size()) {
    const DenseShape& s = c.shape;
    const int64_t pixels = s.height * s.width;
    const int64_t count = s.in_channels + s.growths * s.growth_channels;
    Doubles features(pixels * count), grad_features(pixels * count), sums;
    for (int64_t i = 0; i < pixels; ++i)
      for (int64_t k = 0; k < s.in_channels; ++k) features[i * count + k] = x[i * s.in_channels + k];
    for (int64_t layer = 0; layer < s.num_layers(); ++layer) {
      const int64_t outputs = s.layer_outputs(layer);
      sums.assign(pixels * outputs, 0);
      for (int64_t i = 0; i < pixels * outputs; ++i) sums[i] = bias[s.bias_begin(layer) + i % outputs];
      each_product(s, layer, [&](int64_t o, int64_t i, int64_t w) { sums[o] += features[i] * weights[w]; });
      if (layer == s.growths) break;
      for (int64_t i = 0; i < pixels * outputs; ++i)
        features[i / outputs * count + s.layer_inputs(layer) + i % outputs] = sums[i] > 0 ? sums[i] : c.slope * sums[i];
    }
    Doubles back(sums.size());
    for (size_t i = 0; i < sums.size(); ++i) {
      const double slope = sums[i] > 0 ? 1.0 : c.out_slope;
      out.push_back(c.scale != 0 ? x[i] + c.scale * sums[i] : slope * sums[i]);
      back[i] = c.scale != 0 ? c.scale * grad[i] : slope * grad[i];
    }
    for (int64_t layer = s.growths; layer >= 0; --layer) {
      const int64_t outputs = s.layer_outputs(layer);
      if (layer < s.growths) {
        back.assign(pixels * outputs, 0);
        for (int64_t i = 0; i < pixels * outputs; ++i) {
          const int64_t at = i / outputs * count + s.layer_inputs(layer) + i % outputs;
          back[i] = grad_features[at] * (features[at] > 0 ? 1.0 : c.slope);
        }
      }
      for (int64_t i = 0; i < pixels * outputs; ++i) grad_bias[s.bias_begin(layer) + i % outputs] += back[i];
      each_product(s, layer, [&](int64_t o, int64_t i, int64_t w) {
        grad_features[i] += back[o] * weights[w];
        grad_weights[w] += back[o] * features[i];
      });
    }
    for (int64_t i = 0; i < pixels * s.in_channels; ++i)
      grad_x.push_back(grad_features[i / s.in_channels * count + i % s.in_channels] + (c.scale != 0 ? grad[i] : 0.0f));
  }
};

// Largest error, in units of the largest number.
double error_of(const float* actual, const Doubles& expected) {
  double largest = 0, error = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    const double difference = std::abs(actual[i] - expected[i]);
    error = difference <= error ? error : difference;  // NaN is an error, too
  }
  return error / largest;
}

void test(const Case& c, CpuIsa isa) {
  const DenseShape& s = c.shape;
  const int64_t pixels = s.height * s.width;
  const auto x = random_floats(pixels * s.in_channels, 1);
  auto weights = random_floats(s.weights_begin(s.num_layers()), 2);
  for (float& weight : weights) weight *= 0.1f;
  auto bias = random_floats(s.bias_begin(s.num_layers()), 3);
  // Rounding changes the sign of no feature.
  for (float& value : bias) value = value > 0 ? value + 8.0f : value - 8.0f;
  const auto grad = random_floats(pixels * s.out_channels, 4);
  const Naive naive(c, x, weights, bias, grad);

  const DenseShape reversed = s.reversed();
  const int64_t biases = s.padded_bias_begin(s.num_layers());
  Guarded packed(dense_packed_floats(s)), packed_reversed(dense_packed_floats(reversed)), padded_bias(biases);
  Guarded slab(s.slab_floats()), out(pixels * s.out_channels), scratch(dense_forward_scratch_floats(s));
  dense_pack(s, isa, weights.data(), packed.data());
  dense_pack_reversed(s, isa, weights.data(), packed_reversed.data());
  dense_pack_bias(s, bias.data(), padded_bias.data());
  dense_forward(
      {s, {packed.data(), padded_bias.data()}, c.slope, c.out_slope, c.scale, x.data(), slab.data(), out.data()}, isa,
      scratch.data());

  const std::vector<float> no_bias(reversed.padded_bias_begin(reversed.num_layers()));
  Guarded grad_x(pixels * s.in_channels), taps(2 * dense_taps_floats(s)), grad_biases(2 * biases);
  Guarded back_scratch(dense_backward_scratch_floats(s));
  for (int64_t i = 0; i < 2; ++i) {  // a batch of two equal pictures, the second without a gradient of x
    dense_backward({s,
                    {packed_reversed.data(), no_bias.data()},
                    c.slope,
                    c.out_slope,
                    c.scale,
                    grad.data(),
                    slab.data(),
                    out.data(),
                    i == 0 ? grad_x.data() : nullptr,
                    taps.data() + i * dense_taps_floats(s),
                    grad_biases.data() + i * biases},
                   isa, back_scratch.data());
  }
  Guarded grad_weights(s.weights_begin(s.num_layers())), grad_bias(s.bias_begin(s.num_layers()));
  dense_sum_gradients({s, 2, taps.data(), grad_biases.data(), grad_weights.data(), grad_bias.data()}, 0,
                      s.num_layers());

  const auto check = [&](const char* what, const float* actual, Doubles expected, double factor) {
    for (double& value : expected) value *= factor;
    const double error = error_of(actual, expected);
    CHECK(error < 1e-5, "%s of %lldx%lld, %lld and %lld x %lld channels, %s: error %g", what,
          static_cast<long long>(s.height), static_cast<long long>(s.width), static_cast<long long>(s.in_channels),
          static_cast<long long>(s.growths), static_cast<long long>(s.growth_channels), cpu_isa_name(isa), error);
  };
  check("result", out.data(), naive.out, 1);
  check("gradient of x", grad_x.data(), naive.grad_x, 1);
  check("gradient of the weights", grad_weights.data(), naive.grad_weights, 2);
  check("gradient of the biases", grad_bias.data(), naive.grad_bias, 2);
  for (const Guarded* memory : {&packed, &packed_reversed, &padded_bias, &slab, &out, &scratch, &grad_x, &taps,
                                &grad_biases, &back_scratch, &grad_weights, &grad_bias})
    CHECK(memory->kept(), "memory behind a buffer was written");
}

}  // namespace

int main() {
  const std::vector<Case> cases = {
      {{1, 1, 1, 0, 1, 1}, 1.0f, 1.0f, 0.0f},     {{5, 7, 3, 0, 1, 33}, 1.0f, 0.0f, 0.0f},
      {{9, 4, 32, 0, 1, 3}, 1.0f, 0.3f, 0.0f},    {{3, 140, 17, 0, 1, 20}, 1.0f, 0.1f, 0.0f},
      {{34, 6, 16, 0, 1, 48}, 1.0f, 1.0f, 0.0f},  {{8, 8, 32, 4, 16, 32}, 0.2f, 1.0f, 0.2f},
      {{13, 10, 8, 4, 4, 8}, 0.1f, 1.0f, 0.5f},   {{6, 37, 20, 2, 17, 20}, 0.2f, 1.0f, 0.2f},
      {{2, 3, 64, 1, 32, 64}, 0.0f, 1.0f, -0.2f},
  };
  for (CpuIsa isa : tested_isas())
    for (const Case& c : cases) test(c, isa);
  return test_result();
}
