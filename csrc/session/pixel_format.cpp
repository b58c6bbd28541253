#include "csrc/session/pixel_format.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <type_traits>

#include "csrc/session/failure.h"

namespace srdgan {
namespace {

// In the order of PixelFormat.
constexpr FormatLayout kLayouts[] = {
    {"rgb8", 1, 1, false},        {"bgr8", 1, 1, false},         {"rgb16", 1, 2, false},
    {"bgr16", 1, 2, false},       {"rgb_float", 1, 4, false},    {"bgr_float", 1, 4, false},
    {"rgb_planar8", 3, 1, false}, {"rgb_planar16", 3, 2, false}, {"rgb_planar_float", 3, 4, false},
    {"nv12", 2, 1, true},         {"nv21", 2, 1, true},          {"p010", 2, 2, true}};

// By ITU-R BT.601, BT.709 and BT.2020.
struct LumaWeights {
  float red, blue;
};
constexpr LumaWeights kLumaWeights[] = {{0.299f, 0.114f}, {0.2126f, 0.0722f}, {0.2627f, 0.0593f}};

template <typename T>
constexpr float kWhite = std::is_same_v<T, float>     ? 1.0f
                         : std::is_same_v<T, uint8_t> ? 255.0f
                                                      : 65535.0f;

float clip(float value, float white) { return value > 0.0f ? (value < white ? value : white) : 0.0f; }

// To nearest, ties to even, as torch.round does; for values of less than 2^22. Compilers make vectors of both ways.
// Where there are fused multiply-adds, one would take the addition together with the product that made the value, which
// is then not rounded as torch rounds it; but such processors have an instruction for nearbyint.
float round_to_nearest(float value) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return std::nearbyint(value);
#else
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23
  return (value + kShift) - kShift;
#endif
}

template <typename T>
T to_sample(float value) {
  if constexpr (std::is_same_v<T, float>) {
    return clip(value, 1.0f);
  } else {
    return static_cast<T>(static_cast<int32_t>(round_to_nearest(clip(value, 1.0f) * kWhite<T>)));
  }
}

template <typename T>
const T* row_of(const ConstImage& image, int plane, int64_t y) {
  return reinterpret_cast<const T*>(static_cast<const char*>(image.planes[plane]) + y * image.strides[plane]);
}

// The second nearest sample of chroma to pixel i of an axis, which has one for two pixels.
int64_t other_chroma(int64_t i, int64_t size) {
  return std::clamp<int64_t>(i / 2 + (i % 2 == 0 ? -1 : 1), 0, size / 2 - 1);
}

template <typename T>
T* row_of(const Image& image, int plane, int64_t y) {
  return reinterpret_cast<T*>(static_cast<char*>(image.planes[plane]) + y * image.strides[plane]);
}

}  // namespace

int64_t FormatLayout::row_bytes(int plane, int64_t width) const {
  const bool is_chroma = subsampled && plane == 1;
  const int64_t samples = planes == 1 ? 3 * width : is_chroma ? width / 2 * 2 : width;
  return samples * sample_bytes;
}

const FormatLayout& layout_of(PixelFormat format) {
  const auto index = static_cast<int32_t>(format);
  constexpr auto kCount = static_cast<int32_t>(sizeof(kLayouts) / sizeof(*kLayouts));
  require_argument(index >= 0 && index < kCount,
                   "format must be 0.." + std::to_string(kCount - 1) + ", got " + std::to_string(index));
  return kLayouts[index];
}

PixelConverter::PixelConverter(PixelFormat format, ColourMatrix matrix, ColourRange range, int64_t width,
                               int64_t height, const char* what)
    : format_(format), layout_(&layout_of(format)), width_(width), height_(height), what_(what) {
  require_argument(!layout_->subsampled || (width % 2 == 0 && height % 2 == 0),
                   std::string("the ") + what + " in " + layout_->name + " must have an even width and height, got " +
                       std::to_string(width) + " x " + std::to_string(height));
  const auto matrix_index = static_cast<int32_t>(matrix), range_index = static_cast<int32_t>(range);
  require_argument(matrix_index >= 0 && matrix_index <= static_cast<int32_t>(ColourMatrix::kBt2020),
                   "colour matrix must be 0..2, got " + std::to_string(matrix_index));
  require_argument(range == ColourRange::kVideo || range == ColourRange::kFull,
                   "colour range must be 0..1, got " + std::to_string(range_index));
  red_weight_ = kLumaWeights[matrix_index].red;
  blue_weight_ = kLumaWeights[matrix_index].blue;
  const bool full = range == ColourRange::kFull, wide = layout_->sample_bytes == 2;
  const float unit = wide ? 4.0f : 1.0f;  // ranges of 10 bits are those of 8 bits, times four
  levels_.white = wide ? 1023.0f : 255.0f;
  levels_.luma_offset = full ? 0.0f : 16.0f * unit;
  levels_.luma_steps = full ? levels_.white : 219.0f * unit;
  levels_.chroma_offset = 128.0f * unit;
  levels_.chroma_steps = full ? levels_.white : 224.0f * unit;
  levels_.shift = wide ? 6 : 0;
}

ConstImage PixelConverter::check(const ConstImage& image) const {
  ConstImage checked = image;
  for (int plane = 0; plane < layout_->planes; ++plane) {
    const auto require = [&](bool condition, const char* rule, int64_t wanted, const char* got, int64_t value) {
      if (condition) return;
      throw Failure(StatusCode::kInvalidArgument, "plane " + std::to_string(plane) + " of the " + what_ + " must " +
                                                      rule + std::to_string(wanted) + got + std::to_string(value));
    };
    const int64_t row_bytes = layout_->row_bytes(plane, width_), size = layout_->sample_bytes;
    int64_t& stride = checked.strides[plane];
    if (stride == 0) stride = row_bytes;
    if (image.planes[plane] == nullptr)
      throw Failure(StatusCode::kInvalidArgument,
                    "plane " + std::to_string(plane) + " of the " + what_ + " must not be null");
    require(stride >= row_bytes || stride <= -row_bytes, "have a stride of at least the bytes of a row, ", row_bytes,
            ", got ", stride);
    const auto address = reinterpret_cast<intptr_t>(image.planes[plane]);
    require(stride % size == 0, "have a stride that is a multiple of the bytes of a sample, ", size, ", got ", stride);
    require(address % size == 0, "have an address that is a multiple of the bytes of a sample, ", size,
            "; the remainder is ", address % size);
  }
  return checked;
}

Image PixelConverter::check(const Image& image) const {
  const ConstImage checked = check(ConstImage{{image.planes[0], image.planes[1], image.planes[2]},
                                              {image.strides[0], image.strides[1], image.strides[2]}});
  Image same = image;
  std::copy_n(checked.strides, 3, same.strides);
  return same;
}

int64_t PixelConverter::first_sample(int channel) const {
  if (layout_->planes == 3) return 0;
  const bool reversed =
      format_ == PixelFormat::kBgr8 || format_ == PixelFormat::kBgr16 || format_ == PixelFormat::kBgrFloat;
  return reversed ? 2 - channel : channel;
}

template <typename T>
void PixelConverter::read_rgb(const ConstImage& image, int64_t y, const int64_t* columns, int64_t count,
                              const RgbRow<float>& to) const {
  const int64_t step = layout_->planes == 3 ? 1 : 3;
  for (int channel = 0; channel < 3; ++channel) {
    const T* row = row_of<T>(image, plane_of(channel), y) + first_sample(channel);
    float* out = to.channels[channel];
    for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(row[step * columns[i]]) / kWhite<T>;
  }
}

template <typename T>
void PixelConverter::write_rgb(const Image& image, int64_t y, const RgbRow<const float>& row) const {
  if (layout_->planes == 3) {
    for (int channel = 0; channel < 3; ++channel) {
      T* out = row_of<T>(image, channel, y);
      const float* values = row.channels[channel];
      for (int64_t x = 0; x < width_; ++x) out[x] = to_sample<T>(values[x]);
    }
    return;
  }
  T* out = row_of<T>(image, 0, y);
  const float* first = row.channels[first_sample(0)];  // the reversal is its own inverse
  const float* second = row.channels[1];
  const float* third = row.channels[first_sample(2)];
  for (int64_t x = 0; x < width_; ++x) {
    out[3 * x] = to_sample<T>(first[x]);
    out[3 * x + 1] = to_sample<T>(second[x]);
    out[3 * x + 2] = to_sample<T>(third[x]);
  }
}

// Chroma is interpolated linearly between the middles of its 2x2 pixels.
template <typename T>
void PixelConverter::read_yuv(const ConstImage& image, int64_t first_row, int64_t y, const int64_t* columns,
                              int64_t count, const RgbRow<float>& to) const {
  const T* luma = row_of<T>(image, 0, y - first_row);
  const T* near = row_of<T>(image, 1, (y - first_row) / 2);
  const T* far = row_of<T>(image, 1, other_chroma(y, height_) - first_row / 2);
  const int64_t cb_first = format_ == PixelFormat::kNv21 ? 1 : 0;
  const float green_weight = 1.0f - red_weight_ - blue_weight_;
  const auto value = [&](T sample) { return static_cast<float>(sample >> levels_.shift); };
  for (int64_t i = 0; i < count; ++i) {
    const int64_t x = columns[i], own = x / 2 * 2, other = 2 * other_chroma(x, width_);
    const auto chroma = [&](int64_t sample) {
      const float above = 0.75f * value(near[own + sample]) + 0.25f * value(near[other + sample]);
      const float below = 0.75f * value(far[own + sample]) + 0.25f * value(far[other + sample]);
      return (0.75f * above + 0.25f * below - levels_.chroma_offset) / levels_.chroma_steps;
    };
    const float gray = (value(luma[x]) - levels_.luma_offset) / levels_.luma_steps;
    const float red = gray + 2.0f * (1.0f - red_weight_) * chroma(1 - cb_first);
    const float blue = gray + 2.0f * (1.0f - blue_weight_) * chroma(cb_first);
    to.channels[0][i] = clip(red, 1.0f);
    to.channels[1][i] = clip((gray - red_weight_ * red - blue_weight_ * blue) / green_weight, 1.0f);
    to.channels[2][i] = clip(blue, 1.0f);
  }
}

template <typename T>
void PixelConverter::write_yuv(const Image& image, int64_t y, const RgbRow<const float>* rows) const {
  const float green_weight = 1.0f - red_weight_ - blue_weight_;
  T* luma[2] = {row_of<T>(image, 0, y), row_of<T>(image, 0, y + 1)};
  T* chroma = row_of<T>(image, 1, y / 2);
  const int64_t cb_first = format_ == PixelFormat::kNv21 ? 1 : 0;
  const auto store = [&](float value) {
    return static_cast<T>(static_cast<int32_t>(round_to_nearest(clip(value, levels_.white))) << levels_.shift);
  };
  for (int64_t x = 0; x < width_; x += 2) {
    float red_sum = 0.0f, blue_sum = 0.0f, gray_sum = 0.0f;
    for (int64_t dy = 0; dy < 2; ++dy) {
      for (int64_t dx = 0; dx < 2; ++dx) {
        const float red = clip(rows[dy].channels[0][x + dx], 1.0f);
        const float green = clip(rows[dy].channels[1][x + dx], 1.0f);
        const float blue = clip(rows[dy].channels[2][x + dx], 1.0f);
        const float gray = red_weight_ * red + green_weight * green + blue_weight_ * blue;
        luma[dy][x + dx] = store(levels_.luma_offset + levels_.luma_steps * gray);
        red_sum += red;
        blue_sum += blue;
        gray_sum += gray;
      }
    }
    const float cb = (blue_sum - gray_sum) / (8.0f * (1.0f - blue_weight_));
    const float cr = (red_sum - gray_sum) / (8.0f * (1.0f - red_weight_));
    chroma[x + cb_first] = store(levels_.chroma_offset + levels_.chroma_steps * cb);
    chroma[x + 1 - cb_first] = store(levels_.chroma_offset + levels_.chroma_steps * cr);
  }
}

RowRange PixelConverter::rows_to_read(int64_t y) const {
  if (!layout_->subsampled) return {y, y + 1};
  const int64_t own = y / 2, other = other_chroma(y, height_);
  return {2 * std::min(own, other), 2 * std::max(own, other) + 2};
}

void PixelConverter::read(const ConstImage& image, int64_t first_row, int64_t y, const int64_t* columns, int64_t count,
                          const RgbRow<float>& to) const {
  if (layout_->subsampled) {
    return layout_->sample_bytes == 1 ? read_yuv<uint8_t>(image, first_row, y, columns, count, to)
                                      : read_yuv<uint16_t>(image, first_row, y, columns, count, to);
  }
  y -= first_row;
  if (layout_->sample_bytes == 1) return read_rgb<uint8_t>(image, y, columns, count, to);
  if (layout_->sample_bytes == 2) return read_rgb<uint16_t>(image, y, columns, count, to);
  read_rgb<float>(image, y, columns, count, to);
}

void PixelConverter::write(const Image& image, int64_t y, const RgbRow<const float>* rows) const {
  if (layout_->subsampled) {
    return layout_->sample_bytes == 1 ? write_yuv<uint8_t>(image, y, rows) : write_yuv<uint16_t>(image, y, rows);
  }
  if (layout_->sample_bytes == 1) return write_rgb<uint8_t>(image, y, *rows);
  if (layout_->sample_bytes == 2) return write_rgb<uint16_t>(image, y, *rows);
  write_rgb<float>(image, y, *rows);
}

}  // namespace srdgan
