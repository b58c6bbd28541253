// A feature map in the layout of the CPU kernels: rows of pixels, each pixel a run of channels.
#pragma once

#include <algorithm>
#include <cstdint>

namespace srdgan {

// Holds the last `ring` rows of a picture of `height` rows. With a border, one more pixel to the left and some to the
// right of each row are zeros, and `zeros` is a row like the others that stands for those above and below the picture.
struct FeatureMap {
  float* data;         // first pixel of the row of slot 0, behind the left border
  int64_t ring;        // rows that are held; the picture's height to hold all of them
  int64_t height;      // rows of the picture
  int64_t row_stride;  // floats
  int64_t channels;    // floats from pixel to pixel
  const float* zeros;
  int64_t origin = 0;  // slot of row 0

  // Pixels beyond the last column that are read: by a tile of 6x6 outputs that starts there.
  static constexpr int64_t kRightBorder = 6;

  // A dense (height, width, channels) tensor.
  static FeatureMap dense(float* data, int64_t height, int64_t width, int64_t channels) {
    return {data, height, height, width * channels, channels, nullptr};
  }

  // A map with a border in bordered_floats() of memory, whose row of zeros is the first one. The caller clears the
  // border once; no stage writes there.
  static FeatureMap bordered(float* memory, int64_t ring, int64_t height, int64_t width, int64_t channels) {
    const int64_t stride = bordered_row_floats(width, channels);
    return {memory + stride + channels, ring, height, stride, channels, memory + channels};
  }
  static int64_t bordered_floats(int64_t ring, int64_t width, int64_t channels) {
    return (1 + ring) * bordered_row_floats(width, channels);
  }

  void clear_border() const {
    std::fill_n(data - channels - row_stride, row_stride, 0.0f);
    for (int64_t slot = 0; slot < ring; ++slot) {
      float* begin = data + slot * row_stride - channels;
      std::fill_n(begin, channels, 0.0f);
      std::fill_n(begin + row_stride - kRightBorder * channels, kRightBorder * channels, 0.0f);
    }
  }

  float* row(int64_t y) const { return data + (y + origin) % ring * row_stride; }
  const float* row_or_zeros(int64_t y) const { return y < 0 || y >= height ? zeros : row(y); }

 private:
  static int64_t bordered_row_floats(int64_t width, int64_t channels) { return (1 + width + kRightBorder) * channels; }
};

}  // namespace srdgan
