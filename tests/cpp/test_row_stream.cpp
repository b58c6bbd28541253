// Rows that arrive one after another against process(): the same bits for any sizes of pushes and pulls; no allocation;
// latency and memory; cancelling; wrong order of calls.
#include <algorithm>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "csrc/session/pixel_format.h"
#include "include/srdgan/session.h"
#include "include/srdgan/session_c.h"
#include "tests/cpp/counting_allocator.h"
#include "tests/cpp/opened_session.h"

using namespace srdgan;

namespace {

class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed) {}
  int64_t below(int64_t limit) {
    state_ = state_ * 1664525u + 1013904223u;
    return (state_ >> 8) % limit;
  }

 private:
  uint32_t state_;
};

// A picture in memory, in planes without gaps; `offset` bytes into its memory.
struct Planes {
  Planes(PixelFormat format, int64_t width, int64_t height) : layout(layout_of(format)), width(width) {
    for (int plane = 0; plane < layout.planes; ++plane)
      memory[plane].resize(static_cast<size_t>(layout.row_bytes(plane, width) * layout.rows(plane, height)));
  }
  void fill(uint32_t seed) {
    for (auto& plane : memory) plane = random_bytes(static_cast<int64_t>(plane.size()), seed++);
  }
  Image from_row(int64_t row) {
    Image image{};
    for (int plane = 0; plane < layout.planes; ++plane) {
      const int64_t row_bytes = layout.row_bytes(plane, width);
      image.planes[plane] = memory[plane].data() + row_bytes * layout.rows(plane, row);
      image.strides[plane] = row_bytes;
    }
    return image;
  }
  ConstImage read_row(int64_t row) {
    const Image image = from_row(row);
    return {{image.planes[0], image.planes[1], image.planes[2]},
            {image.strides[0], image.strides[1], image.strides[2]}};
  }
  const FormatLayout& layout;
  int64_t width;
  std::vector<uint8_t> memory[3];
};

// Pushes and pulls a whole picture in parts of random sizes.
void stream(Session& session, Planes& input, int64_t height, Planes& output, Random random) {
  const int64_t in_group = input.layout.row_group(), out_group = output.layout.row_group();
  const auto some = [&](int64_t limit, int64_t group) {
    return std::min(limit, group * (1 + random.below(random.below(4) == 0 ? limit / group : 3)));
  };
  int64_t pushed = 0, pulled = 0;
  Status status;
  while (status.ok() && (pushed < height || pulled < session.output_height())) {
    if (pushed < height) {
      int64_t taken = 0;
      status = session.push_rows(input.read_row(pushed), some(height - pushed, in_group), taken);
      pushed += taken;
    }
    const int64_t ready = session.finished_rows();
    const bool must_pull = pushed == height || random.below(2) == 0;
    if (!status.ok() || !must_pull || pulled == session.output_height()) continue;
    int64_t written = 0;
    const int64_t wanted = some(session.output_height() - pulled, out_group);
    status = session.pull_rows(output.from_row(pulled), wanted, written);
    CHECK(written == std::min(ready, wanted), "%d rows of %d", static_cast<int>(written), static_cast<int>(ready));
    pulled += written;
  }
  CHECK(status.ok(), "%s", status.message);
}

void test_same_bits(const L2HSizes& sizes, int64_t threads, int64_t padding) {
  const RandomLayers layers(sizes);
  const std::vector<uint8_t> ranges = ranges_file(layers);
  SessionOptions options = multiplies_int8(sizes.products) ? int8_options(ranges) : SessionOptions{};
  options.threads = threads;
  options.halo = 7;
  options.border_padding = padding;
  Opened opened(model_file(layers.tensors), options);
  struct Case {
    PixelFormat input, output;
    int64_t height, width, strip_rows;
    Region region;
  };
  const PixelFormat rgb = PixelFormat::kRgb8, nv12 = PixelFormat::kNv12;
  const Case cases[] = {
      {rgb, rgb, 1, 1, 0, {}},
      {rgb, rgb, 13, 2, 0, {}},
      {rgb, rgb, 301, 19, 0, {}},
      {rgb, rgb, 301, 19, 1000, {}},
      {rgb, rgb, 301, 19, 60, {3, 150, 9, 30}},
      {rgb, rgb, 301, 19, 1, {0, 0, 19, 5}},
      {rgb, nv12, 211, 12, 0, {}},
      {nv12, rgb, 212, 26, 0, {}},
      {nv12, nv12, 300, 32, 0, {6, 101, 11, 77}},
      {nv12, nv12, 2, 2, 0, {}},
      {PixelFormat::kP010, PixelFormat::kRgbPlanar16, 154, 14, 0, {1, 1, 9, 150}},
      {PixelFormat::kRgbPlanar8, PixelFormat::kBgr8, 90, 7, 0, {}},
      {PixelFormat::kI420, PixelFormat::kRgba8, 154, 14, 0, {1, 1, 9, 150}},
      {PixelFormat::kBgra8, PixelFormat::kI420, 211, 12, 0, {}},
  };
  for (const Case& one : cases) {
    SessionConfig config = config_of(one.height, one.width);
    config.input = one.input;
    config.output = one.output;
    config.strip_rows = one.strip_rows;
    config.region = one.region;
    config.row_streaming = true;
    opened.configure(config);
    const int64_t width = opened.session.output_width(), height = opened.session.output_height();
    Planes input(one.input, one.width, one.height), expected(one.output, width, height),
        output(one.output, width, height);
    for (uint32_t picture = 0; picture < 2; ++picture) {
      input.fill(picture + 1);
      opened.process(input.read_row(0), expected.from_row(0));
      for (auto& plane : output.memory) std::fill(plane.begin(), plane.end(), uint8_t{0});
      const int64_t before = num_allocations;
      stream(opened.session, input, one.height, output, Random(picture));
      CHECK(num_allocations == before, "%d allocations", static_cast<int>(num_allocations - before));
      for (int plane = 0; plane < 3; ++plane)
        CHECK(output.memory[plane] == expected.memory[plane], "%dx%d, strips of %d, plane %d differs",
              static_cast<int>(one.width), static_cast<int>(one.height), static_cast<int>(one.strip_rows), plane);
    }
  }
}

// Row by row, and all results pulled at once: some result waits for latency_rows() more rows, and none for longer.
// Neither that nor the buffers depend on the height; each strip has a plan of its own, which is small.
void test_latency(int64_t unshuffle) {
  const RandomLayers layers(unshuffled_sizes(unshuffle));
  Opened opened(model_file(layers.tensors), {2, 4 * unshuffle, 4 * unshuffle, nullptr});
  const int64_t height = 420 * unshuffle, width = 220 * unshuffle, scale = opened.session.scale();
  SessionConfig config = config_of(height, width);
  CHECK(opened.session.latency_rows() == 0, "latency before configure()");
  config.row_streaming = true;
  opened.configure(config);
  Planes input(PixelFormat::kRgb8, width, height), output(PixelFormat::kRgb8, scale * width, scale * height);
  input.fill(1);
  Planes expected(PixelFormat::kRgb8, scale * width, scale * height);
  opened.process(input.read_row(0), expected.from_row(0));
  int64_t pulled = 0, latest = 0;
  for (int64_t row = 0; row < height; ++row) {
    int64_t taken = 0, written = 1;
    CHECK(opened.session.push_rows(input.read_row(row), 1, taken).ok() && taken == 1, "push");
    const int64_t oldest = pulled / scale;
    while (written > 0 && opened.session.pull_rows(output.from_row(pulled), scale * height - pulled, written).ok())
      pulled += written;
    if (pulled / scale > oldest) latest = std::max(latest, row - oldest);
  }
  CHECK(pulled == scale * height, "%d rows", static_cast<int>(pulled));
  CHECK(output.memory[0] == expected.memory[0], "the result differs");
  CHECK(latest == opened.session.latency_rows() && latest < height / 2, "%d rows in place of %d",
        static_cast<int>(latest), static_cast<int>(opened.session.latency_rows()));
  const int64_t memory = opened.session.memory_bytes();
  config.height = 10 * height;
  opened.configure(config);
  CHECK(opened.session.latency_rows() == latest, "latency depends on the height");
  const int64_t grown = (opened.session.memory_bytes() - memory) / (9 * height);
  CHECK(grown < width * 3, "%d bytes a row: more than a row of the picture", static_cast<int>(grown));
}

void test_wrong_use() {
  const RandomLayers layers(net_sizes());
  Opened opened(model_file(layers.tensors), {1, 0, 0, nullptr});
  Session& session = opened.session;
  std::vector<uint8_t> memory(3 * 8 * 8), result(3 * 32 * 32);
  const ConstImage rows = from_plane(memory.data());
  const Image out = to_plane(result.data());
  int64_t count = 0;
  const auto invalid = [](const Status& status, const char* text) {
    return says(status, StatusCode::kInvalidArgument, text);
  };
  CHECK(invalid(session.push_rows(rows, 8, count), "configure() with row_streaming must come before"), "order");
  SessionConfig config = config_of(8, 8);
  opened.configure(config);
  CHECK(invalid(session.push_rows(rows, 8, count), "configure() with row_streaming must come before"), "order");
  config.row_streaming = true;
  opened.configure(config);
  CHECK(invalid(session.pull_rows(out, 8, count), "push_rows() must come before pull_rows()"), "order");
  CHECK(invalid(session.push_rows(rows, 9, count), "the picture has 8 more rows, got 9"), "too many");
  CHECK(invalid(session.push_rows(rows, -1, count), "count must not be negative"), "negative");
  CHECK(invalid(session.push_rows(from_plane(nullptr), 1, count), "must not be null"), "null");
  CHECK(session.push_rows(rows, 5, count).ok() && count == 5, "push");
  CHECK(invalid(session.push_rows(rows, 4, count), "the picture has 3 more rows, got 4"), "too many");
  CHECK(count == 0, "taken");
  CHECK(invalid(session.process(rows, out), "must not come between the rows of a picture"), "process");
  CHECK(session.pull_rows(out, 32, count).ok() && count == 0, "nothing is ready");
  CHECK(session.push_rows(rows, 3, count).ok() && count == 3, "push");
  CHECK(session.finished_rows() == 32, "all rows are ready");
  CHECK(invalid(session.push_rows(rows, 1, count), "pull all results first"), "too many");
  CHECK(invalid(session.pull_rows(to_plane(nullptr), 1, count), "must not be null"), "null");
  CHECK(session.pull_rows(out, 100, count).ok() && count == 32, "pull");
  CHECK(session.pull_rows(out, 100, count).ok() && count == 0, "all was pulled");
  CHECK(session.process(rows, out).ok(), "after a whole picture");
  config.input = config.output = PixelFormat::kNv12;
  opened.configure(config);
  const ConstImage pairs = {{memory.data(), memory.data() + 64}, {}};
  CHECK(invalid(session.push_rows(pairs, 3, count), "the input must come in pairs of rows, got 3"), "pairs");
  CHECK(session.push_rows(pairs, 8, count).ok(), "push");
  CHECK(invalid(session.pull_rows({{result.data(), result.data() + 1024}, {}}, 1, count), "in pairs of rows, got 1"),
        "pairs");
}

// A picture in RGB for a session that is configured for rows, and its result by process().
struct Example {
  Example(Opened& opened, int64_t height, int64_t width, uint32_t seed)
      : opened(opened),
        height(height),
        input(PixelFormat::kRgb8, width, height),
        output(PixelFormat::kRgb8, kScale * width, kScale * height),
        expected(PixelFormat::kRgb8, kScale * width, kScale * height) {
    input.fill(seed);
    process();
  }
  void process() { opened.process(input.read_row(0), expected.from_row(0)); }
  bool streams_as_processed() {
    stream(opened.session, input, height, output, Random(9));
    return output.memory[0] == expected.memory[0];
  }
  Opened& opened;
  int64_t height;
  Planes input, output, expected;
};

// Between two calls, and while a push computes.
void test_cancel() {
  const RandomLayers layers(net_sizes());
  Opened opened(model_file(layers.tensors), {2, -1, -1, nullptr});
  SessionConfig config = config_of(600, 400);
  config.row_streaming = true;
  config.strip_rows = 10'000;
  opened.configure(config);
  Example example(opened, 600, 400, 3);
  Planes& input = example.input;
  int64_t count = 0;
  CHECK(opened.session.push_rows(input.read_row(0), 10, count).ok(), "push");
  opened.session.cancel();
  CHECK(opened.session.push_rows(input.read_row(10), 10, count).code == StatusCode::kCancelled, "push");
  CHECK(opened.session.push_rows(input.read_row(0), 599, count).ok(), "the picture begins anew");
  Status status;
  std::thread other([&] {
    int64_t taken = 0;
    status = opened.session.push_rows(input.read_row(599), 1, taken);
  });
  opened.session.cancel();  // before or during the push
  other.join();
  CHECK(status.code == StatusCode::kCancelled, "%s", status.message);
  CHECK(example.streams_as_processed(), "a cancelled picture left something behind");
}

// A picture that is given up leaves nothing behind; no rows are no picture.
void test_restart() {
  const RandomLayers layers(net_sizes());
  Opened opened(model_file(layers.tensors));
  SessionConfig config = config_of(300, 40);
  CHECK(opened.session.restart_rows().code == StatusCode::kInvalidArgument, "before configure()");
  config.row_streaming = true;
  opened.configure(config);
  Example example(opened, 300, 40, 4);
  Planes& input = example.input;
  int64_t count = 0;
  CHECK(opened.session.push_rows(input.read_row(0), 0, count).ok(), "no rows");
  example.process();
  for (const int64_t pushed : {1, 290}) {
    CHECK(opened.session.push_rows(input.read_row(5), pushed, count).ok(), "push");
    CHECK(opened.session.restart_rows().ok() && opened.session.finished_rows() == 0, "restart");
  }
  CHECK(example.streams_as_processed(), "a picture that was given up left something behind");
}

void test_c() {
  const RandomLayers layers(net_sizes());
  const std::vector<uint8_t> file = model_file(layers.tensors);
  srdgan_session* session = srdgan_session_create();
  srdgan_status status;
  srdgan_config config = srdgan_default_config();
  config.width = config.height = 6;
  config.row_streaming = 1;
  const std::vector<uint8_t> pixels = random_bytes(3 * 36, 4);
  std::vector<uint8_t> result(3 * 24 * 24);
  const srdgan_const_image rows = {{pixels.data()}, {0}};
  const srdgan_image out = {{result.data()}, {0}};
  int64_t count = 0;
  CHECK(srdgan_session_open_memory(session, file.data(), file.size(), nullptr, &status) == SRDGAN_OK, "open");
  CHECK(srdgan_session_configure(session, &config, &status) == SRDGAN_OK, "configure");
  CHECK(srdgan_session_push_rows(session, &rows, 6, &count, &status) == SRDGAN_OK && count == 6, "push");
  CHECK(srdgan_session_finished_rows(session) == 24 && srdgan_session_latency_rows(session) == 5, "properties");
  CHECK(srdgan_session_pull_rows(session, &out, 24, &count, &status) == SRDGAN_OK && count == 24, "pull");
  CHECK(srdgan_session_push_rows(session, &rows, 6, nullptr, &status) == SRDGAN_INVALID_ARGUMENT, "null");
  CHECK(std::strcmp(status.message, "taken must not be null") == 0, "%s", status.message);
  CHECK(srdgan_session_restart_rows(session, &status) == SRDGAN_OK, "restart");
  CHECK(result == Opened(file).enlarge(pixels, config_of(6, 6)), "C differs");
  srdgan_session_destroy(session);
}

}  // namespace

int main() {
  L2HSizes int8 = unshuffled_sizes(2);
  int8.products = int8_products(process_isa());
  for (const int64_t threads : {1, 3}) {
    for (const int64_t padding : {0, 5}) test_same_bits(net_sizes(), threads, padding);
    test_same_bits(int8, threads, 5);
  }
  for (const int64_t unshuffle : {1, 2}) test_latency(unshuffle);
  test_wrong_use();
  test_cancel();
  test_restart();
  test_c();
  return test_result();
}
