// What a network makes of a whole picture, by the kernels alone: what a session's results are compared with.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "csrc/common/cpu_isa.h"
#include "csrc/kernels/cpu/l2h_net.h"
#include "tests/cpp/blob.h"

namespace srdgan {

// Pixels a side of the blocks that the network sees as one.
inline int64_t unshuffle_of(const L2HSizes& sizes) {
  return sizes.in_channels == 48 ? 4 : sizes.in_channels == 12 ? 2 : 1;
}

// (H, W, 3) uint8, without border padding; H and W are multiples of the pixel-unshuffle. A network in floats is
// computed as a session does by default.
inline std::vector<uint8_t> run_net(const RandomLayers& layers, const std::vector<uint8_t>& pixels, int64_t height,
                                    int64_t width) {
  const Products products = layers.sizes.products;
  const Blob blob = layers.pack(products == Products::kFloat32 ? fast_products(process_isa()) : products);
  const int64_t factor = unshuffle_of(layers.sizes), seen_width = width / factor, seen = height / factor * seen_width;
  L2HRun run(blob.read(), 0.2f, height / factor, seen_width, height / factor, 1, process_isa());
  std::vector<float> state(run.state_floats() + 16), workspace(run.workspace_floats() + 16);
  const auto align = [](float* p) { return reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(p) + 63) / 64 * 64); };
  const int64_t scale = layers.sizes.scale() / factor, outputs = scale * scale * height * width;
  std::vector<float> picture(3 * height * width), result(3 * outputs);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        const int64_t channel = (c * factor + y % factor) * factor + x % factor;
        picture[channel * seen + y / factor * seen_width + x / factor] =
            static_cast<float>(pixels[3 * (y * width + x) + c]) / 255.0f;
      }
  L2HData data{};
  data.picture = {picture.data(), layers.sizes.in_channels, seen, seen_width, 0};
  data.result = {result.data(), 3, outputs, scale * width, 0};
  run.clear_borders(align(state.data()));
  const auto work = run.plan(align(state.data()), align(workspace.data()), data, 0, height / factor);
  std::vector<float> scratch(work->scratch_floats() + 16);
  work->work(0, align(scratch.data()));
  std::vector<uint8_t> bytes(result.size());
  for (int64_t i = 0; i < outputs; ++i)
    for (int64_t c = 0; c < 3; ++c) {
      const float value = std::min(std::max(result[c * outputs + i], 0.0f), 1.0f);
      bytes[3 * i + c] = static_cast<uint8_t>(std::nearbyint(value * 255.0f));
    }
  return bytes;
}

}  // namespace srdgan
