// The L2H net as one wavefront against plain loops over whole maps; strips and threads are bit-identical to the whole;
// all in floats and with dense blocks of bytes.
#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <thread>

#include "csrc/kernels/cpu/l2h_net.h"
#include "tests/cpp/blob.h"
#include "tests/cpp/check.h"
#include "tests/cpp/guarded.h"
#include "tests/cpp/isas.h"

using namespace srdgan;

namespace {

constexpr float kSlope = 0.2f;

struct Size {
  int64_t height;
  int64_t width;
};

// A map of doubles in (H, W, C).
struct Map {
  Map(Size size, int64_t channels) : size(size), channels(channels), values(size.height * size.width * channels, 0.0) {}
  double* pixel(int64_t y, int64_t x) { return values.data() + (y * size.width + x) * channels; }
  const double* pixel(int64_t y, int64_t x) const { return values.data() + (y * size.width + x) * channels; }

  Size size;
  int64_t channels;
  std::vector<double> values;
};

// One of the packed layers in plain loops.
struct Layer {
  int64_t in_channels;
  int64_t out_channels;
  const float* weight;  // (out, in, 3, 3)
  const float* bias;

  Map operator()(const std::vector<const Map*>& inputs, bool activated) const {
    Map out(inputs[0]->size, out_channels);
    std::vector<double> taps(static_cast<size_t>(9 * in_channels * out_channels));  // (3, 3, in, out)
    for (int64_t n = 0; n < out_channels; ++n)
      for (int64_t k = 0; k < in_channels; ++k)
        for (int64_t tap = 0; tap < 9; ++tap) {
          taps[(tap * in_channels + k) * out_channels + n] = weight[(n * in_channels + k) * 9 + tap];
        }
    for (int64_t y = 0; y < out.size.height; ++y)
      for (int64_t x = 0; x < out.size.width; ++x) {
        double* sum = out.pixel(y, x);
        std::copy_n(bias, out_channels, sum);
        for (int64_t tap = 0; tap < 9; ++tap) {
          const int64_t from_y = y + tap / 3 - 1, from_x = x + tap % 3 - 1;
          if (from_y < 0 || from_y >= out.size.height || from_x < 0 || from_x >= out.size.width) continue;
          const double* w = taps.data() + tap * in_channels * out_channels;
          for (const Map* input : inputs) {
            for (int64_t k = 0; k < input->channels; ++k, w += out_channels) {
              const double value = input->pixel(from_y, from_x)[k];
              for (int64_t n = 0; n < out_channels; ++n) sum[n] += value * w[n];
            }
          }
        }
        for (int64_t n = 0; n < out_channels && activated; ++n) sum[n] = std::max(sum[n], sum[n] * kSlope);
      }
    return out;
  }
};

Map enlarge(const Map& map) {
  Map out({2 * map.size.height, 2 * map.size.width}, map.channels);
  for (int64_t y = 0; y < out.size.height; ++y)
    for (int64_t x = 0; x < out.size.width; ++x) std::copy_n(map.pixel(y / 2, x / 2), map.channels, out.pixel(y, x));
  return out;
}

void add_scaled(Map& map, const Map& other, double scale) {  // map = other + scale * map
  for (size_t i = 0; i < map.values.size(); ++i) map.values[i] = other.values[i] + scale * map.values[i];
}

// A small part of a net, packed, and in plain loops.
class Net {
 public:
  explicit Net(const L2HSizes& sizes) : sizes(sizes), layers(sizes), blob(layers.pack()), weights(blob.read()) {}
  Net(const Net&) = delete;

  Map operator()(const Map& input) const {
    if (sizes.part == L2HPart::kNet) return net(input);
    return sizes.part == L2HPart::kTail ? tail(input) : blocks(input);
  }

  const L2HSizes sizes;
  const RandomLayers layers;
  const Blob blob;
  const L2HWeights weights;

 private:
  Layer layer(const std::string& name) const {
    const FloatTensor &weight = layers.tensors.at(name + ".weight"), &bias = layers.tensors.at(name + ".bias");
    return {weight.shape[1], weight.shape[0], weight.data, bias.data};
  }

  Map blocks(Map x) const {
    Map outer = x;
    for (int64_t block = 0; block < sizes.num_dense_blocks; ++block) {
      const std::string name = "body." + std::to_string(block / kBlocksPerRrdb) + ".rdb" +
                               std::to_string(block % kBlocksPerRrdb + 1) + ".conv";
      std::vector<Map> grown;
      std::vector<const Map*> inputs = {&x};
      grown.reserve(kDenseConvs);
      for (int64_t i = 1; i <= kDenseConvs; ++i) {
        grown.push_back(layer(name + std::to_string(i))(inputs, i < kDenseConvs));
        inputs.push_back(&grown.back());
      }
      add_scaled(grown.back(), x, kResidualScale);
      x = std::move(grown.back());
      if (sizes.part != L2HPart::kDenseBlock && block % kBlocksPerRrdb == kBlocksPerRrdb - 1) {
        add_scaled(x, outer, kResidualScale);
        outer = x;
      }
    }
    return x;
  }

  Map tail(Map x) const {
    for (int64_t i = 1; i <= sizes.num_upsamplings; ++i) {
      const Map large = enlarge(x);
      x = layer("conv_up" + std::to_string(i))({&large}, true);
    }
    x = layer("conv_hr")({&x}, true);
    return layer("conv_last")({&x}, false);
  }

  Map net(const Map& picture) const {
    const Map skip = layer("conv_first")({&picture}, false);
    const Map trunk = blocks(skip);
    Map sum = layer("conv_body")({&trunk}, false);
    add_scaled(sum, skip, 1.0);
    return tail(sum);
  }
};

L2HSizes part_of(L2HPart part, int64_t features, int64_t growth, int64_t num_blocks, int64_t num_upsamplings,
                 Products products = Products::kFloat32) {
  L2HSizes sizes;
  sizes.part = part;
  sizes.products = products;
  sizes.in_channels = part == L2HPart::kNet ? 3 : 0;
  sizes.features = features;
  sizes.growth = growth;
  sizes.num_dense_blocks = num_blocks;
  sizes.num_upsamplings = num_upsamplings;
  return sizes;
}

void execute(Wavefront& wavefront, int64_t num_threads) {
  CHECK(wavefront.well_ordered(), "a unit waits for a later one");
  const auto work = [&](int64_t thread) {
    std::vector<float> scratch(wavefront.scratch_floats(), std::numeric_limits<float>::quiet_NaN());
    wavefront.work(thread, scratch.data());
  };
  std::vector<std::thread> threads;
  for (int64_t i = 1; i < num_threads; ++i) threads.emplace_back(work, i);
  work(0);
  for (std::thread& thread : threads) thread.join();
}

// Planes for a picture and a result, (H, W, C) for features.
bool reads_picture(const Net& net) { return net.sizes.part == L2HPart::kNet; }
bool writes_features(const Net& net) {
  return net.sizes.part == L2HPart::kTrunk || net.sizes.part == L2HPart::kDenseBlock;
}

int64_t input_channels(const Net& net) { return reads_picture(net) ? net.sizes.in_channels : net.sizes.features; }

std::vector<float> input_of(const Net& net, Size size) {
  return random_floats(input_channels(net) * size.height * size.width, 7);
}

std::vector<float> compute(const Net& net, Size size, const std::vector<float>& input, CpuIsa isa,
                           int64_t num_threads) {
  const int64_t scale = net.sizes.scale();
  std::vector<float> out(
      writes_features(net) ? input.size() : kImageChannels * scale * scale * size.height * size.width, kUntouched);
  L2HRun run(net.weights, kSlope, size.height, size.width, size.height, num_threads, isa);
  Guarded state(run.state_floats()), workspace(run.workspace_floats());
  run.clear_borders(state.data());
  L2HData data{};
  if (reads_picture(net)) {
    data.picture = {input.data(), net.sizes.in_channels, size.height * size.width, size.width, 0};
  } else {
    data.features_in = FeatureMap::dense(const_cast<float*>(input.data()), size.height, size.width, net.sizes.features);
  }
  if (writes_features(net)) {
    data.features_out = FeatureMap::dense(out.data(), size.height, size.width, net.sizes.features);
  } else {
    data.result = {out.data(), kImageChannels, scale * scale * size.height * size.width, scale * size.width, 0};
  }
  execute(*run.plan(state.data(), workspace.data(), data, 0, size.height), num_threads);
  CHECK(state.kept() && workspace.kept(), "a picture of %ldx%ld needs more memory", static_cast<long>(size.height),
        static_cast<long>(size.width));
  if (num_threads > 1) return out;
  // The next picture finds what this one left.
  const std::vector<float> first = out;
  std::fill(out.begin(), out.end(), kUntouched);
  execute(*run.plan(state.data(), workspace.data(), data, 0, size.height), num_threads);
  CHECK(first == out, "a second picture of %ldx%ld gives other results", static_cast<long>(size.height),
        static_cast<long>(size.width));
  return out;
}

// The picture in strips, each of which finds only its own rows.
std::vector<float> compute_strips(const Net& net, Size size, const std::vector<float>& picture, int64_t strip_rows,
                                  CpuIsa isa, int64_t num_threads) {
  const int64_t scale = net.sizes.scale(), width = scale * size.width;
  std::vector<float> out(kImageChannels * scale * size.height * width, kUntouched);
  int64_t state_floats = 0, finished = 0;
  std::unique_ptr<Guarded> state;
  for (int64_t known = 0; known < size.height;) {
    // A run of its own for every strip, as for the ops: all that is kept is the state.
    L2HRun run(net.weights, kSlope, size.height, size.width, strip_rows, num_threads, isa);
    if (state == nullptr) {
      state = std::make_unique<Guarded>(state_floats = run.state_floats());
      run.clear_borders(state->data());
    }
    CHECK(run.state_floats() == state_floats, "strips need different states");
    Guarded workspace(run.workspace_floats());
    const int64_t now = std::min(known + strip_rows, size.height);
    std::vector<float> rows;
    for (int64_t c = 0; c < net.sizes.in_channels; ++c) {
      const auto plane = picture.begin() + c * size.height * size.width;
      rows.insert(rows.end(), plane + known * size.width, plane + now * size.width);
    }
    const int64_t finished_now = run.finished_rows(now);
    std::vector<float> part(kImageChannels * (finished_now - finished) * width, kUntouched);
    L2HData data{};
    data.picture = {rows.data(), net.sizes.in_channels, (now - known) * size.width, size.width, known};
    data.result = {part.data(), kImageChannels, (finished_now - finished) * width, width, finished};
    execute(*run.plan(state->data(), workspace.data(), data, known, now), num_threads);
    CHECK(workspace.kept(), "a strip needs more memory");
    for (int64_t c = 0; c < kImageChannels; ++c) {
      const int64_t plane = (finished_now - finished) * width;
      std::copy_n(part.begin() + c * plane, plane, out.begin() + (c * scale * size.height + finished) * width);
    }
    known = now;
    finished = finished_now;
  }
  CHECK(finished == scale * size.height, "%ld of %ld rows are finished", static_cast<long>(finished),
        static_cast<long>(scale * size.height));
  CHECK(state->kept(), "strips of %ld rows need more memory", static_cast<long>(strip_rows));
  return out;
}

void check_part(const L2HSizes& sizes, Size size) {
  const Net net(sizes);
  const auto input = input_of(net, size);
  Map map(size, input_channels(net));
  const int64_t pixels = size.height * size.width;
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t c = 0; c < map.channels; ++c) {
      map.values[p * map.channels + c] = input[reads_picture(net) ? c * pixels + p : p * map.channels + c];
    }
  }
  const Map truth = net(map);
  const int64_t out_pixels = truth.size.height * truth.size.width;
  for (CpuIsa isa : tested_isas()) {
    const char* names[] = {": ", ", int8: ", ", bf16: ", ", int8 and bf16: "};
    const std::string what = std::string(cpu_isa_name(isa)) + names[static_cast<int>(sizes.products)] +
                             l2h_part_name(sizes.part) + " of " + std::to_string(sizes.features) + "/" +
                             std::to_string(sizes.growth) + " channels, " + std::to_string(sizes.num_dense_blocks) +
                             " blocks, " + std::to_string(size.height) + "x" + std::to_string(size.width);
    const auto out = compute(net, size, input, isa, 1);
    double worst = 0.0, largest = 0.0, squares = 0.0, error_squares = 0.0;
    for (int64_t p = 0; p < out_pixels; ++p) {
      for (int64_t c = 0; c < truth.channels; ++c) {
        const double right = truth.values[p * truth.channels + c];
        const double error = std::abs(out[writes_features(net) ? p * truth.channels + c : c * out_pixels + p] - right);
        worst = error <= worst ? worst : error;  // a NaN becomes the worst
        largest = std::max(largest, std::abs(right));
        squares += right * right;
        error_squares += error * error;
      }
    }
    const double rms = std::sqrt(error_squares / squares);
    if (sizes.num_dense_blocks > 0 && multiplies_int8(sizes.products)) {
      CHECK(rms <= 0.03, "%s: error %g of the root mean square", what.c_str(), rms);  // several roundings to 1 of 127
    } else if (sizes.products != Products::kFloat32) {
      CHECK(rms <= 0.003, "%s: error %g of the root mean square", what.c_str(), rms);  // to 1 of 256
    } else {
      CHECK(worst <= 1e-5 * largest, "%s: error %g of %g", what.c_str(), worst, largest);
    }
    CHECK(compute(net, size, input, isa, 3) == out, "%s: three threads give other results", what.c_str());
  }
}

void check_strips(const L2HSizes& sizes, Size size, const std::vector<int64_t>& units_per_strip) {
  const Net net(sizes);
  const auto picture = input_of(net, size);
  const CpuIsa isa = tested_isas().back();
  const auto whole = compute(net, size, picture, isa, 3);
  const int64_t unit = L2HRun::strip_unit(size.height, size.width, sizes.products);
  CHECK(L2HRun::min_strip_rows(size.height, size.width, sizes.products) <= 6 * unit,
        "the smallest strip is one of these");
  for (int64_t units : units_per_strip) {
    for (int64_t threads : {1, 3}) {
      const auto strips = compute_strips(net, size, picture, units * unit, isa, threads);
      const int64_t row = sizes.scale() * size.width;
      const auto differs = std::mismatch(whole.begin(), whole.end(), strips.begin()).first - whole.begin();
      CHECK(strips == whole,
            "%ldx%ld in strips of %ld rows, %ld threads: first differs in row %ld, column %ld of plane %ld",
            static_cast<long>(size.height), static_cast<long>(size.width), static_cast<long>(units * unit),
            static_cast<long>(threads), static_cast<long>(differs / row % (sizes.scale() * size.height)),
            static_cast<long>(differs % row), static_cast<long>(differs / row / (sizes.scale() * size.height)));
    }
  }
}

// Plans of many sizes without their work: none would wait for ever.
void check_plans() {
  for (int64_t num_blocks : {0, 3, 6, 75}) {
    const Products products = num_blocks == 3   ? Products::kBfloat16
                              : num_blocks == 6 ? Products::kInt8AndBfloat16
                                                : Products::kFloat32;
    const Net net(part_of(L2HPart::kNet, 16, num_blocks > 0 ? 16 : 0, num_blocks, 2, products));
    for (int64_t width : {1, 20, 108, 109, 216, 217, 500}) {
      const int64_t unit = L2HRun::strip_unit(4000, width, products);
      for (int64_t units : {1, 2, 5, 6, 7, 12, 13, 40, 79}) {
        for (int64_t rest : {1, 4, 5}) {
          const int64_t height = units * unit + rest;
          if (L2HRun::strip_unit(height, width, products) != unit) continue;
          for (int64_t strip : {6, 7, 11, 12, 13, 24, 80}) {
            const int64_t threads = strip % 2 == 0 ? 1 : 8;  // that share rows, or take them in turn
            L2HRun run(net.weights, kSlope, height, width, strip * unit, threads, CpuIsa::kPortable);
            float state = 0.0f;  // whose address is all that a plan needs of it
            const std::unique_ptr<float[]> workspace(new float[run.workspace_floats()]);
            bool ordered = true;
            for (int64_t known = 0; known < height; known += strip * unit) {
              ordered &=
                  run.plan(&state, workspace.get(), {}, known, std::min(known + strip * unit, height))->well_ordered();
            }
            CHECK(ordered, "%ld blocks, %ldx%ld in strips of %ld rows: a unit waits for a later one",
                  static_cast<long>(num_blocks), static_cast<long>(height), static_cast<long>(width),
                  static_cast<long>(strip * unit));
          }
        }
      }
    }
  }
}

}  // namespace

int main() {
  using P = L2HPart;
  for (const Size& size : {Size{1, 1}, {4, 4}, {5, 9}, {13, 7}, {30, 210}}) {
    const bool large = size.width > 100;
    for (const bool padded : {false, true}) {
      const int64_t features = padded ? 24 : 16, growth = padded ? 8 : 16;
      if (large && padded) continue;
      check_part(part_of(P::kNet, features, growth, 3, large ? 1 : 2), size);
      check_part(part_of(P::kTrunk, features, growth, large ? 3 : 6, 0), size);
      check_part(part_of(P::kDenseBlock, features, growth, 1, 0), size);
      check_part(part_of(P::kTail, features, 0, 0, large ? 1 : 2), size);
    }
  }
  check_part(part_of(P::kNet, 24, 8, 3, 1, Products::kInt8), {13, 7});
  check_part(part_of(P::kTrunk, 16, 16, 6, 0, Products::kInt8), {30, 210});
  check_part(part_of(P::kNet, 24, 8, 3, 2, Products::kInt8AndBfloat16), {13, 7});
  for (const Size& size : {Size{1, 1}, {13, 7}, {30, 210}}) {
    // Depths that fill a product or not, and one or two panels of outputs.
    check_part(part_of(P::kNet, 24, 8, 3, 1, Products::kBfloat16), size);
    check_part(part_of(P::kTrunk, 48, 32, 3, 0, Products::kBfloat16), size);
    check_part(part_of(P::kDenseBlock, 16, 16, 1, 0, Products::kBfloat16), size);
    check_part(part_of(P::kTail, 40, 0, 0, 2, Products::kBfloat16), size);
    check_part(part_of(P::kTail, 64, 0, 0, 0, Products::kBfloat16), size);
  }
  check_part(part_of(P::kNet, 16, 0, 0, 0), {9, 5});
  check_part(part_of(P::kNet, 16, 16, 3, 0), {75, 160});  // more rows of units than the rings hold
  check_part(part_of(P::kTail, 16, 0, 0, 1), {75, 160});
  for (const int64_t in_channels : {12, 48}) {  // pixel-unshuffled pictures
    L2HSizes sizes = part_of(P::kNet, 24, 8, 3, 1);
    sizes.in_channels = in_channels;
    check_part(sizes, {13, 7});
  }

  check_strips(part_of(P::kNet, 16, 16, 6, 0), {123, 160}, {6, 13});
  check_strips(part_of(P::kNet, 16, 16, 3, 1), {117, 160}, {7, 12});
  check_strips(part_of(P::kNet, 24, 8, 3, 2), {112, 222}, {6, 11});  // two chunks
  check_strips(part_of(P::kNet, 24, 8, 3, 2, Products::kInt8), {150, 112}, {6, 11});
  check_strips(part_of(P::kNet, 24, 8, 3, 2, Products::kInt8AndBfloat16), {150, 112}, {6, 11});
  check_strips(part_of(P::kNet, 24, 8, 3, 1, Products::kBfloat16), {112, 222}, {6, 11});
  check_strips(part_of(P::kNet, 16, 0, 0, 1), {112, 222}, {6});
  L2HSizes unshuffled = part_of(P::kNet, 16, 16, 3, 0);
  unshuffled.in_channels = 12;
  check_strips(unshuffled, {400, 20}, {6});
  check_plans();
  return test_result();
}
