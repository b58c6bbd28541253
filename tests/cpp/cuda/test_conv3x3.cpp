// The convolutions of conv3x3.h against double loops, with the same 16-bit inputs and weights: what is left are the
// rounding of sums in float32 and that of the result.
#include "csrc/kernels/cuda/conv3x3.h"
#include "tests/cpp/cuda/device_memory.h"

using namespace srdgan::gpu;

namespace {

double half_ulp(ElementType type) { return type == ElementType::kFloat16 ? 0x1p-11 : 0x1p-8; }

// Each result may differ from the reference by its own rounding, and by that of the sum of its terms in float32.
void check_close(const Map& result, const Map& reference, const Map& magnitudes, ElementType type, const char* name) {
  int64_t wrong = 0;
  double worst = 0;
  for (size_t i = 0; i < result.values.size(); ++i) {
    const double error = std::fabs(result.values[i] - reference.values[i]);
    const double bound = half_ulp(type) * std::fabs(reference.values[i]) + 4e-6 * magnitudes.values[i] + 0x1p-25;
    wrong += !(error <= bound);
    worst = std::fmax(worst, error / bound);
  }
  CHECK(wrong == 0, "%s: %ld of %zu results, worst %.3g times the bound", name, static_cast<long>(wrong),
        result.values.size(), worst);
}

// A slab of [output | first | 8 unused | second | residual | outer], whose rows and pictures have gaps.
void check_conv(const ConvCase& c, bool upsamples, const char* name) {
  const int64_t scale = upsamples ? 2 : 1;
  const int64_t first = pad_channels(c.features), growth = pad_channels(c.growth), second = c.num_growths * growth;
  const int64_t outputs = pad_channels(c.outputs);
  const ConvSize out_size{c.size.batch, scale * c.size.height, scale * c.size.width};
  const int64_t in_channels = first + 8 + second + (upsamples ? 0 : 3 * outputs);
  const Strides in_strides{(c.size.height + 1) * (c.size.width + 3) * in_channels, (c.size.width + 3) * in_channels,
                           in_channels};
  const int64_t out_channels = upsamples ? 3 * outputs : in_channels;
  const Strides out_strides = upsamples ? Strides::dense(out_size.height, out_size.width, out_channels) : in_strides;

  std::vector<int64_t> segments(1 + c.num_growths, c.growth);
  segments[0] = c.features;
  const RandomLayer layer(segments, c.outputs, 5);
  DeviceLayer weights(layer, c.type, upsamples ? DeviceLayer::For::kUpsample : DeviceLayer::For::kConv);

  std::vector<uint16_t> in_values = empty_memory(c.size.batch * in_strides.image);
  std::vector<uint16_t> enlarged_values = empty_memory(upsamples ? out_size.batch * out_strides.image : 0);
  std::vector<uint16_t>& before = upsamples ? enlarged_values : in_values;
  const int64_t output_at = upsamples ? 0 : first + 8 + second, residual_at = output_at + outputs,
                outer_at = residual_at + outputs;
  const Map residual = random_map(out_size, c.outputs, c.type, 3), outer = random_map(out_size, c.outputs, c.type, 4);
  const auto pad = [](const Map& map, int64_t channels) {
    const Map zeros(map.batch, map.height, map.width, channels - map.channels);
    return concatenate({&map, &zeros});
  };
  Map input_map = random_map(c.size, c.features, c.type, 1);
  write_map(pad(input_map, first), in_values, c.type, in_strides, 0);
  for (int64_t i = 0; i < c.num_growths; ++i) {
    const Map map = random_map(c.size, c.growth, c.type, 10 + static_cast<uint32_t>(i));
    write_map(pad(map, growth), in_values, c.type, in_strides, first + 8 + i * growth);
    input_map = concatenate({&input_map, &map});
  }
  write_map(pad(residual, outputs), before, c.type, out_strides, residual_at);
  write_map(pad(outer, outputs), before, c.type, out_strides, outer_at);

  Elements input("input", in_values, upsamples ? simt::Access::kRead : simt::Access::kReadWrite);
  Elements enlarged("output", enlarged_values, simt::Access::kReadWrite);
  Elements& output = upsamples ? enlarged : input;

  const FeatureInput in{input.data(), input.data() + first + 8, static_cast<int32_t>(first / 16),
                        static_cast<int32_t>(second / 16), in_strides};
  const FeatureOutput out{output.data() + output_at,
                          c.with_residual ? output.data() + residual_at : nullptr,
                          c.with_outer ? output.data() + outer_at : nullptr,
                          0.2f,
                          0.25f,
                          out_strides};
  simt::counts = {};
  const std::vector<uint16_t> after = simt::run_in_each_order(output, [&] {
    const Context context{c.type, c.half_sums, gpu_of_order(), nullptr};
    return (upsamples ? launch_upsample_conv3x3 : launch_conv3x3)(context, c.size, in, weights.weights(c.slope), out);
  });
  for (const auto kind : {simt::AccessKind::kLdmatrix, simt::AccessKind::kLoad, simt::AccessKind::kCpAsync}) {
    const simt::AccessCounts& accesses = simt::counts[kind];
    CHECK(accesses.bytes > 0 && accesses.passes == accesses.least_passes, "%s: kind %d takes %.2f times the passes",
          name, static_cast<int>(kind), accesses.passes_of_least());
  }

  // Phase weights are sums of rounded taps only up to another rounding, so enlarged inputs meet exact weights.
  Map magnitudes(0, 0, 0, 0);
  Map reference = reference_conv(upsamples ? enlarge_nearest(input_map) : input_map,
                                 upsamples ? layer : rounded(layer, c.type), c.slope, &magnitudes);
  if (upsamples) {
    for (double& m : magnitudes.values) m *= 1 + half_ulp(c.type) / 4e-6;
  }
  if (c.with_residual) reference = add_scaled(residual, 0.2f, reference);
  if (c.with_outer) reference = add_scaled(outer, 0.25f, reference);
  const Map result = read_map(after, c.type, out_size, out_strides, output_at, c.outputs);
  if (c.half_sums) {
    const double error = rms_difference(result, reference) / rms(reference);
    CHECK(error < 3e-3, "%s: relative error %.2g", name, error);
  } else {
    check_close(result, reference, magnitudes, c.type, name);
  }

  // Padded outputs are zeros, plus the residuals' zeros. Nothing else in the slab has changed.
  Map padding = read_map(after, c.type, out_size, out_strides, output_at, outputs);
  int64_t nonzero = 0;
  for (size_t i = 0; i < padding.values.size(); ++i)
    nonzero += static_cast<int64_t>(i) % outputs >= c.outputs && padding.values[i] != 0;
  CHECK(nonzero == 0, "%s: %ld padded outputs", name, static_cast<long>(nonzero));
  std::vector<uint16_t> others = after;
  for (int64_t n = 0; n < out_size.batch; ++n)
    for (int64_t y = 0; y < out_size.height; ++y)
      for (int64_t x = 0; x < out_size.width; ++x) {
        const int64_t at = n * out_strides.image + y * out_strides.row + x * out_strides.pixel + output_at;
        std::copy_n(before.begin() + at, outputs, others.begin() + at);
      }
  CHECK(others == before, "%s: other memory was written", name);
}

void check(const ConvCase& c) {
  for (const bool upsamples : {false, true})
    check_conv(c, upsamples, describe(upsamples ? "upsample_conv3x3" : "conv3x3", c).c_str());
}

// Rows, pixels and images that lie more than 2^31 elements apart: memory that is never touched costs nothing.
void check_large_offsets() {
  const ElementType type = ElementType::kFloat16;
  const ConvSize size{2, 2, 3};
  const Strides strides{int64_t{1} << 34, int64_t{1} << 32, int64_t{1} << 30};
  GuardedPages pages(2 * (size.batch * strides.image), 16, "far slab");
  auto* slab = reinterpret_cast<uint16_t*>(pages.data());
  const Map x = random_map(size, 16, type, 1);
  const RandomLayer layer({16}, 16, 5);
  DeviceLayer weights(layer, type);
  const auto pixel = [&](int64_t n, int64_t y, int64_t i) {
    return slab + n * strides.image + y * strides.row + i * strides.pixel;
  };
  for (int64_t n = 0; n < size.batch; ++n)
    for (int64_t y = 0; y < size.height; ++y)
      for (int64_t i = 0; i < size.width; ++i)
        for (int64_t c = 0; c < 16; ++c) pixel(n, y, i)[c] = to_bits(type, static_cast<float>(x.at(n, y, i, c)));
  const FeatureInput input{slab, slab, 1, 0, strides};
  const FeatureOutput output{slab + 16, slab, nullptr, 0.2f, 0, strides};
  const Context context{type, false, kA100, nullptr};
  simt::order = simt::Order::kForward;
  CHECK(launch_conv3x3(context, size, input, weights.weights(0.2f), output) == cudaSuccess, "far slab");
  const Map reference = add_scaled(x, 0.2f, reference_conv(x, rounded(layer, type), 0.2));
  double worst = 0;
  for (int64_t n = 0; n < size.batch; ++n)
    for (int64_t y = 0; y < size.height; ++y)
      for (int64_t i = 0; i < size.width; ++i)
        for (int64_t c = 0; c < 16; ++c)
          worst = std::fmax(worst, std::fabs(to_number(type, pixel(n, y, i)[16 + c]) - reference.at(n, y, i, c)));
  CHECK(worst < 1e-3, "far slab: error %g", worst);
}

// A full tile reads 2 * 9 * 32 * 128 FLOP / ((3 * 10 * 16 + 9 * 32) * 2 bytes) = 48 FLOP per byte of shared memory, for
// each channel and warp. benchmarks/cuda_roofs.py counts with the same figures.
void check_shared_traffic() {
  const ConvSize size{1, 16, 32};
  const Strides strides = Strides::dense(16, 32, 96);
  const RandomLayer layer({64}, 32, 5);
  DeviceLayer weights(layer, ElementType::kFloat16);
  Elements slab("slab", strides.image);
  std::fill_n(slab.data(), slab.size(), 0);
  const FeatureInput input{slab.data(), slab.data(), 4, 0, strides};
  const FeatureOutput output{slab.data() + 64, nullptr, nullptr, 0, 0, strides};
  simt::counts = {};
  const Context context{ElementType::kFloat16, false, kA100, nullptr};
  CHECK(launch_conv3x3(context, size, input, weights.weights(0.2f), output) == cudaSuccess, "full tile");
  const double flop = 2.0 * 9 * 64 * 32 * 16 * 32;
  const int64_t read = simt::counts[simt::AccessKind::kLdmatrix].bytes + simt::counts[simt::AccessKind::kLoad].bytes;
  const int64_t copied = simt::counts[simt::AccessKind::kCpAsync].bytes;
  CHECK(static_cast<double>(read) * 48 == flop, "%ld bytes read", static_cast<long>(read));
  CHECK(copied == 64 * 2 * (18 * 34 + 9 * 32), "%ld bytes copied", static_cast<long>(copied));
  CHECK(static_cast<double>(simt::counts.products) * 2 * 16 * 8 * 16 == flop, "%ld products",
        static_cast<long>(simt::counts.products));
}

// Nothing is launched where a limit is not kept: no buffer is there.
void check_limits() {
  const Context context{ElementType::kFloat16, false, kA100, nullptr};
  const Strides strides = Strides::dense(4, 4, 32);
  alignas(16) static uint16_t memory[8];
  const FeatureInput input{memory, memory, 1, 0, strides};
  const FeatureOutput output{memory, nullptr, nullptr, 0, 0, strides};
  const ConvWeights weights{memory, reinterpret_cast<float*>(memory), 32, 0.2f};
  const ConvSize size{1, 4, 4};
  const auto launch = [&](const ConvSize& s, const FeatureInput& i, const ConvWeights& w, const FeatureOutput& o) {
    return launch_conv3x3(context, s, i, w, o);
  };
  ConvWeights odd = weights;
  odd.outputs = 48;
  CHECK(launch(size, input, odd, output) == cudaErrorInvalidValue, "48 outputs");
  FeatureInput empty = input;
  empty.first_groups = 0;
  CHECK(launch(size, empty, weights, output) == cudaErrorInvalidValue, "no input");
  FeatureInput shifted = input;
  shifted.first = memory + 1;
  CHECK(launch(size, shifted, weights, output) == cudaErrorInvalidValue, "misaligned input");
  FeatureOutput narrow = output;
  narrow.strides.pixel = 20;
  CHECK(launch(size, input, weights, narrow) == cudaErrorInvalidValue, "misaligned output");
  CHECK(launch({kConvMaxBatch + 1, 4, 4}, input, weights, output) == cudaErrorInvalidValue, "too many pictures");
  CHECK(
      launch_upsample_conv3x3(context, {kConvMaxBatch / 4 + 1, 4, 4}, input, weights, output) == cudaErrorInvalidValue,
      "too many pictures to enlarge");
  const Context impossible{ElementType::kBFloat16, true, kA100, nullptr};
  CHECK(launch_conv3x3(impossible, size, input, weights, output) == cudaErrorInvalidValue, "bf16 sums");
  CHECK(launch({0, 4, 4}, input, weights, output) == cudaSuccess, "no pictures");
  CHECK(launch({1, 0, 4}, input, weights, output) == cudaSuccess, "no rows");
}

}  // namespace

int main() {
  const ElementType f16 = ElementType::kFloat16, bf16 = ElementType::kBFloat16;
  check({f16, {1, 1, 1}, 64, 32, 1, 32, false, false});
  check({f16, {2, 7, 5}, 64, 32, 2, 64, true, true});
  check({bf16, {1, 17, 33}, 32, 16, 3, 16, false, false});
  check({bf16, {1, 2, 67}, 64, 32, 3, 32, true, false});
  check({f16, {3, 19, 1}, 32, 0, 0, 32, true, false, 1.0f});
  check({f16, {1, 9, 18}, 20, 11, 1, 24, true, true});  // padded channels
  check({f16, {1, 3, 4}, 3, 5, 2, 3, false, false});
  check({bf16, {2, 16, 16}, 16, 16, 1, 50, false, true});
  check({f16, {1, 6, 20}, 64, 32, 4, 64, true, true, 0.2f, true});
  check({f16, {1, 3, 5}, 64, 32, 2, 32, false, false, 0.2f, true});
  check({f16, {1, 5, 2}, 32, 16, 1, 16, false, false, 0.2f, true});
  check_shared_traffic();
  check_large_offsets();
  check_limits();
  return test_result();
}
