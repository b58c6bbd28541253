#include "include/srdgan/session_c.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <new>

#include "csrc/session/failure.h"
#include "include/srdgan/session.h"

struct srdgan_session {
  srdgan::Session session;
};

namespace srdgan {
namespace {

static_assert(sizeof(srdgan_status) == sizeof(Status));
static_assert(SRDGAN_TOO_SLOW == static_cast<int>(StatusCode::kTooSlow));
static_assert(SRDGAN_P010 == static_cast<int>(PixelFormat::kP010));
static_assert(SRDGAN_BT2020 == static_cast<int>(ColourMatrix::kBt2020));
static_assert(SRDGAN_AUTO == static_cast<int>(Precision::kAuto));
static_assert(SRDGAN_FULL_RANGE == static_cast<int>(ColourRange::kFull));
static_assert(SRDGAN_LEFT_SITING == static_cast<int>(ChromaSiting::kLeft));

using Job = std::function<void(int64_t)>;

int32_t report(const Status& from, srdgan_status* to) {
  const auto code = static_cast<int32_t>(from.code);
  if (to != nullptr) {
    to->code = code;
    std::memcpy(to->message, from.message, sizeof(to->message));
  }
  return code;
}

int32_t report_null(const char* name, srdgan_status* to) {
  char text[64];
  std::snprintf(text, sizeof(text), "%s must not be null", name);
  return report(make_status(StatusCode::kInvalidArgument, text), to);
}

SessionOptions read_options(const srdgan_options* options) {
  if (options == nullptr) return {};
  SessionOptions result{options->threads,
                        options->halo,
                        options->border_padding,
                        nullptr,
                        static_cast<Precision>(options->precision),
                        options->ranges,
                        options->ranges_bytes};
  if (options->parallel_for != nullptr) {
    result.parallel_for = [call = options->parallel_for, user = options->user](int64_t count, const Job& job) {
      call(
          user, count, [](void* data, int64_t index) { (*static_cast<const Job*>(data))(index); },
          const_cast<Job*>(&job));
    };
  }
  return result;
}

srdgan_yuv_colour write_colour(const YuvColour& colour) {
  return {static_cast<int32_t>(colour.matrix), static_cast<int32_t>(colour.range), static_cast<int32_t>(colour.siting)};
}

YuvColour read_colour(const srdgan_yuv_colour& colour) {
  return {static_cast<ColourMatrix>(colour.matrix), static_cast<ColourRange>(colour.range),
          static_cast<ChromaSiting>(colour.siting)};
}

template <typename To, typename From>
To read_image(const From& image) {
  To result;
  std::copy_n(image.planes, 3, result.planes);
  std::copy_n(image.strides, 3, result.strides);
  return result;
}

}  // namespace
}  // namespace srdgan

using namespace srdgan;

const char* srdgan_version(void) { return SRDGAN_VERSION; }

srdgan_options srdgan_default_options(void) {
  const SessionOptions options;
  return {options.threads, options.halo, options.border_padding, nullptr, nullptr, SRDGAN_AUTO, nullptr, 0};
}

srdgan_config srdgan_default_config(void) {
  const SessionConfig config;
  return {static_cast<int32_t>(config.input),
          static_cast<int32_t>(config.output),
          config.width,
          config.height,
          {config.region.x, config.region.y, config.region.width, config.region.height},
          write_colour(config.input_colour),
          write_colour(config.output_colour),
          config.strip_rows,
          config.row_streaming ? 1 : 0,
          config.max_latency_ms};
}

int32_t srdgan_session_has_fast_int8(void) { return Session::has_fast_int8() ? 1 : 0; }
int32_t srdgan_session_has_fast_bf16(void) { return Session::has_fast_bf16() ? 1 : 0; }

srdgan_session* srdgan_session_create(void) { return new (std::nothrow) srdgan_session; }
void srdgan_session_destroy(srdgan_session* session) { delete session; }

int32_t srdgan_session_open(srdgan_session* session, const char* path, const srdgan_options* options,
                            srdgan_status* status) {
  if (session == nullptr) return report_null("session", status);
  return report(session->session.open(path, read_options(options)), status);
}

int32_t srdgan_session_open_memory(srdgan_session* session, const void* file, size_t bytes,
                                   const srdgan_options* options, srdgan_status* status) {
  if (session == nullptr) return report_null("session", status);
  return report(session->session.open(file, bytes, read_options(options)), status);
}

int32_t srdgan_session_configure(srdgan_session* session, const srdgan_config* config, srdgan_status* status) {
  if (session == nullptr) return report_null("session", status);
  if (config == nullptr) return report_null("config", status);
  SessionConfig to;
  to.input = static_cast<PixelFormat>(config->input);
  to.output = static_cast<PixelFormat>(config->output);
  to.width = config->width;
  to.height = config->height;
  to.region = {config->region[0], config->region[1], config->region[2], config->region[3]};
  to.input_colour = read_colour(config->input_colour);
  to.output_colour = read_colour(config->output_colour);
  to.strip_rows = config->strip_rows;
  to.row_streaming = config->row_streaming != 0;
  to.max_latency_ms = config->max_latency_ms;
  return report(session->session.configure(to), status);
}

int32_t srdgan_session_process(srdgan_session* session, const srdgan_const_image* input, const srdgan_image* output,
                               srdgan_status* status) {
  if (session == nullptr) return report_null("session", status);
  if (input == nullptr) return report_null("input", status);
  if (output == nullptr) return report_null("output", status);
  return report(session->session.process(read_image<ConstImage>(*input), read_image<Image>(*output)), status);
}

int32_t srdgan_session_push_rows(srdgan_session* session, const srdgan_const_image* rows, int64_t count, int64_t* taken,
                                 srdgan_status* status) {
  if (session == nullptr) return report_null("session", status);
  if (rows == nullptr) return report_null("rows", status);
  if (taken == nullptr) return report_null("taken", status);
  return report(session->session.push_rows(read_image<ConstImage>(*rows), count, *taken), status);
}

int32_t srdgan_session_pull_rows(srdgan_session* session, const srdgan_image* rows, int64_t count, int64_t* written,
                                 srdgan_status* status) {
  if (session == nullptr) return report_null("session", status);
  if (rows == nullptr) return report_null("rows", status);
  if (written == nullptr) return report_null("written", status);
  return report(session->session.pull_rows(read_image<Image>(*rows), count, *written), status);
}

int32_t srdgan_session_restart_rows(srdgan_session* session, srdgan_status* status) {
  if (session == nullptr) return report_null("session", status);
  return report(session->session.restart_rows(), status);
}

int64_t srdgan_session_finished_rows(const srdgan_session* session) {
  return session == nullptr ? 0 : session->session.finished_rows();
}
int64_t srdgan_session_latency_rows(const srdgan_session* session) {
  return session == nullptr ? 0 : session->session.latency_rows();
}

double srdgan_session_estimated_latency_ms(const srdgan_session* session) {
  return session == nullptr ? 0.0 : session->session.estimated_latency_ms();
}

void srdgan_session_cancel(srdgan_session* session) {
  if (session != nullptr) session->session.cancel();
}
int64_t srdgan_session_memory_bytes(const srdgan_session* session) {
  return session == nullptr ? 0 : session->session.memory_bytes();
}
int64_t srdgan_session_scale(const srdgan_session* session) {
  return session == nullptr ? 0 : session->session.scale();
}
int64_t srdgan_session_output_width(const srdgan_session* session) {
  return session == nullptr ? 0 : session->session.output_width();
}
int64_t srdgan_session_output_height(const srdgan_session* session) {
  return session == nullptr ? 0 : session->session.output_height();
}
