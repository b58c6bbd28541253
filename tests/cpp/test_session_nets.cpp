// Sessions with networks of other scales, with pixel-unshuffle, in int8 and bf16, against the network's own run: same
// bits for any size, strips and threads; no allocation in process(); what int8 needs.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "include/srdgan/session.h"
#include "include/srdgan/session_c.h"
#include "tests/cpp/counting_allocator.h"
#include "tests/cpp/opened_session.h"
#include "tests/cpp/run_net.h"

using namespace srdgan;

namespace {

std::vector<L2HSizes> all_sizes() {
  std::vector<L2HSizes> nets = {net_sizes(0),        net_sizes(1), unshuffled_sizes(2), unshuffled_sizes(2, 1),
                                unshuffled_sizes(4), net_sizes(),  unshuffled_sizes(2), net_sizes()};
  nets[5].products = nets[6].products = int8_products(process_isa());
  nets[7].products = Products::kBfloat16;
  return nets;
}

// A file and its ranges, which must live as long as the options.
struct Net {
  explicit Net(const L2HSizes& sizes) : layers(sizes), file(model_file(layers.tensors)), ranges(ranges_file(layers)) {}

  SessionOptions options(int64_t threads, int64_t margin) const {
    SessionOptions options = multiplies_int8(layers.sizes.products) ? int8_options(ranges) : SessionOptions{};
    if (layers.sizes.products == Products::kBfloat16) options.precision = Precision::kBf16;
    options.threads = threads;
    options.halo = options.border_padding = margin;
    return options;
  }

  const RandomLayers layers;
  const std::vector<uint8_t> file, ranges;
};

// (H, W, 3) continued, mirrored, by `before` pixels above and at the left, up to `height` x `width` in all.
std::vector<uint8_t> extend(const std::vector<uint8_t>& pixels, int64_t own_height, int64_t own_width, int64_t before,
                            int64_t height, int64_t width) {
  const auto mirror = [](int64_t i, int64_t size) { return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i; };
  std::vector<uint8_t> extended;
  for (int64_t y = -before; y < height - before; ++y)
    for (int64_t x = -before; x < width - before; ++x)
      for (int64_t c = 0; c < 3; ++c)
        extended.push_back(pixels[3 * (mirror(y, own_height) * own_width + mirror(x, own_width)) + c]);
  return extended;
}

std::vector<uint8_t> crop(const std::vector<uint8_t>& pixels, int64_t row_width, int64_t y, int64_t x, int64_t height,
                          int64_t width) {
  std::vector<uint8_t> cropped;
  for (int64_t row = y; row < y + height; ++row) {
    const auto first = pixels.begin() + 3 * (row * row_width + x);
    cropped.insert(cropped.end(), first, first + 3 * width);
  }
  return cropped;
}

// The window begins and ends at whole blocks, counted from the picture's first pixel, also beyond its borders.
void test_same_bits() {
  struct Case {
    int64_t height, width, border;
  };
  for (const L2HSizes& sizes : all_sizes()) {
    const Net net(sizes);
    const int64_t factor = unshuffle_of(sizes), scale = sizes.scale() / factor;
    const auto round_up = [&](int64_t value) { return (value + factor - 1) / factor * factor; };
    for (const int64_t threads : {1, 3}) {
      for (const Case& one : {Case{8, 4, 0}, {13, 27, 0}, {11, 30, 5}, {230, 19, 3}}) {
        Opened opened(net.file, net.options(threads, one.border));
        CHECK(opened.session.scale() == scale, "scale %d", static_cast<int>(opened.session.scale()));
        const std::vector<uint8_t> pixels = random_bytes(3 * one.height * one.width, 5);
        const int64_t before = round_up(one.border), height = before + round_up(one.height + one.border),
                      width = before + round_up(one.width + one.border);
        const std::vector<uint8_t> whole =
            run_net(net.layers, extend(pixels, one.height, one.width, before, height, width), height, width);
        const std::vector<uint8_t> expected =
            crop(whole, scale * width, scale * before, scale * before, scale * one.height, scale * one.width);
        for (const int64_t strip_rows : {0, 1, 1000}) {
          SessionConfig config = config_of(one.height, one.width);
          config.strip_rows = strip_rows;
          CHECK(opened.enlarge(pixels, config) == expected, "%d channels, products %d, %dx%d, strips of %d",
                static_cast<int>(sizes.in_channels), static_cast<int>(sizes.products), static_cast<int>(one.height),
                static_cast<int>(one.width), static_cast<int>(strip_rows));
        }
      }
    }
  }
}

// Formats with chroma for 2x2 pixels, a region at odd pixels, strips: nothing that allocates, and the same each time.
void test_no_allocation() {
  for (const L2HSizes& sizes : all_sizes()) {
    const Net net(sizes);
    Opened opened(net.file, net.options(3, 3));
    SessionConfig config = config_of(150, 32);
    config.input = config.output = PixelFormat::kNv12;
    config.region = {3, 1, 28, 148};
    const std::vector<uint8_t> pixels = random_bytes(3 * 150 * 32 / 2, 7);
    std::vector<uint8_t> results[2];
    for (int i = 0; i < 2; ++i) {
      config.strip_rows = i == 0 ? 1 : 1000;
      opened.configure(config);
      const int64_t luma = opened.session.output_width() * opened.session.output_height();
      results[i].resize(static_cast<size_t>(3 * luma / 2));
      for (int frame = 0; frame < 2; ++frame) {
        const int64_t before = num_allocations;
        opened.process({{pixels.data(), pixels.data() + 150 * 32}, {}},
                       {{results[i].data(), results[i].data() + luma}, {}});
        CHECK(num_allocations == before, "%d allocations", static_cast<int>(num_allocations - before));
      }
    }
    CHECK(results[0] == results[1], "strips change the result");
  }
}

void test_refused_nets() {
  const auto refuses = [](const L2HSizes& sizes, const char* text) {
    const RandomLayers layers(sizes);
    const std::vector<uint8_t> file = model_file(layers.tensors);
    Session session;
    CHECK(says(session.open(file.data(), file.size()), StatusCode::kBadModel, text), "%s", text);
  };
  refuses(unshuffled_sizes(4, 1), "the network must enlarge, this one has scale 1/2");
  refuses(unshuffled_sizes(3), "the network must take 3 channels, or 12 or 48 with pixel-unshuffle, this one takes 27");
}

std::vector<uint8_t> pack_ranges(const NamedTensors& blocks, const std::string& digest) {
  return model_file(blocks, {{"weights_sha256", digest}});
}

void test_what_int8_needs() {
  const RandomLayers layers(net_sizes());
  const std::vector<uint8_t> file = model_file(layers.tensors), good = ranges_file(layers);
  Session session;
  const auto open = [&](const std::vector<uint8_t>& ranges) {
    return session.open(file.data(), file.size(), int8_options(ranges));
  };
  const auto bad = [&](const std::vector<uint8_t>& ranges, const char* text) {
    return says(open(ranges), StatusCode::kBadModel, text);
  };
  CHECK(open(good).ok(), "good ranges");
  CHECK(open(ranges_file(layers, "F32")).ok(), "ranges in fp32");
  SessionOptions options;
  options.precision = Precision::kInt8;
  CHECK(says(session.open(file.data(), file.size(), options), StatusCode::kInvalidArgument, "ranges must not be null"),
        "no ranges");
  options.precision = static_cast<Precision>(4);
  CHECK(says(session.open(file.data(), file.size(), options), StatusCode::kInvalidArgument, "precision must be 0..3"),
        "precision");
  CHECK(bad({1, 2, 3}, "ranges for int8: damaged"), "short");
  CHECK(bad(file, "ranges for int8: they belong to other weights"), "a model");
  CHECK(bad(ranges_file(RandomLayers(net_sizes(1))), "belong to other weights: make them anew"), "of another net");

  const std::string text(good.begin(), good.end());
  const std::string digest = text.substr(text.find("weights_sha256") + std::string("weights_sha256\":\"").size(), 64);
  const std::vector<int64_t> shape = {layers.ranges.shape[1], layers.ranges.shape[2]};
  NamedTensors blocks;
  for (int i = 0; i < 2; ++i) blocks["dense_block." + std::to_string(i)] = {layers.ranges.data, shape};
  CHECK(bad(pack_ranges(blocks, digest), "ranges must be (3, 37, 24), got (2, 37, 24)"), "too few");
  blocks["dense_block.3"] = {layers.ranges.data, shape};
  CHECK(bad(pack_ranges(blocks, digest), "something else than ranges: dense_block.2 is missing"), "another name");
  blocks.erase("dense_block.3");
  blocks["dense_block.2"] = {layers.ranges.data, {shape[1], shape[0]}};
  CHECK(bad(pack_ranges(blocks, digest), "dense_block.2 has another shape"), "shape");
  std::vector<float> values(layers.ranges.data, layers.ranges.data + shape[0] * shape[1]);
  values[7] = -1.0f;
  blocks["dense_block.2"] = {values.data(), shape};
  CHECK(bad(pack_ranges(blocks, digest), "dense_block.2 must be finite and at least 0"), "negative");
}

void write_file(const std::string& path, const std::vector<uint8_t>& bytes) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  CHECK(file != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size(), "%s", path.c_str());
  if (file != nullptr) std::fclose(file);
}

// By a path, the ranges lie beside the model. The interface for C gives the same.
void test_ranges_beside_the_model() {
  char folder[] = "/tmp/srdgan-test-XXXXXX";
  CHECK(mkdtemp(folder) != nullptr, "no folder");
  const std::string path = std::string(folder) + "/my.net.safetensors",
                    beside = std::string(folder) + "/my.net.int8.safetensors";
  const RandomLayers layers(net_sizes());
  write_file(path, model_file(layers.tensors));
  SessionOptions options;
  options.precision = Precision::kInt8;
  Session session;
  CHECK(says(session.open(path.c_str(), options), StatusCode::kBadModel,
             "my.net.safetensors: int8 needs activation ranges, in my.net.int8.safetensors beside it: No such file"),
        "missing ranges");
  const std::vector<uint8_t> ranges = ranges_file(layers), pixels = random_bytes(3 * 64, 2);
  write_file(beside, ranges);
  std::vector<uint8_t> result(3 * 16 * 64), c_result(result.size());
  CHECK(session.open(path.c_str(), options).ok() && session.configure(config_of(8, 8)).ok(), "open");
  CHECK(session.process(from_plane(pixels.data()), to_plane(result.data())).ok(), "process");
  const std::vector<uint8_t> fp32 =
      Opened(model_file(layers.tensors), {1, -1, -1, nullptr}).enlarge(pixels, config_of(8, 8));
  CHECK(result != fp32, "int8 computes in fp32");

  srdgan_session* c_session = srdgan_session_create();
  srdgan_options c_options = srdgan_default_options();
  c_options.precision = SRDGAN_INT8;
  srdgan_config config = srdgan_default_config();
  config.width = config.height = 8;
  const srdgan_const_image input = {{pixels.data()}, {}};
  const srdgan_image output = {{c_result.data()}, {}};
  srdgan_status status;
  CHECK(srdgan_session_open(c_session, path.c_str(), &c_options, &status) == SRDGAN_OK, "C: %s", status.message);
  CHECK(srdgan_session_configure(c_session, &config, &status) == SRDGAN_OK, "C: %s", status.message);
  CHECK(srdgan_session_process(c_session, &input, &output, &status) == SRDGAN_OK, "C: %s", status.message);
  CHECK(c_result == result, "C differs");
  CHECK((srdgan_session_has_fast_int8() != 0) == Session::has_fast_int8(), "C differs");
  CHECK((srdgan_session_has_fast_bf16() != 0) == Session::has_fast_bf16(), "C differs");
  srdgan_session_destroy(c_session);
  for (const std::string& file : {path, beside}) std::remove(file.c_str());
  std::remove(folder);
}

}  // namespace

int main() {
  test_same_bits();
  test_no_allocation();
  test_refused_nets();
  test_what_int8_needs();
  test_ranges_beside_the_model();
  return test_result();
}
