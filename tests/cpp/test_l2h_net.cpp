// The L2H net as one wavefront against plain loops over whole maps; its strips and threads against itself, bit for bit;
// all in floats and with dense blocks of bytes.
#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <thread>

#include "csrc/kernels/cpu/l2h_net.h"
#include "csrc/kernels/cpu/upsample_conv.h"
#include "tests/cpp/check.h"
#include "tests/cpp/isas.h"

using namespace srdgan;

namespace {

constexpr float kUntouched = 12345.0f;
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

struct Layer {
  int64_t in_channels;
  int64_t out_channels;
  std::vector<float> weight;  // (out, in, 3, 3)
  std::vector<float> bias;

  // Random, small enough that a net of many layers neither fades nor grows.
  Layer(int64_t in_channels, int64_t out_channels, uint32_t seed)
      : in_channels(in_channels),
        out_channels(out_channels),
        weight(random_floats(out_channels * in_channels * 9, seed)),
        bias(random_floats(out_channels, seed + 1000)) {
    const float gain = 1.2f / std::sqrt(3.0f * static_cast<float>(in_channels));
    for (float& w : weight) w *= gain;
  }

  Map operator()(const std::vector<const Map*>& inputs, bool activated) const {
    Map out(inputs[0]->size, out_channels);
    std::vector<double> taps(weight.size());  // (3, 3, in, out)
    for (int64_t n = 0; n < out_channels; ++n)
      for (int64_t k = 0; k < in_channels; ++k)
        for (int64_t tap = 0; tap < 9; ++tap) {
          taps[(tap * in_channels + k) * out_channels + n] = weight[(n * in_channels + k) * 9 + tap];
        }
    for (int64_t y = 0; y < out.size.height; ++y)
      for (int64_t x = 0; x < out.size.width; ++x) {
        double* sum = out.pixel(y, x);
        std::copy_n(bias.begin(), out_channels, sum);
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

// A small net with its packed parameters.
class Net {
 public:
  Net(int64_t features, int64_t growth, int64_t num_blocks, int64_t num_upsample, bool has_rrdbs, bool int8 = false)
      : features(features),
        growth(growth),
        int8(int8),
        first(3, features, 1),
        body(features, features, 2),
        hr(features, features, 3),
        last(features, 3, 4) {
    uint32_t seed = 10;
    for (int64_t i = 0; i < num_blocks * kDenseConvs; ++i) {
      const int64_t conv = i % kDenseConvs;
      dense.emplace_back(features + conv * growth, conv + 1 < kDenseConvs ? growth : features, seed++);
    }
    for (int64_t i = 0; i < num_upsample; ++i) upsample.emplace_back(features, features, seed++);

    parameters.features = features;
    parameters.growth = growth;
    parameters.negative_slope = kSlope;
    parameters.has_rrdbs = has_rrdbs;
    parameters.int8 = int8;
    const std::vector<int64_t> inputs = {features, growth, growth, growth, growth};
    for (size_t block = 0; block * kDenseConvs < dense.size(); ++block) {
      const Layer* layers = dense.data() + block * kDenseConvs;
      if (int8) {
        parameters.dense_int8.push_back(pack_block_int8(layers, inputs));
        continue;
      }
      DenseWeights<Float32> weights{};
      for (int64_t i = 0; i < kDenseConvs; ++i) weights.convs[i] = pack(layers[i], {i + 1, inputs.data()});
      parameters.dense.push_back(weights);
    }
    const int64_t image = kImageChannels;
    parameters.first = pack(first, {1, &image});
    parameters.body = pack_body();
    parameters.hr = pack(hr, {1, &features});
    parameters.last = pack(last, {1, &features});
    for (const Layer& layer : upsample) {
      float* packed = keep(kUpsampleConvProducts * upsample_conv_num_panels(features) * features * kUpsampleConvPanel);
      upsample_conv_pack(layer.weight.data(), features, features, packed);
      parameters.upsample.push_back({packed, pad_bias(layer)});
    }
  }
  Net(const Net&) = delete;

  Map blocks(Map x) const {
    Map outer = x;
    for (size_t block = 0; block * kDenseConvs < dense.size(); ++block) {
      std::vector<Map> grown;
      std::vector<const Map*> inputs = {&x};
      grown.reserve(kDenseConvs);
      for (int64_t i = 0; i < kDenseConvs; ++i) {
        grown.push_back(dense[block * kDenseConvs + i](inputs, i + 1 < kDenseConvs));
        inputs.push_back(&grown.back());
      }
      add_scaled(grown.back(), x, kResidualScale);
      x = std::move(grown.back());
      if (parameters.has_rrdbs && block % kBlocksPerRrdb == kBlocksPerRrdb - 1) {
        add_scaled(x, outer, kResidualScale);
        outer = x;
      }
    }
    return x;
  }

  Map tail(Map x) const {
    for (const Layer& layer : upsample) {
      const Map large = enlarge(x);
      x = layer({&large}, true);
    }
    x = hr({&x}, true);
    return last({&x}, false);
  }

  Map net(const Map& picture) const {
    const Map skip = first({&picture}, false);
    const Map trunk = blocks(skip);
    Map sum = body({&trunk}, false);
    add_scaled(sum, skip, 1.0);
    return tail(sum);
  }

  int64_t features;
  int64_t growth;
  bool int8;
  Layer first, body, hr, last;
  std::vector<Layer> dense, upsample;
  L2HParameters parameters{};

 private:
  float* keep(int64_t floats) {
    memory_.push_back(std::make_unique<std::vector<float>>(floats, 0.0f));
    return memory_.back()->data();
  }

  // Levels for features of up to about 4, which random ones keep to.
  DenseWeights<Int8> pack_block_int8(const Layer* layers, const std::vector<int64_t>& inputs) {
    const int64_t depth = WinogradSegments{kDenseConvs, inputs.data()}.depth();
    float* levels = keep(Int8::kPoints * depth);
    std::fill_n(levels, Int8::kPoints * depth, 127.0f / 12.0f);
    DenseWeights<Int8> weights{};
    weights.levels = levels;
    for (int64_t i = 0; i < kDenseConvs; ++i) {
      const WinogradSegments segments{i + 1, inputs.data()};
      const int64_t padded = winograd_pad(layers[i].out_channels);
      auto* bytes = reinterpret_cast<int8_t*>(keep(winograd_packed_size<Int8>(segments, layers[i].out_channels) / 4));
      auto* start = reinterpret_cast<int32_t*>(keep(Int8::kPoints * padded));
      float* steps = keep(Int8::kPoints * padded);
      for (int64_t panel = 0; panel < padded / kWinogradPanel; ++panel) {
        winograd_pack_int8(layers[i].weight.data(), segments, layers[i].out_channels, levels, depth, bytes, start,
                           steps, panel);
      }
      weights.convs[i] = {bytes, pad_bias(layers[i]), start, steps};
    }
    return weights;
  }

  // conv_body beside conv_first: their sum.
  PackedConv<Float32> pack_body() {
    Layer both(features + kImageChannels, features, 0);
    auto weight = both.weight.begin();
    for (int64_t n = 0; n < features; ++n) {
      weight = std::copy_n(body.weight.begin() + n * features * 9, features * 9, weight);
      weight = std::copy_n(first.weight.begin() + n * kImageChannels * 9, kImageChannels * 9, weight);
      both.bias[n] = body.bias[n] + first.bias[n];
    }
    const int64_t inputs[] = {features, kImageChannels};
    return pack(both, {2, inputs});
  }

  PackedConv<Float32> pack(const Layer& layer, const WinogradSegments& inputs) {
    float* weight = keep(winograd_packed_size<Float32>(inputs, layer.out_channels));
    winograd_pack(layer.weight.data(), inputs, layer.out_channels, weight, 0,
                  winograd_pad(layer.out_channels) / kWinogradPanel);
    return {weight, pad_bias(layer), nullptr, nullptr};
  }

  const float* pad_bias(const Layer& layer) {
    float* bias = keep(winograd_pad(layer.out_channels));
    std::copy(layer.bias.begin(), layer.bias.end(), bias);
    return bias;
  }

  std::vector<std::unique_ptr<std::vector<float>>> memory_;
};

// Memory of a run: as many NaNs as it asked for, and a guard.
class Memory {
 public:
  explicit Memory(int64_t floats) : floats_(floats), values_(floats + kGuard, std::numeric_limits<float>::quiet_NaN()) {
    std::fill(values_.begin() + floats, values_.end(), kUntouched);
  }
  float* data() { return values_.data(); }
  bool kept() const {
    return std::all_of(values_.begin() + floats_, values_.end(), [](float v) { return v == kUntouched; });
  }

 private:
  static constexpr int64_t kGuard = 1024;
  int64_t floats_;
  std::vector<float> values_;
};

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

int64_t scale_of(const Net& net) { return int64_t{1} << net.upsample.size(); }

// What a part of the net reads or writes: planes for the picture and the result, (H, W, C) for features.
std::vector<float> input_of(const Net& net, L2HPart part, Size size) {
  return random_floats((part == L2HPart::kNet ? kImageChannels : net.features) * size.height * size.width, 7);
}

std::vector<float> compute(const Net& net, L2HPart part, Size size, const std::vector<float>& input, CpuIsa isa,
                           int64_t num_threads) {
  const int64_t scale = scale_of(net);
  std::vector<float> out(
      part == L2HPart::kBlocks ? input.size() : kImageChannels * scale * scale * size.height * size.width, kUntouched);
  L2HRun run(net.parameters, part, size.height, size.width, size.height, num_threads, isa);
  Memory state(run.state_floats()), workspace(run.workspace_floats());
  run.clear_borders(state.data());
  L2HData data{};
  if (part == L2HPart::kNet) {
    data.picture = {input.data(), kImageChannels, size.height * size.width, size.width, 0};
  } else {
    data.features_in = FeatureMap::dense(const_cast<float*>(input.data()), size.height, size.width, net.features);
  }
  if (part == L2HPart::kBlocks) {
    data.features_out = FeatureMap::dense(out.data(), size.height, size.width, net.features);
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
  const int64_t scale = scale_of(net), width = scale * size.width;
  std::vector<float> out(kImageChannels * scale * size.height * width, kUntouched);
  int64_t state_floats = 0, finished = 0;
  std::unique_ptr<Memory> state;
  for (int64_t known = 0; known < size.height;) {
    // A run of its own for every strip, as for the ops: all that is kept is the state.
    L2HRun run(net.parameters, L2HPart::kNet, size.height, size.width, strip_rows, num_threads, isa);
    if (state == nullptr) {
      state = std::make_unique<Memory>(state_floats = run.state_floats());
      run.clear_borders(state->data());
    }
    CHECK(run.state_floats() == state_floats, "strips need different states");
    Memory workspace(run.workspace_floats());
    const int64_t now = std::min(known + strip_rows, size.height);
    std::vector<float> rows;
    for (int64_t c = 0; c < kImageChannels; ++c) {
      const auto plane = picture.begin() + c * size.height * size.width;
      rows.insert(rows.end(), plane + known * size.width, plane + now * size.width);
    }
    const int64_t finished_now = run.finished_rows(now);
    std::vector<float> part(kImageChannels * (finished_now - finished) * width, kUntouched);
    L2HData data{};
    data.picture = {rows.data(), kImageChannels, (now - known) * size.width, size.width, known};
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

void check_part(const Net& net, L2HPart part, Size size) {
  const auto input = input_of(net, part, size);
  Map map(size, part == L2HPart::kNet ? kImageChannels : net.features);
  const int64_t pixels = size.height * size.width;
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t c = 0; c < map.channels; ++c) {
      map.values[p * map.channels + c] = input[part == L2HPart::kNet ? c * pixels + p : p * map.channels + c];
    }
  }
  const Map truth = part == L2HPart::kNet ? net.net(map) : part == L2HPart::kBlocks ? net.blocks(map) : net.tail(map);
  const int64_t out_pixels = truth.size.height * truth.size.width;
  for (CpuIsa isa : tested_isas()) {
    const std::string what = std::string(cpu_isa_name(isa)) + (net.int8 ? ", int8" : "") + ": part " +
                             std::to_string(static_cast<int>(part)) + " of " + std::to_string(net.features) + "/" +
                             std::to_string(net.growth) + " channels, " +
                             std::to_string(net.dense.size() / kDenseConvs) + " blocks, " +
                             std::to_string(size.height) + "x" + std::to_string(size.width);
    const auto out = compute(net, part, size, input, isa, 1);
    double worst = 0.0, largest = 0.0, squares = 0.0, error_squares = 0.0;
    for (int64_t p = 0; p < out_pixels; ++p) {
      for (int64_t c = 0; c < truth.channels; ++c) {
        const double right = truth.values[p * truth.channels + c];
        const double error =
            std::abs(out[part == L2HPart::kBlocks ? p * truth.channels + c : c * out_pixels + p] - right);
        worst = error <= worst ? worst : error;  // a NaN becomes the worst
        largest = std::max(largest, std::abs(right));
        squares += right * right;
        error_squares += error * error;
      }
    }
    if (net.int8) {
      const double rms = std::sqrt(error_squares / squares);
      CHECK(rms <= 0.03, "%s: error %g of the root mean square", what.c_str(), rms);  // several roundings to 1 of 127
    } else {
      CHECK(worst <= 1e-5 * largest, "%s: error %g of %g", what.c_str(), worst, largest);
    }
    CHECK(compute(net, part, size, input, isa, 3) == out, "%s: three threads give other results", what.c_str());
  }
}

void check_strips(const Net& net, Size size, const std::vector<int64_t>& units_per_strip) {
  const auto picture = input_of(net, L2HPart::kNet, size);
  const CpuIsa isa = tested_isas().back();
  const auto whole = compute(net, L2HPart::kNet, size, picture, isa, 3);
  const int64_t unit = L2HRun::strip_unit(size.height, size.width, net.int8);
  CHECK(L2HRun::min_strip_rows(size.height, size.width, net.int8) <= 6 * unit, "the smallest strip is one of these");
  for (int64_t units : units_per_strip) {
    for (int64_t threads : {1, 3}) {
      const auto strips = compute_strips(net, size, picture, units * unit, isa, threads);
      const int64_t row = scale_of(net) * size.width;
      const auto differs = std::mismatch(whole.begin(), whole.end(), strips.begin()).first - whole.begin();
      CHECK(strips == whole,
            "%ldx%ld in strips of %ld rows, %ld threads: first differs in row %ld, column %ld of plane %ld",
            static_cast<long>(size.height), static_cast<long>(size.width), static_cast<long>(units * unit),
            static_cast<long>(threads), static_cast<long>(differs / row % (scale_of(net) * size.height)),
            static_cast<long>(differs % row), static_cast<long>(differs / row / (scale_of(net) * size.height)));
    }
  }
}

// Plans of many sizes without their work: none would wait for ever.
void check_plans() {
  for (int64_t num_blocks : {0, 3, 6, 75}) {
    const bool int8 = num_blocks == 6;
    L2HParameters parameters{};
    parameters.features = parameters.growth = 16;
    parameters.has_rrdbs = true;
    parameters.int8 = int8;
    int8 ? parameters.dense_int8.resize(num_blocks) : parameters.dense.resize(num_blocks);
    parameters.upsample.assign(2, {nullptr, nullptr});
    for (int64_t width : {1, 20, 108, 109, 216, 217, 500}) {
      const int64_t unit = L2HRun::strip_unit(4000, width, int8);
      for (int64_t units : {1, 2, 5, 6, 7, 12, 13, 40, 79}) {
        for (int64_t rest : {1, 4, 5}) {
          const int64_t height = units * unit + rest;
          if (L2HRun::strip_unit(height, width, int8) != unit) continue;
          for (int64_t strip : {6, 7, 11, 12, 13, 24, 80}) {
            const int64_t threads = strip % 2 == 0 ? 1 : 8;  // that share rows, or take them in turn
            L2HRun run(parameters, L2HPart::kNet, height, width, strip * unit, threads, CpuIsa::kPortable);
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
  const Size sizes[] = {{1, 1}, {4, 4}, {5, 9}, {13, 7}, {30, 210}};
  for (const Size& size : sizes) {
    const bool large = size.width > 100;
    for (const bool padded : {false, true}) {
      const int64_t features = padded ? 24 : 16, growth = padded ? 8 : 16;
      if (large && padded) continue;
      check_part(Net(features, growth, 3, large ? 1 : 2, true), L2HPart::kNet, size);
      check_part(Net(features, growth, large ? 3 : 6, 0, true), L2HPart::kBlocks, size);
      check_part(Net(features, growth, 2, 0, false), L2HPart::kBlocks, size);
      check_part(Net(features, growth, 0, large ? 1 : 2, true), L2HPart::kTail, size);
    }
  }
  check_part(Net(24, 8, 3, 1, true, true), L2HPart::kNet, {13, 7});
  check_part(Net(16, 16, 6, 0, true, true), L2HPart::kBlocks, {30, 210});
  check_part(Net(16, 16, 0, 0, true), L2HPart::kNet, {9, 5});
  check_part(Net(16, 16, 3, 0, true), L2HPart::kNet, {75, 160});  // more rows of units than the rings hold
  check_part(Net(16, 16, 0, 1, true), L2HPart::kTail, {75, 160});

  check_strips(Net(16, 16, 6, 0, true), {123, 160}, {6, 13});
  check_strips(Net(16, 16, 3, 1, true), {117, 160}, {7, 12});
  check_strips(Net(24, 8, 3, 2, true), {112, 222}, {6, 11});  // two chunks
  check_strips(Net(24, 8, 3, 2, true, true), {150, 112}, {6, 11});
  check_strips(Net(16, 16, 0, 1, true), {112, 222}, {6});
  check_strips(Net(16, 16, 3, 0, true), {400, 20}, {6});
  check_plans();
  return test_result();
}
