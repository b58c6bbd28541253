// conv3x3 by wgmma against conv3x3 by mma.sync, which test_conv3x3 compares with double: the same bits, as both add the
// same products in the same order.
#include "csrc/kernels/cuda/conv_wgmma.h"
#include "tests/cpp/cuda/device_memory.h"

using namespace srdgan::gpu;

namespace {

// A slab of [first | 8 unused | second | output | residual | outer], whose rows and pictures have gaps.
void check(const ConvCase& c) {
  const std::string text = describe("conv3x3_wgmma", c);
  const char* name = text.c_str();
  const int64_t second_at = c.features + 8, output_at = second_at + c.num_growths * c.growth;
  const int64_t channels = output_at + 3 * c.outputs;
  const Strides strides{(c.size.height + 1) * (c.size.width + 3) * channels, (c.size.width + 3) * channels, channels};
  std::vector<uint16_t> before = empty_memory(c.size.batch * strides.image);
  const auto fill = [&](int64_t at, int64_t count, uint32_t seed) {
    write_map(random_map(c.size, count, c.type, seed), before, c.type, strides, at);
  };
  fill(0, c.features, 1);
  if (c.num_growths > 0) fill(second_at, c.num_growths * c.growth, 2);
  fill(output_at + c.outputs, 2 * c.outputs, 3);
  std::vector<int64_t> segments(1 + c.num_growths, c.growth);
  segments[0] = c.features;
  const RandomLayer layer(segments, c.outputs, 5);
  DeviceLayer weights(layer, c.type), ordered(layer, c.type, DeviceLayer::For::kWgmma);

  Elements slab("slab", before, simt::Access::kReadWrite);
  const FeatureInput input{slab.data(), slab.data() + second_at, static_cast<int32_t>(c.features / 16),
                           static_cast<int32_t>(c.num_growths * c.growth / 16), strides};
  uint16_t* out = slab.data() + output_at;
  const FeatureOutput output{
      out,    c.with_residual ? out + c.outputs : nullptr, c.with_outer ? out + 2 * c.outputs : nullptr, 0.2f, 0.25f,
      strides};
  const Context context{c.type, false, kH100, nullptr};
  CHECK(launch_conv3x3(context, c.size, input, weights.weights(0.2f), output) == cudaSuccess, "%s", name);
  const std::vector<uint16_t> expected = slab.values();
  simt::counts = {};
  const std::vector<uint16_t> after = simt::run_in_each_order(
      slab, [&] { return launch_conv3x3_wgmma(context, c.size, input, ordered.weights(0.2f), output); });
  CHECK(after == expected, "%s: other bits than conv3x3", name);
  const simt::AccessCounts& accesses = simt::counts[simt::AccessKind::kLdmatrix];
  CHECK(accesses.bytes > 0 && accesses.passes == accesses.least_passes, "%s: ldmatrix takes %.2f times the passes",
        name, accesses.passes_of_least());
}

// A group of 16 channels of a full tile is 9 * 2 * 16 * 32 * 512 = 4.7 MFLOP for 32 outputs. Warps load 3 * 10 rows of
// 16 pixels; each of the 72 products reads 1,024 bytes of weights for its warpgroup.
void check_shared_traffic() {
  const ConvSize size{1, 16, 32};
  const Strides strides = Strides::dense(16, 32, 96);
  const RandomLayer layer({64}, 32, 5);
  DeviceLayer weights(layer, ElementType::kFloat16, DeviceLayer::For::kWgmma);
  Elements slab("slab", strides.image);
  std::fill_n(slab.data(), slab.size(), 0);
  const FeatureInput input{slab.data(), slab.data(), 4, 0, strides};
  const FeatureOutput output{slab.data() + 64, nullptr, nullptr, 0, 0, strides};
  simt::counts = {};
  const Context context{ElementType::kFloat16, false, kH100, nullptr};
  CHECK(launch_conv3x3_wgmma(context, size, input, weights.weights(0.2f), output) == cudaSuccess, "full tile");
  constexpr int64_t kGroups = 4, kWarps = 4, kProducts = 72;
  const int64_t loaded = simt::counts[simt::AccessKind::kLdmatrix].bytes;
  CHECK(loaded == kGroups * kWarps * 3 * 10 * 16 * 32, "%ld bytes loaded", static_cast<long>(loaded));
  CHECK(simt::counts.products == kGroups * kWarps * kProducts * 4, "%ld products of 16 x 8 x 16",
        static_cast<long>(simt::counts.products));
}

// Nothing is launched where a limit is not kept: no buffer is there.
void check_limits() {
  alignas(16) static uint16_t memory[8];
  const Strides strides = Strides::dense(4, 4, 32);
  const FeatureInput input{memory, memory, 1, 0, strides};
  const FeatureOutput output{memory, nullptr, nullptr, 0, 0, strides};
  const auto launch = [&](int32_t outputs, bool half_sums, const ConvSize& size, const Strides& of_input) {
    FeatureInput in = input;
    in.strides = of_input;
    const ConvWeights weights{memory, reinterpret_cast<float*>(memory), outputs, 0.2f};
    return launch_conv3x3_wgmma({ElementType::kFloat16, half_sums, kH100, nullptr}, size, in, weights, output);
  };
  CHECK(launch(16, false, {1, 4, 4}, strides) == cudaErrorInvalidValue, "16 outputs");
  CHECK(launch(32, true, {1, 4, 4}, strides) == cudaErrorInvalidValue, "sums in float16");
  CHECK(launch(32, false, {kConvMaxBatch + 1, 4, 4}, strides) == cudaErrorInvalidValue, "too many pictures");
  CHECK(launch(32, false, {1, 4, 4}, {int64_t{1} << 40, 128, 32}) == cudaErrorInvalidValue, "a stride beyond TMA's");
  CHECK(launch(32, false, {1, 0, 4}, strides) == cudaSuccess, "no rows");
  CHECK(uses_wgmma(kH100, false) && !uses_wgmma(kA100, false) && !uses_wgmma(kRtx5090, false), "GPUs");
  CHECK(!uses_wgmma(kH100, true), "sums in float16");
}

}  // namespace

int main() {
  const ElementType f16 = ElementType::kFloat16, bf16 = ElementType::kBFloat16;
  check({f16, {1, 1, 1}, 64, 32, 0, 32, false, false});
  check({f16, {2, 7, 5}, 64, 32, 2, 64, true, true});
  check({bf16, {1, 17, 33}, 32, 16, 3, 32, true, false});
  check({bf16, {1, 2, 67}, 64, 32, 4, 64, true, false});
  check({f16, {3, 19, 1}, 32, 16, 1, 32, false, true});
  check({f16, {1, 35, 16}, 16, 16, 0, 32, false, false});
  check_shared_traffic();
  check_limits();
  return test_result();
}
