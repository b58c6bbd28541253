// dense_layers in every instruction set of this processor against plain loops, forward and backward, in floats and with
// products of bfloat16.
#include <algorithm>
#include <limits>
#include <vector>

#include "csrc/kernels/cpu/dense_layers.h"
#include "csrc/kernels/cpu/dense_layers_bf16.h"
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

// Numbers of a case, and what is right for them.
struct Data {
  explicit Data(const Case& c) : Data(c, c.shape, c.shape.height * c.shape.width) {}

  // As many gradients of weights and biases as `factor` equal pictures have.
  void check(const Case& c, const char* name, double limit, double factor, const float* out, const float* grad_x,
             const float* grad_weights, const float* grad_bias) const {
    const DenseShape& s = c.shape;
    const auto check_one = [&](const char* what, const float* actual, Doubles expected, double times) {
      for (double& value : expected) value *= times;
      const double error = error_of(actual, expected);
      CHECK(error < limit, "%s of %lldx%lld, %lld and %lld x %lld channels, %s: error %g", what,
            static_cast<long long>(s.height), static_cast<long long>(s.width), static_cast<long long>(s.in_channels),
            static_cast<long long>(s.growths), static_cast<long long>(s.growth_channels), name, error);
    };
    check_one("result", out, naive.out, 1);
    check_one("gradient of x", grad_x, naive.grad_x, 1);
    check_one("gradient of the weights", grad_weights, naive.grad_weights, factor);
    check_one("gradient of the biases", grad_bias, naive.grad_bias, factor);
  }

  std::vector<float> x, weights, bias, grad;
  Naive naive;

 private:
  Data(const Case& c, const DenseShape& s, int64_t pixels)
      : x(random_floats(pixels * s.in_channels, 1)),
        weights(random_floats(s.weights_begin(s.num_layers()), 2)),
        bias(random_floats(s.bias_begin(s.num_layers()), 3)),
        grad(random_floats(pixels * s.out_channels, 4)),
        naive(c, x, shrink(weights), enlarge(bias), grad) {}

  static const std::vector<float>& shrink(std::vector<float>& weights) {
    for (float& weight : weights) weight *= 0.1f;
    return weights;
  }
  // Then rounding changes the sign of no feature.
  static const std::vector<float>& enlarge(std::vector<float>& bias) {
    for (float& value : bias) value = value > 0 ? value + 8.0f : value - 8.0f;
    return bias;
  }
};

void test(const Case& c, CpuIsa isa) {
  const DenseShape& s = c.shape;
  const int64_t pixels = s.height * s.width;
  const Data data(c);
  const DenseShape reversed = s.reversed();
  const int64_t biases = s.padded_bias_begin(s.num_layers());
  Guarded packed(dense_packed_floats(s)), packed_reversed(dense_packed_floats(reversed)), padded_bias(biases);
  Guarded slab(s.slab_floats()), out(pixels * s.out_channels), scratch(dense_forward_scratch_floats(s));
  dense_pack(s, isa, data.weights.data(), packed.data());
  dense_pack_reversed(s, isa, data.weights.data(), packed_reversed.data());
  dense_pack_bias(s, data.bias.data(), padded_bias.data());
  dense_forward(
      {s, {packed.data(), padded_bias.data()}, c.slope, c.out_slope, c.scale, data.x.data(), slab.data(), out.data()},
      isa, scratch.data());

  const std::vector<float> no_bias(reversed.padded_bias_begin(reversed.num_layers()));
  Guarded grad_x(pixels * s.in_channels), taps(2 * dense_taps_floats(s)), grad_biases(2 * biases);
  Guarded back_scratch(dense_backward_scratch_floats(s));
  for (int64_t i = 0; i < 2; ++i) {  // a batch of two equal pictures, the second without a gradient of x
    dense_backward({s,
                    {packed_reversed.data(), no_bias.data()},
                    c.slope,
                    c.out_slope,
                    c.scale,
                    data.grad.data(),
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

  data.check(c, cpu_isa_name(isa), 1e-5, 2, out.data(), grad_x.data(), grad_weights.data(), grad_bias.data());
  for (const Guarded* memory : {&packed, &packed_reversed, &padded_bias, &slab, &out, &scratch, &grad_x, &taps,
                                &grad_biases, &back_scratch, &grad_weights, &grad_bias})
    CHECK(memory->kept(), "memory behind a buffer was written");
}

// Memory for numbers of 16 bits.
class GuardedNumbers : public Guarded {
 public:
  explicit GuardedNumbers(int64_t numbers) : Guarded((numbers + 1) / 2) {}
  uint16_t* data() { return reinterpret_cast<uint16_t*>(Guarded::data()); }
};

void test_bf16(const Case& c, CpuIsa isa) {
  const DenseShape &s = c.shape, reversed = s.reversed();
  const int64_t pixels = s.height * s.width, slab_numbers = dense_bf16_slab_numbers(s);
  const int64_t planes_numbers = dense_bf16_planes_numbers(s);
  const Data data(c);
  GuardedNumbers packed(dense_bf16_packed_numbers(s)), packed_reversed(dense_bf16_packed_numbers(reversed));
  GuardedNumbers slabs(2 * slab_numbers), planes(2 * planes_numbers);
  Guarded padded_bias(s.padded_bias_begin(s.num_layers())), out(pixels * s.out_channels);
  Guarded scratch(dense_bf16_scratch_floats(s)), grad_x(pixels * s.in_channels);
  Guarded back_scratch(dense_bf16_backward_scratch_floats(s)), sum_scratch(dense_bf16_sum_scratch_floats(s));
  for (int64_t job = 0; job < dense_bf16_pack_jobs(s); ++job)
    dense_bf16_pack(s, data.weights.data(), packed.data(), job);
  for (int64_t job = 0; job < dense_bf16_pack_jobs(reversed); ++job)
    dense_bf16_pack_reversed(s, data.weights.data(), packed_reversed.data(), job);
  dense_pack_bias(s, data.bias.data(), padded_bias.data());
  const std::vector<float> no_bias(reversed.padded_bias_begin(reversed.num_layers()));
  for (int64_t i = 0; i < 2; ++i) {  // a batch of two equal pictures, the second without a gradient of x
    uint16_t* slab = slabs.data() + i * slab_numbers;
    dense_bf16_forward(
        {s, packed.data(), padded_bias.data(), c.slope, c.out_slope, c.scale, data.x.data(), slab, out.data()}, isa,
        scratch.forget());
    dense_bf16_backward({s, packed_reversed.data(), no_bias.data(), c.slope, c.out_slope, c.scale, data.grad.data(),
                         slab, out.data(), i == 0 ? grad_x.data() : nullptr, planes.data() + i * planes_numbers},
                        isa, back_scratch.forget());
  }
  for (const int64_t threads : {1, 7}) {  // which share the layers, or not
    Guarded grad_weights(s.weights_begin(s.num_layers())), grad_bias(s.bias_begin(s.num_layers()));
    const Bf16GradientSums sums{s, 2, slabs.data(), planes.data(), grad_weights.data(), grad_bias.data()};
    for (int64_t job = 0; job < dense_bf16_sum_jobs(s, threads); ++job)
      dense_bf16_sum_gradients(sums, isa, threads, job, sum_scratch.forget());
    // Rounding by 1 in 512 changes the sign of some features.
    data.check(c, cpu_isa_name(isa), 0.05, 2, out.data(), grad_x.data(), grad_weights.data(), grad_bias.data());
    CHECK(grad_weights.kept() && grad_bias.kept(), "memory behind the gradients was written");
  }
  for (const Guarded* memory :
       std::initializer_list<const Guarded*>{&packed, &packed_reversed, &slabs, &planes, &padded_bias, &out, &scratch,
                                             &grad_x, &back_scratch, &sum_scratch})
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
  for (CpuIsa isa : tested_isas()) {
    for (const Case& c : cases) {
      test(c, isa);
      // Others compute it by portable code, too.
      if (isa == CpuIsa::kPortable || cpu_has_fast_bf16(isa)) test_bf16(c, isa);
    }
  }
  return test_result();
}
