// Whole pictures in tiles: plans, borders, formats, and smaller tiles where memory is missing.
#include "csrc/cuda/picture_runner.h"
#include "csrc/cuda/picture_tiles.h"
#include "tests/cpp/cuda/engine_case.h"

using namespace srdgan::gpu;

namespace {

void check_plan(const TileShape& picture, int64_t side, int64_t halo, int64_t border, int64_t multiple) {
  const PictureTiles plan = plan_tiles(picture, side, halo, border, multiple);
  const auto round_up = [&](int64_t value) { return (value + multiple - 1) / multiple * multiple; };
  std::vector<int> seen(picture.height * picture.width);
  const auto check_axis = [&](const Span& core, int64_t begin, int64_t window, int64_t size) {
    const int64_t low = -round_up(border), high = round_up(size) + round_up(border), end = begin + window;
    CHECK(begin >= low && end <= high && begin % multiple == 0, "window %lld..%lld", (long long)begin, (long long)end);
    CHECK(begin <= std::max(core.begin - halo, low), "halo before %lld", (long long)core.begin);
    CHECK(end >= std::min(core.begin + core.size + halo, high), "halo after %lld", (long long)core.begin);
  };
  for (const PictureTile& tile : plan.tiles) {
    check_axis(tile.core_rows, tile.top, plan.window.height, picture.height);
    check_axis(tile.core_columns, tile.left, plan.window.width, picture.width);
    for (int64_t y = 0; y < tile.core_rows.size; ++y)
      for (int64_t x = 0; x < tile.core_columns.size; ++x)
        ++seen[(tile.core_rows.begin + y) * picture.width + tile.core_columns.begin + x];
  }
  CHECK(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }), "pixels are not covered once");
}

void test_plans() {
  for (const int64_t multiple : {1, 2, 4})
    for (const int64_t height : {1, 2, 17, 40, 67})
      for (const int64_t side : {20, 33, 64})
        for (const int64_t border : {0, 1, 7}) check_plan({height, 67 - height / 2}, side, 4, border, multiple);
}

std::vector<unsigned char> run(TileEngine& engine, const EngineCase& c, const TilingOptions& options,
                               const TileShape& size, const std::vector<uint8_t>& samples, int64_t* side = nullptr) {
  std::vector<unsigned char> result = c.empty_result(size);
  const int64_t used = run_picture(engine, options, samples.data(), size, result.data());
  if (side != nullptr) *side = used;
  return result;
}

// Halos as wide as the net's receptive field: tiles and the whole picture give the same bits.
void test_tiles_are_seamless(const NetSizes& sizes, const TileFormat& picture, const TileFormat& result,
                             int64_t border) {
  const EngineCase c(sizes, float16_options(picture, result));
  const TileShape size{21, 38};
  const std::vector<uint8_t> samples =
      picture.type == SampleType::kFloat32
          ? [&] {
              std::vector<float> floats = random_floats(size.height * size.width * kPictureChannels, 3);
              const auto* bytes = reinterpret_cast<const uint8_t*>(floats.data());
              return std::vector<uint8_t>(bytes, bytes + floats.size() * sizeof(float));
            }()
          : random_bytes(size.height * size.width * kPictureChannels * picture.sample_bytes(), 3);
  simt::HostDevice device({0, 1});
  TileEngine engine(device, c.sizes, c.options, c.packed.data());
  const int64_t halo = 6 * sizes.unshuffle;
  const auto whole = run(engine, c, {1000, halo, border}, size, samples);
  const int graphs = device.num_graph_launches;
  CHECK(graphs == 1, "%d tiles for the whole picture", graphs);
  const auto tiled = run(engine, c, {2 * halo + kSmallestCore, halo, border}, size, samples);
  CHECK(device.num_graph_launches >= graphs + 3, "only %d tiles", device.num_graph_launches - graphs);
  CHECK(tiled == whole, "unshuffle %d, border %d: tiles show", int(sizes.unshuffle), int(border));
}

// The border as the whole net sees it: a picture that is continued by hand, cropped.
void test_border() {
  const EngineCase c({16, 16, 0, 1, 1}, float16_options(kBytes, kBytes));
  const TileShape size{7, 6}, grown{13, 12};
  const int64_t border = 3;
  const std::vector<uint8_t> samples = random_bytes(size.height * size.width * kPictureChannels, 5);
  std::vector<uint8_t> continued;
  const int64_t rows[] = {3, 2, 1, 0, 1, 2, 3, 4, 5, 6, 5, 4, 3}, columns[] = {3, 2, 1, 0, 1, 2, 3, 4, 5, 4, 3, 2};
  for (const int64_t y : rows)
    for (const int64_t x : columns)
      for (int64_t k = 0; k < kPictureChannels; ++k)
        continued.push_back(samples[(y * size.width + x) * kPictureChannels + k]);
  simt::HostDevice device;
  TileEngine engine(device, c.sizes, c.options, c.packed.data());
  const auto result = run(engine, c, {1000, 4, border}, size, samples);
  const auto around = run(engine, c, {1000, 4, 0}, grown, continued);
  bool same = true;
  for (int64_t y = 0; y < 2 * size.height; ++y)
    for (int64_t i = 0; i < 2 * size.width * kPictureChannels; ++i)
      same &= result[y * 2 * size.width * kPictureChannels + i] ==
              around[((y + 2 * border) * 2 * grown.width + 2 * border) * kPictureChannels + i];
  CHECK(same, "the border is not mirrored");
}

// With too little memory for one window, windows become smaller until they fit; no tile fails.
void test_smaller_tiles() {
  const EngineCase c({16, 16, 0, 1, 1}, float16_options(kBytes, kBytes));
  const TileShape size{50, 70};
  const std::vector<uint8_t> samples = random_bytes(size.height * size.width * kPictureChannels, 4);
  simt::HostDevice plenty;
  TileEngine rich(plenty, c.sizes, c.options, c.packed.data());
  const auto expected = run(rich, c, {1000, 6, 0}, size, samples);

  simt::HostDevice device;
  TileEngine engine(device, c.sizes, c.options, c.packed.data());
  device.memory_bytes = device.used_bytes + engine.device_bytes({40, 40}) + kReservedBytes;
  int64_t side = 0;
  CHECK(run(engine, c, {1000, 6, 0}, size, samples, &side) == expected, "other bits in smaller tiles");
  CHECK(side == 35, "side %lld", (long long)side);  // half of the longer side
  const int allocations = device.num_allocations;
  CHECK(run(engine, c, {side, 6, 0}, size, samples, &side) == expected && side == 35, "the second picture");
  CHECK(device.num_allocations == allocations, "the second picture allocates");

  device.memory_bytes =
      device.used_bytes - engine.device_bytes(engine.shape()) + engine.device_bytes({27, 27}) + kReservedBytes;
  bool failed = false;
  try {
    run(engine, c, {1000, 6, 0}, size, samples);
  } catch (const std::bad_alloc&) {
    failed = true;
  }
  CHECK(failed, "windows of 27 pixels have no core of 16 with a halo of 6");
}

class FailingDevice : public simt::HostDevice {
 public:
  void launch(Graph graph, cudaStream_t stream) override {
    if (--launches_until_failure == 0) throw std::runtime_error("CUDA cannot launch a graph");
    simt::HostDevice::launch(graph, stream);
  }
  int launches_until_failure = 0;
};

// A picture that fails leaves no result that the next one would get.
void test_after_a_failure(int failing_launch) {
  const EngineCase c({16, 16, 0, 1, 1}, float16_options(kBytes, kBytes));
  const TileShape size{30, 70};
  const std::vector<uint8_t> first = random_bytes(size.height * size.width * kPictureChannels, 6);
  const std::vector<uint8_t> second = random_bytes(size.height * size.width * kPictureChannels, 7);
  FailingDevice device;
  TileEngine engine(device, c.sizes, c.options, c.packed.data());
  const TilingOptions options{34, 6, 0};
  const auto expected = run(engine, c, options, size, second);
  device.launches_until_failure = failing_launch;
  bool failed = false;
  try {
    run(engine, c, options, size, first);
  } catch (const std::runtime_error&) {
    failed = true;
  }
  CHECK(failed, "launch %d did not fail", failing_launch);
  for (int i = 0; i < 2; ++i) CHECK(run(engine, c, options, size, second) == expected, "picture %d after it", i);
}

}  // namespace

int main() {
  test_plans();
  test_tiles_are_seamless({16, 16, 0, 1, 1}, kBytes, kBytes, 0);
  test_tiles_are_seamless({16, 16, 0, 1, 1}, kWords, kFloatPlanes, 5);
  test_tiles_are_seamless({16, 16, 0, 2, 2}, kFloatPlanes, kWords, 3);
  test_border();
  test_smaller_tiles();
  for (const int failing_launch : {1, 2, 4}) test_after_a_failure(failing_launch);
  return test_result();
}
