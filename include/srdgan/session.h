// Enlarges pictures with an L2H network (srdgan_rt/models/l2h.py), without PyTorch and Python.
//
//   srdgan::Session session;
//   srdgan::Status status = session.open("srdgan-x4-fast.safetensors");
//   srdgan::SessionConfig config;
//   config.width = 640;
//   config.height = 480;
//   if (status.ok()) status = session.configure(config);
//   if (status.ok()) status = session.process({{pixels}, {stride}}, {{result}, {result_stride}});
//   if (!status.ok()) std::fprintf(stderr, "%s\n", status.message);
//
// Nothing here throws. Results are those of `srdgan_rt.Upscaler` with its engine native, bit for bit, for RGB and BGR.
// session_c.h is the same for C.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#if defined(__GNUC__)
#define SRDGAN_API __attribute__((visibility("default")))
#else
#define SRDGAN_API
#endif

namespace srdgan {

enum class StatusCode : int32_t {
  kOk,
  kInvalidArgument,  // an argument breaks a rule, or calls come in a wrong order
  kBadModel,         // the model file is missing or damaged, or holds another network
  kOutOfMemory,      // memory or threads
  kCancelled,
  kBusy,       // another thread is in a call of the same session
  kNotFinite,  // the network's result is not finite; the contents of the output are undefined
  kTooSlow,    // a picture would take longer than max_latency_ms
};

struct Status {
  StatusCode code = StatusCode::kOk;
  char message[256] = "";  // one line that names the rule and the value; empty with kOk

  bool ok() const { return code == StatusCode::kOk; }
};

enum class PixelFormat : int32_t {
  // One plane of interleaved samples: uint8, uint16, or float in [0, 1].
  kRgb8,
  kBgr8,
  kRgba8,  // with a fourth sample, alpha: ignored in the input, 255 in the result
  kBgra8,
  kRgb16,
  kBgr16,
  kRgbFloat,
  kBgrFloat,
  // Three planes: red, green, blue.
  kRgbPlanar8,
  kRgbPlanar16,
  kRgbPlanarFloat,
  // YUV 4:2:0: luma, and chroma of 2x2 pixels each. Width and height must be even.
  kNv12,  // two planes: luma; chroma Cb, Cr
  kNv21,  // two planes: luma; chroma Cr, Cb
  kI420,  // three planes: luma, Cb, Cr
  kP010,  // as kNv12; 10 bits, the upper ones of 16
};

enum class ColourMatrix : int32_t { kBt601, kBt709, kBt2020 };
enum class ColourRange : int32_t { kLimited, kFull };  // of 8 bits: 16..235 (chroma 16..240), or 0..255
// Where a sample of chroma lies among its 2x2 pixels: in their middle, as in JPEG files; or at the left, between the
// two left ones, as in most MPEG-2, H.264 and H.265 videos.
enum class ChromaSiting : int32_t { kCentre, kLeft };

// How YUV formats stand for colours; ignored for others.
struct YuvColour {
  ColourMatrix matrix = ColourMatrix::kBt709;
  ColourRange range = ColourRange::kLimited;
  ChromaSiting siting = ChromaSiting::kCentre;
};

// Planes in the caller's memory. Strides are bytes from row to row; 0 stands for rows without gaps. They may be
// negative. 16-bit and float samples must be aligned. Planes that a format does not have are ignored.
struct ConstImage {
  const void* planes[3] = {};
  int64_t strides[3] = {};
};
struct Image {
  void* planes[3] = {};
  int64_t strides[3] = {};
};

// Calls job(i) once for each i of 0 .. count - 1, on any threads, at the same time or one after another, and returns
// when all calls have returned. A host application gives it to a session so that the work runs on its own threads.
using ParallelFor = std::function<void(int64_t count, const std::function<void(int64_t)>& job)>;

// Of the numbers that are multiplied in most layers; sums and shortcuts are fp32.
enum class Precision : int32_t {
  kFp32,
  kInt8,  // with activation ranges of the network; see Session::has_fast_int8()
  kBf16,  // bfloat16; see Session::has_fast_bf16()
  kAuto,  // kBf16 where that is fast, else kFp32; 8-bit results differ by at most 1
};

struct SessionOptions {
  int64_t threads = 0;          // that compute, the caller's among them; 0: one for each processor
  int64_t halo = -1;            // pixels that are read around a region; -1: the model's own value
  int64_t border_padding = -1;  // pixels by which the picture is continued, mirrored; -1: the model's own value
  // If given, the session starts no threads, and calls it with a count of `threads`. One call at a time for a session.
  ParallelFor parallel_for = nullptr;
  Precision precision = Precision::kAuto;
  // For int8: a file of activation ranges in memory, which need not outlive open(). Null: open() with a path reads the
  // file beside the model's, model.int8.safetensors beside model.safetensors.
  const void* ranges = nullptr;
  size_t ranges_bytes = 0;
};

struct Region {
  int64_t x = 0;
  int64_t y = 0;
  int64_t width = 0;
  int64_t height = 0;
};

struct SessionConfig {
  PixelFormat input = PixelFormat::kRgb8;
  PixelFormat output = PixelFormat::kRgb8;
  int64_t width = 0;  // of the input
  int64_t height = 0;
  Region region;  // of the input that is enlarged; empty: all of it
  YuvColour input_colour;
  YuvColour output_colour;
  // Rows that are computed at a time, rounded up to what is possible; 0 chooses 128 rows or the whole picture,
  // whichever takes less memory. The result does not depend on it.
  int64_t strip_rows = 0;
  // Takes memory for push_rows() and pull_rows(), too. With 0 for strip_rows, strips are then as low as possible.
  bool row_streaming = false;
  // If above 0, configure() measures how long process() will take for a picture, which takes a fraction of a second,
  // and fails with kTooSlow if that is longer. Other programs that compute at the same time count, too.
  double max_latency_ms = 0.0;
};

// One network with its threads. Sessions do not wait for each other. A session serves one thread at a time: calls of
// others fail with kBusy meanwhile. cancel() and the const functions may be called at any time; the latter tell what
// was so when the last call ended. No call may run when a session is destroyed or moved. After a fork, the child
// process needs a session of its own.
class SRDGAN_API Session {
 public:
  Session() noexcept;
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  // Calls of a session that was moved from fail.
  Session(Session&& other) noexcept;
  Session& operator=(Session&& other) noexcept;

  // Whether this processor has instructions for int8: VNNI, or ARM's dotprod. Without them int8 is slower than fp32.
  static bool has_fast_int8() noexcept;
  // Whether this processor multiplies matrices of bfloat16: AMX, on Linux. Without it bf16 is far slower than fp32.
  static bool has_fast_bf16() noexcept;

  // Reads a safetensors file with the names of this project (body.N.rdbK.convJ, ...), and packs its weights. A network
  // whose conv_first reads 12 or 48 channels has a pixel-unshuffle by 2 or 4, which divides its scale. Where it fails,
  // the session holds no network.
  Status open(const char* path, const SessionOptions& options = {}) noexcept;
  // The same from memory, which need not outlive the call.
  Status open(const void* file, size_t bytes, const SessionOptions& options = {}) noexcept;

  // Takes all memory that process() needs for pictures of this form. After open(). Where it fails, the session is not
  // configured any more.
  Status configure(const SessionConfig& config) noexcept;

  // Enlarges a picture. It allocates nothing. Input and output must not overlap.
  Status process(const ConstImage& input, const Image& output) noexcept;

  // For rows that arrive one after another, as from a sensor, after configure() with row_streaming: takes the next rows
  // of a picture, and computes what they complete. The results are those of process(), bit for bit. It allocates
  // nothing, and needs memory for some strips of rows only. `rows` begins with the first of `count` rows; formats with
  // chroma for 2x2 pixels come in pairs of rows. `taken` is less than `count` where results wait for pull_rows(): the
  // rest is to be pushed again afterwards. All rows of the picture must be pushed, also those outside the region; then
  // the next picture can begin.
  Status push_rows(const ConstImage& rows, int64_t count, int64_t& taken) noexcept;

  // Writes the next rows of the result, as many as are finished, and at most `count`; `written` may be 0.
  Status pull_rows(const Image& rows, int64_t count, int64_t& written) noexcept;

  // Gives up the picture whose rows are being pushed, such as one whose other rows were lost: the next rows that are
  // pushed are the first ones of a picture. Results that were not pulled are gone.
  Status restart_rows() noexcept;

  // Rows that pull_rows() can give now.
  int64_t finished_rows() const noexcept;

  // So many rows below a pixel must have been pushed before its result can be pulled, at most; 0 without row streaming.
  // It is the same for all pictures that are high enough: it depends on the network, the width and the strips.
  int64_t latency_rows() const noexcept;

  // What the last configure() with max_latency_ms has measured, also where it failed with kTooSlow; else 0.
  double estimated_latency_ms() const noexcept;

  // Makes the call of process(), push_rows() or pull_rows() that runs, or the next one if none runs, end early with
  // kCancelled. The contents of its output are undefined. A picture in rows then begins anew. From any thread. open()
  // and configure() forget a request that no call has met.
  void cancel() noexcept;

  // Bytes that the session holds: packed weights, and after configure() the memory of process().
  int64_t memory_bytes() const noexcept;
  // Enlargement of the network, 1, 2 or 4; 0 before open().
  int64_t scale() const noexcept;
  // Of the result; 0 before configure().
  int64_t output_width() const noexcept;
  int64_t output_height() const noexcept;

 private:
  class Impl;
  Impl* impl_;
};

}  // namespace srdgan
