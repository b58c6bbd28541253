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
constexpr FormatLayout kLayouts[] = {{"rgb8", 1, 1, false},
                                     {"bgr8", 1, 1, false},
                                     {"rgba8", 1, 1, false, 4},
                                     {"bgra8", 1, 1, false, 4},
                                     {"rgb16", 1, 2, false},
                                     {"bgr16", 1, 2, false},
                                     {"rgb_float", 1, 4, false},
                                     {"bgr_float", 1, 4, false},
                                     {"rgb_planar8", 3, 1, false},
                                     {"rgb_planar16", 3, 2, false},
                                     {"rgb_planar_float", 3, 4, false},
                                     {"nv12", 2, 1, true},
                                     {"nv21", 2, 1, true},
                                     {"i420", 3, 1, true},
                                     {"p010", 2, 2, true}};

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

// To nearest, ties to even, as torch.round does; for values of less than 2^22. Compilers vectorize both forms. With
// fused multiply-adds, the compiler could merge the addition with the product that made the value, which would then not
// be rounded before, as torch rounds it; but such processors have an instruction for nearbyint.
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

// The two samples of chroma around pixel i of an axis, which has one for two pixels; `share` is that of the first.
struct ChromaPair {
  int64_t own, other;
  float share;
};
ChromaPair find_chroma(int64_t i, int64_t size, bool is_centred) {
  const bool is_first = i % 2 == 0;
  const int64_t other = i / 2 + (is_first ? -(is_centred ? 1 : 0) : 1);
  const float share = is_centred ? 0.75f : is_first ? 1.0f : 0.5f;
  return {i / 2, std::clamp<int64_t>(other, 0, size / 2 - 1), share};
}

template <typename T>
T* row_of(const Image& image, int plane, int64_t y) {
  return reinterpret_cast<T*>(static_cast<char*>(image.planes[plane]) + y * image.strides[plane]);
}

}  // namespace

int64_t FormatLayout::row_bytes(int plane, int64_t width) const {
  const bool is_chroma = subsampled && plane > 0;
  const int64_t samples = planes == 1 ? channels * width : is_chroma ? width / 2 * (planes == 2 ? 2 : 1) : width;
  return samples * sample_bytes;
}

const FormatLayout& layout_of(PixelFormat format, const char* what) {
  constexpr PixelFormat kLast = PixelFormat::kP010;
  static_assert(sizeof(kLayouts) / sizeof(*kLayouts) == static_cast<size_t>(kLast) + 1);
  require_choice((std::string(what) + " format").c_str(), format, kLast);
  return kLayouts[static_cast<int32_t>(format)];
}

PixelConverter::PixelConverter(PixelFormat format, const YuvColour& colour, int64_t width, int64_t height,
                               const char* what)
    : format_(format),
      layout_(&layout_of(format, what)),
      width_(width),
      height_(height),
      what_(what),
      siting_(colour.siting) {
  require_argument(!layout_->subsampled || (width % 2 == 0 && height % 2 == 0),
                   std::string("the ") + what + " in " + layout_->name + " must have an even width and height, got " +
                       std::to_string(width) + " x " + std::to_string(height));
  require_choice("colour matrix", colour.matrix, ColourMatrix::kBt2020);
  require_choice("colour range", colour.range, ColourRange::kFull);
  require_choice("chroma siting", colour.siting, ChromaSiting::kLeft);
  const LumaWeights& luma = kLumaWeights[static_cast<int32_t>(colour.matrix)];
  red_weight_ = luma.red;
  blue_weight_ = luma.blue;
  const bool full = colour.range == ColourRange::kFull, wide = layout_->sample_bytes == 2;
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
  const bool reversed = format_ == PixelFormat::kBgr8 || format_ == PixelFormat::kBgra8 ||
                        format_ == PixelFormat::kBgr16 || format_ == PixelFormat::kBgrFloat;
  return reversed ? 2 - channel : channel;
}

int64_t PixelConverter::first_chroma(int channel) const {
  if (layout_->planes == 3) return 0;
  return format_ == PixelFormat::kNv21 ? 1 - channel : channel;
}

template <typename T>
void PixelConverter::read_rgb(const ConstImage& image, int64_t y, const int64_t* columns, int64_t count,
                              const RgbRow<float>& to) const {
  const int64_t step = layout_->planes == 3 ? 1 : layout_->channels;
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
  const auto interleave = [&](auto channels) {  // a constant: the loops become vectors
    constexpr int64_t kStep = decltype(channels)::value;
    for (int64_t x = 0; x < width_; ++x) {
      out[kStep * x] = to_sample<T>(first[x]);
      out[kStep * x + 1] = to_sample<T>(second[x]);
      out[kStep * x + 2] = to_sample<T>(third[x]);
      if constexpr (kStep == 4) out[kStep * x + 3] = static_cast<T>(kWhite<T>);
    }
  };
  if (layout_->channels == 4) return interleave(std::integral_constant<int64_t, 4>{});
  interleave(std::integral_constant<int64_t, 3>{});
}

// Chroma is interpolated linearly between its samples.
template <typename T>
void PixelConverter::read_yuv(const ConstImage& image, int64_t first_row, int64_t y, const int64_t* columns,
                              int64_t count, const RgbRow<float>& to) const {
  const T* luma = row_of<T>(image, 0, y - first_row);
  const ChromaPair rows = find_chroma(y, height_, true);
  const T *near[2], *far[2];
  for (int channel = 0; channel < 2; ++channel) {
    const int plane = chroma_plane(channel);
    near[channel] = row_of<T>(image, plane, rows.own - first_row / 2) + first_chroma(channel);
    far[channel] = row_of<T>(image, plane, rows.other - first_row / 2) + first_chroma(channel);
  }
  const int64_t step = chroma_step();
  const float green_weight = 1.0f - red_weight_ - blue_weight_;
  const auto value = [&](T sample) { return static_cast<float>(sample >> levels_.shift); };
  const auto mix = [](float share, float own, float other) { return share * own + (1.0f - share) * other; };
  for (int64_t i = 0; i < count; ++i) {
    const int64_t x = columns[i];
    const ChromaPair pair = find_chroma(x, width_, siting_ == ChromaSiting::kCentre);
    const int64_t own = step * pair.own, other = step * pair.other;
    const auto chroma = [&](int channel) {
      const float above = mix(pair.share, value(near[channel][own]), value(near[channel][other]));
      const float below = mix(pair.share, value(far[channel][own]), value(far[channel][other]));
      return (mix(rows.share, above, below) - levels_.chroma_offset) / levels_.chroma_steps;
    };
    const float gray = (value(luma[x]) - levels_.luma_offset) / levels_.luma_steps;
    const float red = gray + 2.0f * (1.0f - red_weight_) * chroma(1);
    const float blue = gray + 2.0f * (1.0f - blue_weight_) * chroma(0);
    to.channels[0][i] = clip(red, 1.0f);
    to.channels[1][i] = clip((gray - red_weight_ * red - blue_weight_ * blue) / green_weight, 1.0f);
    to.channels[2][i] = clip(blue, 1.0f);
  }
}

// Chroma is the mean of the pixels around its place: of 2x2 in the middle; of 3x2, the middle ones twice, at the left.
template <typename T>
void PixelConverter::write_yuv(const Image& image, int64_t y, const RgbRow<const float>* rows) const {
  const float green_weight = 1.0f - red_weight_ - blue_weight_;
  T* luma[2] = {row_of<T>(image, 0, y), row_of<T>(image, 0, y + 1)};
  T* chroma[2];
  for (int channel = 0; channel < 2; ++channel)
    chroma[channel] = row_of<T>(image, chroma_plane(channel), y / 2) + first_chroma(channel);
  const auto store = [&](float value) {
    return static_cast<T>(static_cast<int32_t>(round_to_nearest(clip(value, levels_.white))) << levels_.shift);
  };
  const float blue_steps = levels_.chroma_steps / (8.0f * (1.0f - blue_weight_));
  const float red_steps = levels_.chroma_steps / (8.0f * (1.0f - red_weight_));
  const bool is_left = siting_ == ChromaSiting::kLeft;
  float last_blue = 0.0f, last_red = 0.0f;  // sums over the two pixels of the column before
  for (int64_t x = 0; x < width_; x += 2) {
    float blue_sum[2] = {}, red_sum[2] = {};  // of colour less grey, over the two pixels of each column
    for (int64_t dy = 0; dy < 2; ++dy) {
      for (int64_t dx = 0; dx < 2; ++dx) {
        const float red = clip(rows[dy].channels[0][x + dx], 1.0f);
        const float green = clip(rows[dy].channels[1][x + dx], 1.0f);
        const float blue = clip(rows[dy].channels[2][x + dx], 1.0f);
        const float gray = red_weight_ * red + green_weight * green + blue_weight_ * blue;
        luma[dy][x + dx] = store(levels_.luma_offset + levels_.luma_steps * gray);
        red_sum[dx] += red - gray;
        blue_sum[dx] += blue - gray;
      }
    }
    float cb = blue_sum[0] + blue_sum[1], cr = red_sum[0] + red_sum[1];
    if (is_left) {  // before the first column it is repeated
      cb = blue_sum[0] + 0.5f * ((x == 0 ? blue_sum[0] : last_blue) + blue_sum[1]);
      cr = red_sum[0] + 0.5f * ((x == 0 ? red_sum[0] : last_red) + red_sum[1]);
      last_blue = blue_sum[1];
      last_red = red_sum[1];
    }
    const int64_t place = chroma_step() * (x / 2);
    chroma[0][place] = store(levels_.chroma_offset + blue_steps * cb);
    chroma[1][place] = store(levels_.chroma_offset + red_steps * cr);
  }
}

RowRange PixelConverter::rows_to_read(int64_t y) const {
  if (!layout_->subsampled) return {y, y + 1};
  const ChromaPair rows = find_chroma(y, height_, true);
  return {2 * std::min(rows.own, rows.other), 2 * std::max(rows.own, rows.other) + 2};
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
