// A feature map in the layout of the CPU kernels: rows of pixels, each pixel a run of channels.
#pragma once

#include <cstdint>

namespace srdgan {

// Holds the last `ring` rows of a picture of `height` rows. With a border, one more pixel to the left and up to four to the right
// of each row are zeros, and `zeros` is a row like the others that stands for those above and below the picture.
struct FeatureMap {
  float* data;         // first pixel of the row of slot 0, behind the left border
  int64_t ring;        // rows that are held; the picture's height to hold all of them
  int64_t height;      // rows of the picture
  int64_t row_stride;  // floats
  int64_t channels;    // floats from pixel to pixel
  const float* zeros;
  int64_t origin = 0;  // slot of row 0

  // A dense (height, width, channels) tensor.
  static FeatureMap dense(float* data, int64_t height, int64_t width, int64_t channels) {
    return {data, height, height, width * channels, channels, nullptr};
  }

  float* row(int64_t y) const { return data + (y + origin) % ring * row_stride; }
  const float* row_or_zeros(int64_t y) const { return y < 0 || y >= height ? zeros : row(y); }
};

}  // namespace srdgan
