// Pixel formats of a session: their layouts, and conversion between their rows and rows of floats.
#pragma once

#include <cstdint>

#include "include/srdgan/session.h"

namespace srdgan {

// Rows of red, green and blue in [0, 1].
template <typename T>
struct RgbRow {
  T* channels[3];
};

// Rows begin .. end - 1.
struct RowRange {
  int64_t begin, end;
};

struct FormatLayout {
  const char* name;
  int planes;
  int64_t sample_bytes;
  bool subsampled;       // the planes but the first have chroma of 2x2 pixels
  int64_t channels = 3;  // samples of a pixel, where they are interleaved

  int64_t row_bytes(int plane, int64_t width) const;
  int64_t rows(int plane, int64_t height) const { return subsampled && plane > 0 ? height / 2 : height; }
  // Rows of pixels that are converted together.
  int64_t row_group() const { return subsampled ? 2 : 1; }
};

// Throws Failure for values that are no format. `what` is what the message calls the picture.
const FormatLayout& layout_of(PixelFormat format, const char* what = "pixel");

class PixelConverter {
 public:
  // Throws Failure where the size is not possible in this format.
  PixelConverter(PixelFormat format, const YuvColour& colour, int64_t width, int64_t height, const char* what);

  const FormatLayout& layout() const { return *layout_; }

  // The planes with their strides filled in. Throws Failure where one is missing, misaligned or has too short rows.
  ConstImage check(const ConstImage& image) const;
  Image check(const Image& image) const;

  // Pixels columns[0 .. count - 1] of row y of the picture. The image may be a part of it that begins with first_row, a
  // multiple of row_group(), and has the rows of rows_to_read(y).
  void read(const ConstImage& image, int64_t first_row, int64_t y, const int64_t* columns, int64_t count,
            const RgbRow<float>& to) const;
  // The rows, in whole groups, that read() needs for row y.
  RowRange rows_to_read(int64_t y) const;
  // Whole rows y .. y + row_group() - 1 of the image, clipped and rounded to nearest; `rows` has as many elements.
  void write(const Image& image, int64_t y, const RgbRow<const float>* rows) const;

 private:
  // value = (stored - offset) / steps, of 8 bits or 10.
  struct Levels {
    float luma_offset, luma_steps, chroma_offset, chroma_steps, white;
    int shift;  // of the value in its sample
  };

  PixelFormat format_;
  const FormatLayout* layout_;
  int64_t width_;
  int64_t height_;
  const char* what_;
  float red_weight_, blue_weight_;  // of luma
  Levels levels_;
  ChromaSiting siting_;

  template <typename T>
  void read_rgb(const ConstImage& image, int64_t y, const int64_t* columns, int64_t count,
                const RgbRow<float>& to) const;
  template <typename T>
  void write_rgb(const Image& image, int64_t y, const RgbRow<const float>& row) const;
  template <typename T>
  void read_yuv(const ConstImage& image, int64_t first_row, int64_t y, const int64_t* columns, int64_t count,
                const RgbRow<float>& to) const;
  template <typename T>
  void write_yuv(const Image& image, int64_t y, const RgbRow<const float>* rows) const;
  // Places of red, green and blue: in which plane, and the first sample and the step there.
  int plane_of(int channel) const { return layout_->planes == 3 ? channel : 0; }
  int64_t first_sample(int channel) const;
  // Where Cb (0) and Cr (1) are: in which plane, and the first sample and the step there.
  int chroma_plane(int channel) const { return layout_->planes == 3 ? 1 + channel : 1; }
  int64_t first_chroma(int channel) const;
  int64_t chroma_step() const { return layout_->planes == 3 ? 1 : 2; }
};

}  // namespace srdgan
