// max_latency_ms: what configure() measures is about what process() takes; limits are kept.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <vector>

#include "include/srdgan/session.h"
#include "include/srdgan/session_c.h"
#include "tests/cpp/opened_session.h"

using namespace srdgan;

namespace {

constexpr double kFactor = 2.5;  // by which an estimate may be wrong
constexpr int kAttempts = 5;     // other programs may disturb some

SessionConfig limited(SessionConfig config, double milliseconds) {
  config.max_latency_ms = milliseconds;
  return config;
}

double measure(Session& session, const ConstImage& input, const Image& output) {
  std::vector<double> milliseconds;
  for (int i = 0; i < 3; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    CHECK(session.process(input, output).ok(), "process");
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  return milliseconds[1];
}

// Small pictures are measured whole, large ones by a sample.
void test_estimates() {
  const RandomLayers layers(net_sizes());
  Opened opened(model_file(layers.tensors), {2, 8, 4, nullptr});
  struct Case {
    int64_t height, width;
    Region region;
    PixelFormat format;
  };
  for (const Case& one :
       {Case{40, 30, {}, PixelFormat::kRgb8}, Case{300, 400, {}, PixelFormat::kRgb8},
        Case{80, 1400, {}, PixelFormat::kNv12}, Case{2000, 1000, {10, 20, 300, 300}, PixelFormat::kRgb8}}) {
    SessionConfig config = config_of(one.height, one.width);
    config.region = one.region;
    config.input = config.output = one.format;
    double ratio = 0.0;
    for (int attempt = 0; attempt < kAttempts && !(ratio > 1 / kFactor && ratio < kFactor); ++attempt) {
      opened.configure(limited(config, 1e6));
      const double estimate = opened.session.estimated_latency_ms();
      std::vector<uint8_t> input(3 * one.height * one.width),
          output(3 * opened.session.output_width() * opened.session.output_height());
      const size_t chroma = input.size() / 3, large = output.size() / 3;  // planes of NV12
      ratio = estimate / measure(opened.session, {{input.data(), input.data() + chroma}, {}},
                                 {{output.data(), output.data() + large}, {}});
    }
    CHECK(ratio > 1 / kFactor && ratio < kFactor, "%dx%d: %.2f times what it takes", static_cast<int>(one.width),
          static_cast<int>(one.height), ratio);
  }
}

void test_limits() {
  const RandomLayers layers(net_sizes());
  const std::vector<uint8_t> file = model_file(layers.tensors);
  Opened opened(file, {1, -1, -1, nullptr});
  std::vector<uint8_t> input(3 * 300 * 200), output(16 * input.size());
  Status status = opened.session.configure(limited(config_of(300, 200), 0.01));
  CHECK(status.code == StatusCode::kTooSlow, "%s", status.message);
  CHECK(std::strstr(status.message, "a picture will take about ") != nullptr &&
            std::strstr(status.message, " ms here, longer than the limit of 0.01 ms") != nullptr,
        "%s", status.message);
  CHECK(opened.session.estimated_latency_ms() > 0.01, "the estimate must be kept");
  CHECK(opened.session.process(from_plane(input.data()), to_plane(output.data())).code == StatusCode::kInvalidArgument,
        "a session that is too slow must not be configured");
  for (const double wrong : {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    status = opened.session.configure(limited(config_of(300, 200), wrong));
    CHECK(status.code == StatusCode::kInvalidArgument &&
              std::strstr(status.message, "max_latency_ms must be a number of at least 0") != nullptr,
          "%s", status.message);
  }
  opened.configure(config_of(300, 200));
  CHECK(opened.session.estimated_latency_ms() == 0.0, "nothing was to be measured");
  opened.process(from_plane(input.data()), to_plane(output.data()));

  srdgan_session* session = srdgan_session_create();
  srdgan_config config = srdgan_default_config();
  config.width = config.height = 30;
  config.max_latency_ms = 1e-6;
  CHECK(srdgan_session_open_memory(session, file.data(), file.size(), nullptr, nullptr) == SRDGAN_OK, "open");
  CHECK(srdgan_session_configure(session, &config, nullptr) == SRDGAN_TOO_SLOW, "C");
  CHECK(srdgan_session_estimated_latency_ms(session) > 1e-6, "C");
  srdgan_session_destroy(session);
}

}  // namespace

int main() {
  test_estimates();
  test_limits();
  return test_result();
}
