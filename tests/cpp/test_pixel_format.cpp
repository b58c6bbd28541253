// Pixel formats: what is written is read again within the rounding of the format; published values of colours.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "csrc/session/pixel_format.h"
#include "tests/cpp/check.h"

using namespace srdgan;

namespace {

// What a picture becomes when a format writes it and reads it again.
std::vector<float> round_trip(PixelFormat format, const YuvColour& colour, const std::vector<float>& rgb,
                              int64_t height, int64_t width) {
  const PixelConverter converter(format, colour, width, height, "picture");
  const FormatLayout& layout = converter.layout();
  std::vector<std::vector<uint16_t>> memory;  // with a gap behind each row
  Image image{};
  for (int plane = 0; plane < layout.planes; ++plane) {
    const int64_t stride = layout.row_bytes(plane, width) + 8;
    memory.emplace_back(static_cast<size_t>(stride * layout.rows(plane, height) / 2), uint16_t{0xABAB});
    image.planes[plane] = memory.back().data();
    image.strides[plane] = stride;
  }
  const int64_t plane = height * width;
  for (int64_t y = 0; y < height; y += layout.row_group()) {
    RgbRow<const float> rows[2]{};
    for (int64_t i = 0; i < layout.row_group(); ++i)
      for (int64_t c = 0; c < 3; ++c) rows[i].channels[c] = rgb.data() + c * plane + (y + i) * width;
    converter.write(image, y, rows);
  }
  for (int p = 0; p < layout.planes; ++p) {
    const int64_t row_bytes = layout.row_bytes(p, width);
    for (int64_t y = 0; y < layout.rows(p, height); ++y) {
      uint16_t gap;
      std::memcpy(&gap, static_cast<char*>(image.planes[p]) + y * image.strides[p] + row_bytes, sizeof(gap));
      CHECK(gap == 0xABAB, "%s: row %d of plane %d is too long", layout.name, static_cast<int>(y), p);
    }
  }
  std::vector<int64_t> columns;
  for (int64_t x = 0; x < width; ++x) columns.push_back(x);
  std::vector<float> result(rgb.size());
  const ConstImage input{{image.planes[0], image.planes[1], image.planes[2]},
                         {image.strides[0], image.strides[1], image.strides[2]}};
  for (int64_t y = 0; y < height; ++y) {
    float* row = result.data() + y * width;
    converter.read(input, 0, y, columns.data(), width, {{row, row + plane, row + 2 * plane}});
  }
  return result;
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
  return largest;
}

void test_formats() {
  const int64_t height = 6, width = 10;
  std::vector<float> random = random_floats(3 * height * width, 4);
  for (float& value : random) value = 0.5f * value + 0.5f;
  const auto trip = [&](PixelFormat format, const std::vector<float>& rgb, const YuvColour& colour) {
    return largest_difference(round_trip(format, colour, rgb, height, width), rgb);
  };
  for (int32_t format = 0; format < static_cast<int32_t>(PixelFormat::kNv12); ++format) {
    const auto f = static_cast<PixelFormat>(format);
    const int64_t bytes = layout_of(f).sample_bytes;
    const float limit = bytes == 1 ? 0.5001f / 255 : bytes == 2 ? 0.51f / 65535 : 0.0f;
    CHECK(trip(f, random, {}) <= limit, "%s", layout_of(f).name);
  }
  // One colour, or shades of grey, so that subsampling loses nothing.
  for (const auto format : {PixelFormat::kNv12, PixelFormat::kNv21, PixelFormat::kI420, PixelFormat::kP010}) {
    for (const auto matrix : {ColourMatrix::kBt601, ColourMatrix::kBt709, ColourMatrix::kBt2020}) {
      for (const auto colour : {YuvColour{matrix}, YuvColour{matrix, ColourRange::kFull},
                                YuvColour{matrix, ColourRange::kLimited, ChromaSiting::kLeft}}) {
        std::vector<float> flat;
        for (const float value : {0.9f, 0.3f, 0.1f}) flat.insert(flat.end(), height * width, value);
        const float step = format == PixelFormat::kP010 ? 1.0f / 876 : 1.0f / 219;
        CHECK(trip(format, flat, colour) <= 1.5f * step, "%s, matrix %d: %g", layout_of(format).name,
              static_cast<int>(matrix), static_cast<double>(trip(format, flat, colour)));
        std::vector<float> grey;
        for (int c = 0; c < 3; ++c)
          for (int64_t i = 0; i < height * width; ++i)
            grey.push_back(static_cast<float>(i) / static_cast<float>(height * width - 1));
        CHECK(trip(format, grey, colour) <= 0.51f * step, "%s: grey", layout_of(format).name);
      }
    }
  }
}

// Samples are those of torch's (x * white).round(): the product is rounded to a float, then that to a whole number.
// Beside a tie this differs from rounding the exact product.
void test_ties() {
  const auto check = [](PixelFormat format, float white, auto sample) {
    using T = decltype(sample);
    std::vector<float> values;
    for (int k = 0; k < 255; ++k) {
      float value = (static_cast<float>(k) * white / 255.0f + 0.5f) / white;
      for (int i = 0; i < 4; ++i) value = std::nextafter(value, 0.0f);
      for (int i = 0; i < 8; ++i) values.push_back(value = std::nextafter(value, 1.0f));
    }
    const int64_t width = static_cast<int64_t>(values.size());
    std::vector<T> samples(3 * values.size());
    const PixelConverter converter(format, {ColourMatrix::kBt601, ColourRange::kFull}, width, 1, "picture");
    const RgbRow<const float> row[2]{{{values.data(), values.data(), values.data()}}};
    converter.write({{samples.data()}, {converter.layout().row_bytes(0, width)}}, 0, row);
    int wrong = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const volatile float product = values[i] * white;
      wrong += samples[3 * i] != static_cast<T>(std::nearbyint(product));
    }
    CHECK(wrong == 0, "%s: %d of %d", converter.layout().name, wrong, static_cast<int>(width));
  };
  check(PixelFormat::kRgb8, 255.0f, uint8_t{});
  check(PixelFormat::kRgb16, 65535.0f, uint16_t{});
}

// Published values of colour bars.
void test_known_colours() {
  struct Known {
    PixelFormat format;
    ColourMatrix matrix;
    ColourRange range;
    float rgb[3];
    uint16_t luma, cb, cr;
  };
  const Known all[] = {
      {PixelFormat::kNv12, ColourMatrix::kBt601, ColourRange::kLimited, {1, 0, 0}, 81, 90, 240},
      {PixelFormat::kNv12, ColourMatrix::kBt601, ColourRange::kLimited, {0, 0, 1}, 41, 240, 110},
      {PixelFormat::kNv21, ColourMatrix::kBt709, ColourRange::kLimited, {1, 0, 0}, 63, 102, 240},
      {PixelFormat::kNv12, ColourMatrix::kBt709, ColourRange::kLimited, {0, 1, 0}, 173, 42, 26},
      {PixelFormat::kNv12, ColourMatrix::kBt601, ColourRange::kFull, {1, 1, 1}, 255, 128, 128},
      {PixelFormat::kNv12, ColourMatrix::kBt601, ColourRange::kFull, {1, 0, 0}, 76, 85, 255},
      {PixelFormat::kP010, ColourMatrix::kBt2020, ColourRange::kLimited, {1, 1, 1}, 940, 512, 512},
      {PixelFormat::kP010, ColourMatrix::kBt2020, ColourRange::kLimited, {1, 0, 0}, 294, 387, 960},
  };
  for (const Known& known : all) {
    const PixelConverter converter(known.format, {known.matrix, known.range}, 2, 2, "picture");
    const float red[2] = {known.rgb[0], known.rgb[0]}, green[2] = {known.rgb[1], known.rgb[1]},
                blue[2] = {known.rgb[2], known.rgb[2]};
    const RgbRow<const float> rows[2] = {{{red, green, blue}}, {{red, green, blue}}};
    uint16_t luma[4], chroma[2];
    const bool wide = known.format == PixelFormat::kP010;
    converter.write({{luma, chroma}, {wide ? 4 : 2, wide ? 4 : 2}}, 0, rows);
    uint8_t bytes[3];
    std::memcpy(bytes, luma, 1);
    std::memcpy(bytes + 1, chroma, 2);
    uint16_t got[3];
    for (int i = 0; i < 3; ++i)
      got[i] = wide ? static_cast<uint16_t>((i == 0 ? luma[0] : chroma[i - 1]) >> 6) : bytes[i];
    if (known.format == PixelFormat::kNv21) std::swap(got[1], got[2]);
    CHECK(got[0] == known.luma && got[1] == known.cb && got[2] == known.cr, "%d %d %d instead of %d %d %d", got[0],
          got[1], got[2], known.luma, known.cb, known.cr);
  }
}

// A ramp of colour is kept where writing and reading agree about the place of chroma, and moves where they do not.
void test_siting() {
  const int64_t height = 4, width = 16;
  std::vector<float> ramp;
  for (int c = 0; c < 3; ++c)
    for (int64_t i = 0; i < height * width; ++i)
      ramp.push_back(c == 0 ? 0.4f + 0.02f * static_cast<float>(i % width) : 0.5f);
  const auto read_back = [&](ChromaSiting written, ChromaSiting read) {
    std::vector<uint16_t> luma(height * width), chroma(height / 2 * width);
    const YuvColour from{ColourMatrix::kBt709, ColourRange::kFull, written},
        to{ColourMatrix::kBt709, ColourRange::kFull, read};
    const PixelConverter writer(PixelFormat::kP010, from, width, height, "picture"),
        reader(PixelFormat::kP010, to, width, height, "picture");
    for (int64_t y = 0; y < height; y += 2) {
      RgbRow<const float> rows[2]{};
      for (int64_t i = 0; i < 2; ++i)
        for (int64_t c = 0; c < 3; ++c) rows[i].channels[c] = ramp.data() + (c * height + y + i) * width;
      writer.write({{luma.data(), chroma.data()}, {2 * width, 2 * width}}, y, rows);
    }
    std::vector<float> red(width), green(width), blue(width);
    std::vector<int64_t> columns;
    for (int64_t x = 0; x < width; ++x) columns.push_back(x);
    reader.read({{luma.data(), chroma.data()}, {2 * width, 2 * width}}, 0, 1, columns.data(), width,
                {{red.data(), green.data(), blue.data()}});
    float shift = 0.0f;  // of red, in pixels, away from the borders
    for (int64_t x = 4; x < width - 4; ++x) shift += (red[x] - ramp[x]) / 0.02f / static_cast<float>(width - 8);
    return shift;
  };
  const ChromaSiting centre = ChromaSiting::kCentre, left = ChromaSiting::kLeft;
  CHECK(std::fabs(read_back(centre, centre)) < 0.05f, "centre: %g", double(read_back(centre, centre)));
  CHECK(std::fabs(read_back(left, left)) < 0.05f, "left: %g", double(read_back(left, left)));
  // Red is luma and chroma; 1 - 0.2126 of it is chroma, which moves by half a pixel.
  CHECK(std::fabs(read_back(centre, left) - 0.39f) < 0.05f, "%g", double(read_back(centre, left)));
  CHECK(std::fabs(read_back(left, centre) + 0.39f) < 0.05f, "%g", double(read_back(left, centre)));
}

}  // namespace

int main() {
  test_formats();
  test_ties();
  test_known_colours();
  test_siting();
  return test_result();
}
