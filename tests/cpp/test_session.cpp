// A session against the network's own run: same bits for any strips, threads and regions; no allocation in process();
// formats of the same pixels agree; cancelling; errors.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "csrc/common/picture_limits.h"
#include "include/srdgan/session.h"
#include "include/srdgan/session_c.h"
#include "tests/cpp/counting_allocator.h"
#include "tests/cpp/opened_session.h"
#include "tests/cpp/run_net.h"

using namespace srdgan;

namespace {

void test_same_bits() {
  const RandomLayers layers(net_sizes());
  const std::vector<uint8_t> file = model_file(layers.tensors);
  struct Size {
    int64_t height, width;
  };
  for (const int64_t threads : {1, 3}) {
    Opened opened(file, {threads, 0, 0, nullptr});
    for (const Size size : {Size{1, 1}, {1, 7}, {13, 2}, {37, 41}, {211, 19}}) {
      const std::vector<uint8_t> pixels = random_bytes(3 * size.height * size.width, 5);
      const std::vector<uint8_t> expected = run_net(layers, pixels, size.height, size.width);
      for (const int64_t strip_rows : {0, 1, 60, 1000}) {
        SessionConfig config = config_of(size.height, size.width);
        config.strip_rows = strip_rows;
        CHECK(opened.enlarge(pixels, config) == expected, "%dx%d, strips of %d", static_cast<int>(size.height),
              static_cast<int>(size.width), static_cast<int>(strip_rows));
      }
    }
  }
}

// Border padding and halo read mirrored pixels; a region is a crop where its halo covers the whole picture.
void test_region() {
  const RandomLayers layers(net_sizes());
  const std::vector<uint8_t> file = model_file(layers.tensors, {{"halo", "64"}, {"border_padding", "5"}});
  Opened opened(file, {2, -1, -1, nullptr});
  const int64_t height = 23, width = 31;
  const std::vector<uint8_t> pixels = random_bytes(3 * height * width, 6);
  std::vector<uint8_t> padded;
  const auto mirror = [](int64_t i, int64_t size) { return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i; };
  for (int64_t y = -5; y < height + 5; ++y)
    for (int64_t x = -5; x < width + 5; ++x)
      for (int64_t c = 0; c < 3; ++c) padded.push_back(pixels[3 * (mirror(y, height) * width + mirror(x, width)) + c]);
  const std::vector<uint8_t> expected = run_net(layers, padded, height + 10, width + 10);
  SessionConfig config = config_of(height, width);
  config.region = {3, 2, 11, 9};
  config.strip_rows = 1;
  const std::vector<uint8_t> result = opened.enlarge(pixels, config);
  CHECK(opened.session.output_width() == 44 && opened.session.output_height() == 36, "wrong size");
  int64_t differences = 0;
  for (int64_t y = 0; y < 36; ++y)
    for (int64_t i = 0; i < 3 * 44; ++i)
      differences += result[y * 3 * 44 + i] !=
                     expected[3 * kScale * (width + 10) * (kScale * (2 + 5) + y) + 3 * kScale * (3 + 5) + i];
  CHECK(differences == 0, "%d values differ", static_cast<int>(differences));
}

// The allocator counts for all threads. Frames with equal contents give equal results.
void test_no_allocation() {
  const RandomLayers layers(net_sizes());
  for (const PixelFormat format : {PixelFormat::kRgb8, PixelFormat::kNv12}) {
    Opened opened(model_file(layers.tensors), {3, 2, 2, nullptr});
    SessionConfig config = config_of(150, 32);
    config.strip_rows = 1;
    config.input = config.output = format;
    opened.configure(config);
    const std::vector<uint8_t> pixels = random_bytes(3 * 150 * 32, 7);
    std::vector<uint8_t> result(3 * 600 * 128), first;
    for (int i = 0; i < 3; ++i) {
      std::fill(result.begin(), result.end(), uint8_t{0});
      const int64_t before = num_allocations;
      opened.process({{pixels.data(), pixels.data() + 150 * 32}, {}}, {{result.data(), result.data() + 600 * 128}, {}});
      CHECK(num_allocations == before, "%d allocations", static_cast<int>(num_allocations - before));
      if (i == 0) first = result;
      CHECK(result == first, "frame %d differs", i);
    }
  }
}

void test_many_sessions() {
  const RandomLayers layers(net_sizes());
  const std::vector<uint8_t> file = model_file(layers.tensors);
  const std::vector<uint8_t> pixels = random_bytes(3 * 50 * 40, 8);
  const std::vector<uint8_t> expected = Opened(file, {1, -1, -1, nullptr}).enlarge(pixels, config_of(50, 40));
  std::vector<std::vector<uint8_t>> results(8);
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] {
      Session session;  // CHECK counts without a lock
      Status status = session.open(file.data(), file.size(), {2, -1, -1, nullptr});
      if (status.ok()) status = session.configure(config_of(50, 40));
      result.resize(expected.size());
      for (int i = 0; i < 4 && status.ok(); ++i)
        status = session.process(from_plane(pixels.data()), to_plane(result.data()));
      if (!status.ok()) result.clear();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) CHECK(result == expected, "a session disagrees");
}

void test_cancel() {
  const RandomLayers layers(net_sizes());
  Opened opened(model_file(layers.tensors), {2, -1, -1, nullptr});
  const int64_t height = 1500, width = 200;
  opened.configure(config_of(height, width));
  const std::vector<uint8_t> pixels = random_bytes(3 * height * width, 9);
  std::vector<uint8_t> result(3 * kScale * kScale * height * width);
  const auto process = [&] { return opened.session.process(from_plane(pixels.data()), to_plane(result.data())); };
  opened.session.cancel();
  CHECK(process().code == StatusCode::kCancelled, "the next call must be cancelled");

  using Clock = std::chrono::steady_clock;
  auto start = Clock::now();
  CHECK(process().ok(), "cancelled twice");
  const auto whole = Clock::now() - start;
  std::atomic<bool> started{false};
  Status status;
  start = Clock::now();
  std::thread other([&] {
    started = true;
    status = process();
  });
  while (!started) std::this_thread::yield();
  std::this_thread::sleep_for(whole / 10);
  CHECK(process().code == StatusCode::kBusy, "two calls at once");
  opened.session.cancel();
  other.join();
  CHECK(status.code == StatusCode::kCancelled, "%s", status.message);
  CHECK(Clock::now() - start < whole, "cancelling did not shorten the call");
}

// A request that comes when all work is done is for that call, not for the next one.
void test_late_cancel() {
  const std::vector<uint8_t> file = model_file(RandomLayers(net_sizes()).tensors);
  Session* running = nullptr;
  int64_t num_jobs = 0, cancel_in = 0;
  const auto host = [&](int64_t count, const std::function<void(int64_t)>& job) {
    for (int64_t i = 0; i < count; ++i) job(i);
    if (++num_jobs == cancel_in) running->cancel();
  };
  Opened opened(file, {2, -1, -1, host});
  running = &opened.session;
  opened.configure(config_of(8, 8));
  std::vector<uint8_t> pixels(3 * 64), result(16 * 3 * 64);
  const auto process = [&] { return running->process(from_plane(pixels.data()), to_plane(result.data())); };
  num_jobs = 0;
  CHECK(process().ok(), "process");
  cancel_in = num_jobs;
  num_jobs = 0;
  CHECK(process().code == StatusCode::kCancelled, "the last job of a call belongs to it");
  CHECK(process().ok(), "nobody cancelled this call");
  running->cancel();
  opened.configure(config_of(8, 8));
  CHECK(process().ok(), "a request from before configure()");
}

// A failed call leaves nothing of what was there before.
void test_after_failures() {
  const std::vector<uint8_t> file = model_file(RandomLayers(net_sizes()).tensors);
  std::vector<uint8_t> pixels(3 * 64), result(16 * 3 * 64);
  Opened opened(file);
  const auto process = [&](Session& session) {
    return session.process(from_plane(pixels.data()), to_plane(result.data()));
  };
  opened.configure(config_of(8, 8));
  CHECK(!opened.session.configure(config_of(0, 8)).ok(), "no height");
  CHECK(says(process(opened.session), StatusCode::kInvalidArgument, "configure() must come before"), "process");
  opened.configure(config_of(8, 8));
  Session moved = std::move(opened.session);
  CHECK(process(moved).ok(), "moved");
  CHECK(says(process(opened.session), StatusCode::kInvalidArgument, "it was moved from"), "moved from");
  opened.session = std::move(moved);
  CHECK(process(opened.session).ok(), "moved back");
  Opened other(file);
  other.configure(config_of(8, 8));
  opened.session = std::move(other.session);
  CHECK(process(opened.session).ok(), "moved to a session that was open");
  CHECK(!process(other.session).ok(), "a session that was moved from holds nothing");
  CHECK(!opened.session.open("/nowhere").ok() && opened.session.scale() == 0, "a missing file");
  CHECK(says(opened.session.configure(config_of(8, 8)), StatusCode::kInvalidArgument, "open() must come before"),
        "configure");
}

void test_messages() {
  Session session;
  const std::string name = "/nowhere/\xe5\x86\x99\xe7\x9c\x9f\n\xff\xc3";
  CHECK(says(session.open(name.c_str()), StatusCode::kBadModel, "/nowhere/\xe5\x86\x99\xe7\x9c\x9f???: No such file"),
        "UTF-8");
  for (const int length : {110, 121, 400}) {
    std::string path(1, '/');
    for (int i = 0; i < length; i += 3) path += "\xe5\x86\x99";
    CHECK(says(session.open(path.c_str()), StatusCode::kBadModel, length < 256 ? "No such file" : "name too long"),
          "%d bytes", length);
  }
}

void test_arguments() {
  const RandomLayers layers(net_sizes());
  const std::vector<uint8_t> file = model_file(layers.tensors);
  const auto invalid = [](const Status& status, const char* text) {
    return says(status, StatusCode::kInvalidArgument, text);
  };
  Session session;
  std::vector<uint8_t> memory(3 * 16 * 8 * 8);
  const auto process = [&] { return session.process(from_plane(memory.data()), to_plane(memory.data())); };
  CHECK(invalid(session.configure(config_of(8, 8)), "open() must come before"), "order");
  CHECK(invalid(session.open(file.data(), file.size(), {2000, -1, -1, nullptr}),
                "threads must be at most 1024, got 2000"),
        "threads");
  CHECK(session.open(file.data(), file.size(), {1, -1, -1, nullptr}).ok(), "open");
  CHECK(invalid(process(), "configure() must come before"), "order");
  CHECK(session.scale() == 4 && session.output_width() == 0 && session.memory_bytes() > 0, "properties");
  CHECK(invalid(session.configure(config_of(0, 8)), "width and height must be"), "size");
  CHECK(invalid(session.configure(config_of(8, int64_t{1} << 40)), "width and height must be"), "size");
  SessionConfig config = config_of(8, 8);
  config.region = {4, 4, 5, 1};
  CHECK(invalid(session.configure(config), "region must be a box inside"), "region");
  config.region = {-1, 0, 2, std::numeric_limits<int64_t>::max()};
  CHECK(invalid(session.configure(config), "region must be a box inside"), "region");
  config = config_of(8, 8);
  config.input = static_cast<PixelFormat>(99);
  CHECK(invalid(session.configure(config), "input format must be 0..14, got 99"), "format");
  config.input = PixelFormat::kNv12;
  config.width = 7;
  CHECK(invalid(session.configure(config), "must have an even width and height, got 7 x 8"), "odd");
  config = config_of(8, 8);
  config.input = PixelFormat::kRgb16;
  CHECK(session.configure(config).ok(), "configure");
  std::vector<uint8_t> result(3 * 16 * 8 * 8);
  const auto run = [&](const void* data, int64_t stride) {
    return session.process(from_plane(data, stride), to_plane(result.data()));
  };
  CHECK(invalid(run(nullptr, 0), "plane 0 of the input must not be null"), "null");
  CHECK(invalid(run(memory.data(), 46), "stride of at least the bytes of a row, 48, got 46"), "stride");
  CHECK(invalid(run(memory.data(), 49), "a stride that is a multiple of the bytes of a sample, 2, got 49"), "stride");
  CHECK(invalid(run(memory.data() + 1, 0), "an address that is a multiple of the bytes of a sample, 2"), "address");
  CHECK(run(memory.data(), 0).ok(), "process");
  CHECK(session.memory_bytes() > 0 && session.output_width() == 32, "properties");
  CHECK(session.open(file.data(), file.size(), {1, -1, 1, nullptr}).ok(), "open");
  CHECK(invalid(session.configure(config_of(kMaxSide >> 5, kMaxSide >> 5)),
                "with border padding must be 1..16777216 and have at most 274877906944 pixels, got 524290 x 524290"),
        "padded size");
}

void test_bad_files() {
  const RandomLayers layers(net_sizes());
  const auto bad = [](const std::vector<uint8_t>& file, const char* text) {
    Session session;
    return says(session.open(file.data(), file.size(), {1, -1, -1, nullptr}), StatusCode::kBadModel, text);
  };
  Session session;
  CHECK(says(session.open("/nowhere/model.safetensors"), StatusCode::kBadModel, "No such file"), "missing");
  CHECK(says(session.open("/"), StatusCode::kBadModel, "not a regular file"), "folder");
  const std::string pipe = "test_session_" + std::to_string(getpid()) + ".pipe";
  CHECK(mkfifo(pipe.c_str(), 0600) == 0, "mkfifo");
  CHECK(says(session.open(pipe.c_str()), StatusCode::kBadModel, "not a regular file"), "a pipe that nobody writes");
  unlink(pipe.c_str());
  CHECK(bad({1, 2, 3}, "not a safetensors file"), "short");
  const std::vector<uint8_t> file = model_file(layers.tensors);
  std::vector<uint8_t> damaged = file;
  damaged.pop_back();
  CHECK(bad(damaged, "beyond the end of the file"), "cut");
  damaged = file;
  damaged.push_back(0);
  CHECK(bad(damaged, "damaged"), "longer");
  damaged = file;
  damaged[8] = 'x';
  CHECK(bad(damaged, "damaged, or not a safetensors file: its header has no '{' at byte 0"), "no header");
  damaged = model_file(layers.tensors, {{"sha256", std::string(64, '0')}});
  CHECK(bad(damaged, "do not match their sha256"), "digest");
  NamedTensors tensors = layers.tensors;
  tensors.erase("conv_hr.bias");
  CHECK(bad(model_file(tensors), "conv_hr.bias is missing"), "missing tensor");
  tensors = layers.tensors;
  tensors["another.bias"] = tensors["conv_hr.bias"];
  CHECK(bad(model_file(tensors), "has 42 tensors, got 43"), "unknown tensor");
  NamedTensors odd;
  odd["odd\nname"] = tensors["conv_hr.bias"];
  CHECK(bad(model_file(odd, {}, "I64"), "odd?name must be F16, BF16, F32 or F64, got I64"), "type");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  tensors = layers.tensors;
  const std::vector<float> values = {0, nan, 0};
  tensors["conv_last.bias"].data = values.data();
  CHECK(bad(model_file(tensors), "NaN or infinite weights: conv_last.bias"), "NaN");
  CHECK(bad(model_file(layers.tensors, {{"halo", "-3"}}), "halo in the metadata must be a whole number"), "halo");
  CHECK(bad(model_file(layers.tensors, {{"halo", "99999"}}), "halo in the metadata must be at most 10000"), "halo");

  // Whatever bytes of the header are changed: a network or one line.
  uint32_t state = 1;
  const auto random = [&](size_t below) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
  };
  for (int i = 0; i < 2000; ++i) {
    damaged = file;
    for (size_t changes = 1 + random(3); changes > 0; --changes)
      damaged[random(600)] = static_cast<uint8_t>(random(2) == 0 ? random(256) : "{}[]\",:0129\\u"[random(13)]);
    const Status status = session.open(damaged.data(), damaged.size(), {1, -1, -1, nullptr});
    CHECK(status.code == StatusCode::kBadModel || status.ok(), "%d: %s", i, status.message);
    CHECK(status.ok() == (status.message[0] == 0), "a failure must have a message");
  }
}

void test_stored_types() {
  const RandomLayers layers(net_sizes());
  const std::vector<uint8_t> pixels = random_bytes(3 * 20 * 20, 3);
  const auto rounded = round_to_half(layers.tensors);
  const std::vector<uint8_t> expected =
      Opened(model_file(rounded.tensors), {1, -1, -1, nullptr}).enlarge(pixels, config_of(20, 20));
  CHECK(Opened(model_file(rounded.tensors, {}, "F16"), {1, -1, -1, nullptr}).enlarge(pixels, config_of(20, 20)) ==
            expected,
        "F16 differs from F32");
}

// Formats of the same samples agree; the C interface gives the same.
void test_formats_agree() {
  const RandomLayers layers(net_sizes());
  const std::vector<uint8_t> file = model_file(layers.tensors);
  const int64_t height = 14, width = 18, pixels = height * width;
  const std::vector<uint8_t> rgb = random_bytes(3 * pixels, 11);
  Opened opened(file, {2, -1, -1, nullptr});
  const std::vector<uint8_t> expected = opened.enlarge(rgb, config_of(height, width));
  const int64_t outputs = kScale * kScale * pixels;

  std::vector<uint8_t> planar(3 * pixels), planar_result(3 * outputs), bgr_result(3 * outputs);
  std::vector<float> floats(3 * pixels);
  for (int64_t i = 0; i < pixels; ++i)
    for (int64_t c = 0; c < 3; ++c) {
      planar[c * pixels + i] = rgb[3 * i + c];
      floats[3 * i + 2 - c] = static_cast<float>(rgb[3 * i + c]) / 255.0f;
    }
  SessionConfig config = config_of(height, width);
  config.input = config.output = PixelFormat::kRgbPlanar8;
  opened.configure(config);
  opened.process({{planar.data(), planar.data() + pixels, planar.data() + 2 * pixels}, {}},
                 {{planar_result.data(), planar_result.data() + outputs, planar_result.data() + 2 * outputs}, {}});
  config.input = PixelFormat::kBgrFloat;
  config.output = PixelFormat::kBgr8;
  opened.configure(config);
  // From the last row to the first.
  const int64_t stride = 3 * kScale * width;
  opened.process(from_plane(floats.data()), to_plane(bgr_result.data() + stride * (kScale * height - 1), -stride));
  int64_t differences = 0;
  for (int64_t y = 0; y < kScale * height; ++y)
    for (int64_t x = 0; x < kScale * width; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        const int64_t i = y * kScale * width + x;
        differences += planar_result[c * outputs + i] != expected[3 * i + c];
        differences += bgr_result[(kScale * height - 1 - y) * stride + 3 * x + 2 - c] != expected[3 * i + c];
      }
  CHECK(differences == 0, "%d values differ", static_cast<int>(differences));

  srdgan_session* session = srdgan_session_create();
  srdgan_status status;
  srdgan_config c_config = srdgan_default_config();
  c_config.width = width;
  c_config.height = height;
  std::vector<uint8_t> c_result(3 * outputs);
  const srdgan_const_image input = {{rgb.data()}, {0}};
  const srdgan_image output = {{c_result.data()}, {0}};
  CHECK(srdgan_session_open_memory(session, file.data(), file.size(), nullptr, &status) == SRDGAN_OK, "C");
  CHECK(srdgan_session_configure(session, &c_config, &status) == SRDGAN_OK, "C: %s", status.message);
  CHECK(srdgan_session_process(session, &input, &output, &status) == SRDGAN_OK, "C: %s", status.message);
  CHECK(c_result == expected, "C differs");
  CHECK(srdgan_session_output_width(session) == kScale * width && srdgan_session_scale(session) == kScale, "C");
  CHECK(srdgan_session_configure(session, nullptr, &status) == SRDGAN_INVALID_ARGUMENT, "C");
  srdgan_session_destroy(session);
}

// Two rows of NV12 make one of chroma, wherever a strip ends: a net of scale 1 with an odd halo.
void test_pairs_across_strips() {
  const RandomLayers layers(net_sizes(0));
  Opened opened(model_file(layers.tensors), {1, 3, 3, nullptr});
  SessionConfig config = config_of(160, 16);
  config.input = PixelFormat::kRgb8;
  config.output = PixelFormat::kNv12;
  const std::vector<uint8_t> pixels = random_bytes(3 * 160 * 16, 12);
  std::vector<uint8_t> results[2];
  for (int i = 0; i < 2; ++i) {
    config.strip_rows = i == 0 ? 1000 : 1;
    opened.configure(config);
    results[i].resize(160 * 16 * 3 / 2);
    uint8_t* data = results[i].data();
    opened.process(from_plane(pixels.data()), {{data, data + 160 * 16}, {}});
  }
  CHECK(results[0] == results[1], "strips change the result");
}

void test_not_finite() {
  const RandomLayers layers(net_sizes());
  NamedTensors tensors = layers.tensors;
  const std::vector<float> huge(3, std::numeric_limits<float>::max());
  std::vector<float> weights(3 * 8 * 9, std::numeric_limits<float>::max());
  tensors["conv_last.bias"].data = huge.data();
  tensors["conv_last.weight"].data = weights.data();
  Opened opened(model_file(tensors), {1, -1, -1, nullptr});
  opened.configure(config_of(8, 8));
  const std::vector<uint8_t> pixels = random_bytes(3 * 64, 13);
  std::vector<uint8_t> result(3 * 16 * 64);
  CHECK(says(opened.session.process(from_plane(pixels.data()), to_plane(result.data())), StatusCode::kNotFinite,
             "not finite"),
        "not finite");
}

}  // namespace

int main() {
  test_same_bits();
  test_region();
  test_no_allocation();
  test_many_sessions();
  test_cancel();
  test_late_cancel();
  test_after_failures();
  test_messages();
  test_arguments();
  test_bad_files();
  test_stored_types();
  test_formats_agree();
  test_pairs_across_strips();
  test_not_finite();
  return test_result();
}
