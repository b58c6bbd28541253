// The order of copies, kernels and events, graphs, and what is allocated when.
#include <set>

#include "csrc/cuda/tile_engine.h"
#include "tests/cpp/cuda/engine_case.h"

using namespace srdgan::gpu;

namespace {

constexpr int kTiles = 5;

EngineCase tiny_case() { return {{16, 16, 0, 1, 1}, float16_options(kBytes, kFloatPlanes)}; }

std::vector<std::vector<uint8_t>> make_tiles(const TileShape& shape) {
  std::vector<std::vector<uint8_t>> tiles;
  for (int i = 0; i < kTiles; ++i)
    tiles.push_back(random_bytes(shape.height * shape.width * kPictureChannels, static_cast<uint32_t>(i)));
  return tiles;
}

// All results, one after the other, with as many tiles under way as possible.
std::vector<unsigned char> run_from_host(TileEngine& engine, const EngineCase& c, const TileShape& shape) {
  std::vector<unsigned char> results;
  const auto take = [&] {
    const auto* result = static_cast<const unsigned char*>(engine.take());
    results.insert(results.end(), result, result + c.empty_result(shape).size());
  };
  const auto tiles = make_tiles(shape);
  for (int i = 0; i < kTiles; ++i) {
    if (i >= kSlots) take();
    std::memcpy(engine.begin(), tiles[i].data(), tiles[i].size());
    engine.submit();
  }
  for (int i = 0; i < kSlots; ++i) take();
  return results;
}

// The same between memory of the device, to which the caller's own stream copies. Its one memory for results belongs to
// the last result until that was copied from there.
std::vector<unsigned char> run_on_device(TileEngine& engine, simt::HostDevice& device, const EngineCase& c,
                                         const TileShape& shape, bool picture_on_device) {
  const auto tiles = make_tiles(shape);
  const auto picture_bytes = static_cast<int64_t>(tiles[0].size());
  const auto result_bytes = static_cast<int64_t>(c.empty_result(shape).size());
  const OwnedStream caller(device, device.create_stream());
  const OwnedEvent done(device, device.create_event());
  const OwnedMemory picture(device, device.allocate(picture_bytes)), result(device, device.allocate(result_bytes));
  const OwnedPinned from(device, device.allocate_pinned(kTiles * picture_bytes));
  const OwnedPinned to(device, device.allocate_pinned(kTiles * result_bytes));
  for (int i = 0; i < kTiles; ++i) {
    auto* samples = static_cast<unsigned char*>(from.get()) + i * picture_bytes;
    std::memcpy(samples, tiles[i].data(), tiles[i].size());
    if (picture_on_device) {
      device.copy(picture.get(), samples, picture_bytes, caller.get());
    } else {
      std::memcpy(engine.begin(), tiles[i].data(), tiles[i].size());
    }
    engine.submit_on_device(picture_on_device ? picture.get() : nullptr, result.get(), caller.get());
    device.copy(static_cast<unsigned char*>(to.get()) + i * result_bytes, result.get(), result_bytes, caller.get());
  }
  device.record(done.get(), caller.get());
  device.synchronize(done.get());
  const auto* results = static_cast<const unsigned char*>(to.get());
  return {results, results + kTiles * result_bytes};
}

enum class Way { kHost, kDeviceResult, kDevice };
constexpr Way kWays[] = {Way::kHost, Way::kDeviceResult, Way::kDevice};

std::vector<unsigned char> run(simt::HostDevice& device, const EngineCase& c, const TileShape& shape, Way way) {
  TileEngine engine(device, c.sizes, c.options, c.packed.data());
  CHECK(engine.prepare(shape), "not prepared");
  return way == Way::kHost ? run_from_host(engine, c, shape)
                           : run_on_device(engine, device, c, shape, way == Way::kDevice);
}

double psnr(const std::vector<unsigned char>& floats, const Map& reference) {  // planes
  Map result = reference;
  size_t offset = 0;
  for (int64_t channel = 0; channel < reference.channels; ++channel)
    for (int64_t y = 0; y < reference.height; ++y)
      for (int64_t x = 0; x < reference.width; ++x, offset += sizeof(float)) {
        float value;
        std::memcpy(&value, &floats[offset], sizeof value);
        result.at(0, y, x, channel) = value;
      }
  return -20 * std::log10(rms_difference(result, reference));
}

void test_results() {
  const EngineCase c({16, 16, 1, 1, 1}, float16_options(kBytes, kFloatPlanes));
  const TileShape shape{6, 5};
  simt::HostDevice device;
  const auto results = run(device, c, shape, Way::kHost);
  const auto tiles = make_tiles(shape);
  const size_t bytes = results.size() / kTiles;
  for (int i = 0; i < kTiles; ++i) {
    Map picture(1, shape.height, shape.width, kPictureChannels);
    for (size_t k = 0; k < tiles[i].size(); ++k) picture.values[k] = tiles[i][k] / 255.0;
    const double decibels =
        psnr({results.begin() + i * bytes, results.begin() + (i + 1) * bytes}, reference_net(picture, c.net));
    CHECK(decibels > 60, "tile %d: PSNR %.1f dB", i, decibels);
  }
}

// Every order that CUDA may choose gives the same bits.
void test_every_timing() {
  const EngineCase c = tiny_case();
  const TileShape shape{5, 7};
  simt::HostDevice one;
  const auto expected = run(one, c, shape, Way::kHost);
  for (const simt::Timing& timing : all_timings()) {
    for (const Way way : kWays) {
      simt::HostDevice device(timing);
      CHECK(run(device, c, shape, way) == expected, "streams %d, seed %u: other bits", int(timing.eager_streams),
            timing.seed);
      CHECK(device.fault.empty(), "%s", device.fault.c_str());
      CHECK(device.used_bytes == 0, "%lld bytes were not freed", (long long)device.used_bytes);
    }
  }
}

// A device that forgets to wait: one stream for one event, or the host for one event.
class ForgetfulDevice : public simt::HostDevice {
 public:
  // Numbers of the stream, -1 for the host, and of the event, in the order of their creation.
  using Place = std::pair<int, int>;

  ForgetfulDevice(const simt::Timing& timing, const Place& forgotten) : HostDevice(timing), forgotten_(forgotten) {}

  cudaStream_t create_stream() override { return add(streams_, HostDevice::create_stream()); }
  Event create_event() override { return add(events_, HostDevice::create_event()); }
  void wait(cudaStream_t stream, Event event) override {
    if (!forgets({find(streams_, stream), find(events_, event)})) HostDevice::wait(stream, event);
  }
  void synchronize(Event event) override {
    if (!forgets({-1, find(events_, event)})) HostDevice::synchronize(event);
  }

  std::set<Place> places;

 private:
  template <typename Handle>
  static Handle add(std::vector<void*>& handles, Handle handle) {
    handles.push_back(handle);
    return handle;
  }
  static int find(const std::vector<void*>& handles, void* handle) {
    return static_cast<int>(std::find(handles.begin(), handles.end(), handle) - handles.begin());
  }
  bool forgets(const Place& place) {
    places.insert(place);
    return place == forgotten_;
  }

  Place forgotten_;
  std::vector<void*> streams_, events_;
};

constexpr ForgetfulDevice::Place kNothing{-2, -2};

// Whether the results are wrong, or something was found to be wrong.
bool is_wrong(ForgetfulDevice& device, const EngineCase& c, const TileShape& shape, Way way,
              const std::vector<unsigned char>& expected) {
  try {
    if (run(device, c, shape, way) != expected) return true;
  } catch (const simt::OrderFault&) {
    return true;
  } catch (const simt::Fault&) {
    return true;
  }
  return !device.fault.empty();
}

// Without any one of its waits the engine is wrong, in some order of the work and in some way to use it.
void test_every_wait_is_needed() {
  const EngineCase c = tiny_case();
  const TileShape shape{3, 4};
  std::vector<unsigned char> expected;
  std::set<ForgetfulDevice::Place> places;
  for (const Way way : kWays) {
    ForgetfulDevice device({}, kNothing);
    expected = run(device, c, shape, way);
    places.merge(device.places);
  }
  std::printf("%zu places where the engine waits\n", places.size());
  CHECK(places.size() > 10, "only %zu places", places.size());
  for (const ForgetfulDevice::Place& place : places) {
    bool found = false;
    for (const Way way : kWays)
      for (const simt::Timing& timing : all_timings()) {
        if (found) continue;
        ForgetfulDevice device(timing, place);
        found = is_wrong(device, c, shape, way, expected);
      }
    CHECK(found, "stream %d does not wait for event %d, and nobody sees it", place.first, place.second);
  }
}

// A kernel of the second tile, of which so many start early, does not wait for the one before it.
std::vector<unsigned char> run_forgetful(simt::HostDevice& device, const EngineCase& c, const TileShape& shape,
                                         int early, int kernel) {
  simt::num_early_launches = 0;
  simt::forgetful_launch = 2 * early + kernel;  // there is one run before the first tile
  auto result = run(device, c, shape, Way::kHost);
  simt::forgetful_launch = -1;
  return result;
}

// All kernels of a tile but the first begin before the end of the one before. If any of them does not wait for that,
// results differ.
void test_every_kernel_waits() {
  const EngineCase c({16, 16, 1, 1, 1}, float16_options(kBytes, kFloatPlanes));
  const TileShape shape{3, 4};
  simt::num_early_launches = 0;
  simt::HostDevice device, older({}, int64_t{1} << 40, kA100);
  const auto expected = run(device, c, shape, Way::kHost);
  const int early = simt::num_early_launches / (1 + kTiles);  // of a tile
  CHECK(early == kBlocksPerRrdb * kDenseConvs + 3, "%d kernels of a tile start early", early);
  CHECK(device.num_early_kernels == (1 + kTiles) * early, "%d began early", device.num_early_kernels);
  CHECK(run(older, c, shape, Way::kHost) == expected && older.num_early_kernels == 0, "a GPU that cannot");
  for (int kernel = 0; kernel < early; ++kernel) {
    simt::HostDevice forgetful;
    CHECK(run_forgetful(forgetful, c, shape, early, kernel) != expected, "kernel %d does not wait, and nobody sees it",
          kernel);
  }
}

// A GPU with wgmma gives the same bits, and the kernels that use it wait, too.
void test_wgmma() {
  const EngineCase c({32, 16, 1, 1, 1}, float16_options(kBytes, kFloatPlanes));
  const TileShape shape{3, 4};
  simt::HostDevice other;
  const auto expected = run(other, c, shape, Way::kHost);
  simt::HostDevice device({}, int64_t{1} << 40, kH100);
  CHECK(run(device, c, shape, Way::kHost) == expected, "other bits by wgmma");
  const int early = device.num_early_kernels / (1 + kTiles);
  for (int block = 0; block < kBlocksPerRrdb; ++block) {
    simt::HostDevice forgetful({}, int64_t{1} << 40, kH100);
    const int kernel = block * kDenseConvs + kDenseConvs - 1;  // conv5, which has 32 outputs
    CHECK(run_forgetful(forgetful, c, shape, early, kernel) != expected, "kernel %d does not wait, and nobody sees it",
          kernel);
  }
}

void test_allocations_and_graphs() {
  const EngineCase c = tiny_case();
  const TileShape shape{5, 7}, other{4, 4};
  simt::HostDevice device;
  TileEngine engine(device, c.sizes, c.options, c.packed.data());
  const int64_t weights = device.used_bytes;
  CHECK(engine.prepare(shape), "not prepared");
  CHECK(device.used_bytes == weights + engine.device_bytes(shape), "%lld bytes, planned %lld",
        (long long)(device.used_bytes - weights), (long long)engine.device_bytes(shape));
  const int allocations = device.num_allocations, captures = device.num_captures;
  CHECK(captures == kSlots, "%d graphs", captures);
  const auto first = run_from_host(engine, c, shape);
  CHECK(engine.prepare(shape), "not prepared");
  CHECK(run_from_host(engine, c, shape) == first, "the second run has other bits");
  CHECK(device.num_graph_launches == 2 * kTiles, "%d graph launches", device.num_graph_launches);
  CHECK(device.num_allocations == allocations && device.num_captures == captures, "not warm");
  const int kernels_of_a_tile = device.num_kernels / (1 + 2 * kTiles);  // once before the graphs
  CHECK(device.num_kernels == kernels_of_a_tile * (1 + 2 * kTiles), "%d kernels", device.num_kernels);

  CHECK(engine.prepare(other), "not prepared");
  CHECK(device.used_bytes == weights + engine.device_bytes(other), "memory of the first shape was kept");
  run_from_host(engine, c, other);
  CHECK(engine.prepare(shape), "not prepared");
  CHECK(run_from_host(engine, c, shape) == first, "other bits after another shape");
}

template <typename Error, typename Action>
bool throws(Action action) {
  try {
    action();
  } catch (const Error&) {
    return true;
  }
  return false;
}

void test_lack_of_memory_and_misuse() {
  const EngineCase c = tiny_case();
  const TileShape shape{5, 7};
  simt::HostDevice device;
  CHECK(throws<std::bad_alloc>([&] {
          simt::HostDevice none({}, 100);
          TileEngine(none, c.sizes, c.options, c.packed.data());
        }),
        "weights in 100 bytes");
  TileEngine engine(device, c.sizes, c.options, c.packed.data());
  CHECK(throws<std::logic_error>([&] { engine.begin(); }), "begin without a shape");
  CHECK(throws<std::logic_error>([&] { engine.take(); }), "take without a tile");
  CHECK(engine.prepare(shape), "not prepared");
  const auto expected = run_from_host(engine, c, shape);
  const int64_t enough = device.used_bytes;
  device.memory_bytes = enough + kReservedBytes;
  CHECK(!engine.prepare({6, 8}) && engine.shape() == TileShape{}, "more than there is");
  CHECK(device.used_bytes == enough - engine.device_bytes(shape), "memory was kept");
  device.memory_bytes -= 1;
  CHECK(!engine.prepare(shape), "nothing was left for kernels and graphs");
  device.memory_bytes += 1;
  device.num_failures_left = 1;
  CHECK(!engine.prepare(shape), "an allocation failed");
  CHECK(engine.prepare(shape) && run_from_host(engine, c, shape) == expected, "not as before");

  engine.submit();
  engine.submit();
  CHECK(throws<std::logic_error>([&] { engine.submit(); }), "three tiles under way");
  CHECK(throws<std::invalid_argument>([&] { engine.prepare({0, 5}); }), "no rows");
  CHECK(throws<std::invalid_argument>([&] { engine.prepare({int64_t{1} << 40, 5}); }), "too many rows");
  CHECK(engine.device_bytes({1 << 19, 1 << 19}) > int64_t{1} << 45, "sizes above 32 bits");
  const auto with_sizes = [&](const NetSizes& sizes) {
    return throws<std::invalid_argument>([&] { TileEngine(device, sizes, c.options, c.packed.data()); });
  };
  CHECK(with_sizes({65, 16, 0, 1, 1}) && with_sizes({16, 0, 0, 1, 1}) && with_sizes({16, 16, -1, 1, 1}), "sizes");
  CHECK(with_sizes({16, 16, 0, 3, 1}) && with_sizes({16, 16, 0, 2, 3}) && with_sizes({16, 16, 0, 0, 2}), "scales");
  EngineOptions options = c.options;
  options.half_sums = true;
  options.type = ElementType::kBFloat16;
  CHECK(throws<std::invalid_argument>([&] { TileEngine(device, c.sizes, options, c.packed.data()); }), "bf16 sums");
  options = c.options;
  options.negative_slope = NAN;
  CHECK(throws<std::invalid_argument>([&] { TileEngine(device, c.sizes, options, c.packed.data()); }), "slope");
}

// CUDA may give up a graph in which a launch failed.
class FragileDevice : public simt::HostDevice {
 public:
  Graph end_capture(cudaStream_t stream) override {
    const Graph graph = HostDevice::end_capture(stream);
    if (!is_armed || simt::launches_until_failure >= 0) return graph;
    destroy(graph);
    throw std::runtime_error("CUDA has given up the graph");
  }
  bool is_armed = false;
};

// A launch that lacks memory is no error but a shape that does not fit: when kernels are loaded, and in each graph.
void test_launches_that_lack_memory() {
  const EngineCase c = tiny_case();
  const TileShape shape{5, 7};
  simt::HostDevice device;
  TileEngine engine(device, c.sizes, c.options, c.packed.data());
  const int64_t weights = device.used_bytes;
  CHECK(engine.prepare(shape), "not prepared");
  const auto expected = run_from_host(engine, c, shape);
  const int kernels = device.num_kernels / (1 + kTiles);  // of a tile; they ran once before the graphs
  for (int launch = 0; launch < (1 + kSlots) * kernels; ++launch) {
    FragileDevice other;
    TileEngine fresh(other, c.sizes, c.options, c.packed.data());
    simt::launches_until_failure = launch;
    other.is_armed = true;
    CHECK(!fresh.prepare(shape) && other.used_bytes == weights, "launch %d: prepared", launch);
    other.is_armed = false;
    CHECK(fresh.prepare(shape) && run_from_host(fresh, c, shape) == expected, "launch %d: not as before", launch);
    CHECK(other.fault.empty(), "launch %d: %s", launch, other.fault.c_str());
  }
}

}  // namespace

int main() {
  test_results();
  test_every_timing();
  test_every_wait_is_needed();
  test_every_kernel_waits();
  test_wgmma();
  test_allocations_and_graphs();
  test_lack_of_memory_and_misuse();
  test_launches_that_lack_memory();
  return test_result();
}
