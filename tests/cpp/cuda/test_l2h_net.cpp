// Whole nets, from samples to samples, against double: PSNR above 60 dB with 16-bit floats.
//
// Without arguments: small nets. With the argument "large": nets like the shipped model and like the paper's.
#include "csrc/kernels/cuda/l2h_net.h"
#include "tests/cpp/cuda/random_net.h"

using namespace srdgan::gpu;

namespace {

struct Case {
  const char* name;
  ElementType type;
  ConvSize size;
  int64_t num_rrdbs, features, growth, num_upsamplings, unshuffle;
  size_t num_orders = 1;
  bool half_sums = false;
  bool by_wgmma = false;
};

double psnr(const Map& a, const Map& b) { return -20 * std::log10(rms_difference(a, b)); }

// (N, H, W, 3) bytes -> what conv_first reads, in [0, 1].
Map to_pixels(const Map& bytes, int64_t unshuffle) {
  Map pixels(bytes.batch, bytes.height / unshuffle, bytes.width / unshuffle, 3 * unshuffle * unshuffle);
  for (int64_t n = 0; n < bytes.batch; ++n)
    for (int64_t y = 0; y < bytes.height; ++y)
      for (int64_t x = 0; x < bytes.width; ++x)
        for (int64_t c = 0; c < 3; ++c)
          pixels.at(n, y / unshuffle, x / unshuffle, (c * unshuffle + y % unshuffle) * unshuffle + x % unshuffle) =
              bytes.at(n, y, x, c) / 255;
  return pixels;
}

void check(const Case& c) {
  const RandomNet net(c.num_rrdbs, c.features, c.growth, c.num_upsamplings, 3 * c.unshuffle * c.unshuffle);
  const DeviceNet device(net, c.type, c.by_wgmma);
  const L2HNetRun run(device.weights, c.size);
  const int64_t height = c.size.height * c.unshuffle, width = c.size.width * c.unshuffle;
  Map bytes(c.size.batch, height, width, 3);
  std::vector<uint8_t> samples;
  for (const float value : random_floats(static_cast<int64_t>(bytes.values.size()), 7))
    samples.push_back(static_cast<uint8_t>(127 + 128 * value));
  std::copy(samples.begin(), samples.end(), bytes.values.begin());
  simt::DeviceArray<uint8_t> picture("picture", samples);

  const int64_t out_height = run.scale() * c.size.height, out_width = run.scale() * c.size.width;
  const PictureStrides in_strides{height * width * 3, width * 3, 3, 1};
  const PictureStrides out_strides{out_height * out_width * 3, out_width * 3, 3, 1};
  const PictureInput input{
      picture.data(), SampleType::kUint8, height, width, in_strides, 0, 0, static_cast<int32_t>(c.unshuffle), 3};
  simt::DeviceArray<float> floats("result", c.size.batch * out_strides.image);
  Map result(c.size.batch, out_height, out_width, 3);
  std::vector<float> first;
  for (size_t i = 0; i < c.num_orders; ++i) {
    simt::order = simt::kOrders[i];
    const Context context{c.type, c.half_sums, c.by_wgmma ? kH100 : gpu_of_order(), nullptr};
    simt::DeviceArray<unsigned char> workspace("workspace", run.workspace_bytes());
    const PictureOutput to_floats{floats.data(), SampleType::kFloat32, out_strides, 0, 0, out_height, out_width, 3};
    CHECK(run.launch(context, input, to_floats, workspace.data()) == cudaSuccess, "%s", c.name);
    CHECK(workspace.kept() && floats.kept(), "%s: memory beside the buffers was written", c.name);
    if (i == 0) first = floats.values();
    CHECK(!std::memcmp(first.data(), floats.data(), first.size() * sizeof(float)), "%s: order %zu", c.name, i);
  }
  std::copy_n(floats.data(), floats.size(), result.values.begin());
  const Map reference = reference_net(to_pixels(bytes, c.unshuffle), net);
  const double decibels = psnr(result, reference);
  const double contrast = rms_difference(reference, Map(c.size.batch, out_height, out_width, 3));
  std::printf("%s: PSNR %.1f dB, root mean square of the result %.2f\n", c.name, decibels, contrast);
  CHECK(decibels > (c.type == ElementType::kFloat16 ? 60 : 40), "%s: PSNR %.1f dB", c.name, decibels);
}

}  // namespace

int main(int argc, char** argv) {
  const ElementType f16 = ElementType::kFloat16, bf16 = ElementType::kBFloat16;
  if (argc > 1 && !std::strcmp(argv[1], "large")) {
    check({"4 blocks 32/16", f16, {1, 40, 56}, 4, 32, 16, 2, 1});
    check({"25 blocks 64/32", f16, {1, 16, 16}, 25, 64, 32, 2, 1});
    check({"25 blocks 64/32, f16 sums", f16, {1, 16, 16}, 25, 64, 32, 2, 1, 1, true});
  } else {
    check({"x4, 64/32", f16, {1, 4, 5}, 1, 64, 32, 2, 1, 3});
    check({"4 blocks 32/16, wgmma", f16, {1, 6, 9}, 4, 32, 16, 2, 1, 1, false, true});
    check({"x4, 64/32, wgmma", bf16, {1, 3, 5}, 1, 64, 32, 2, 1, 1, false, true});
    check({"x4, 32/16", bf16, {2, 3, 4}, 1, 32, 16, 2, 1});
    check({"x2 unshuffled, 24/12", f16, {1, 5, 3}, 1, 24, 12, 2, 2});
    check({"x1, no blocks", f16, {1, 6, 2}, 0, 16, 16, 0, 1});
  }
  return test_result();
}
