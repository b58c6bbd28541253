// Digital zoom: reads raw NV12 frames from stdin, and writes them to stdout enlarged four times.
//
//   ffmpeg -v error -i in.mp4 -f rawvideo -pix_fmt nv12 - | camera 640 480 192 144 256 192 |
//     ffplay -f rawvideo -pixel_format nv12 -video_size 1024x768 -
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "srdgan/session.h"

namespace {

// Luma, then chroma of 2x2 pixels.
struct Nv12Frame {
  Nv12Frame(int64_t width, int64_t height) : luma_size(width * height), bytes(luma_size / 2 * 3) {}
  size_t luma_size;
  std::vector<unsigned char> bytes;
};

int fail(const char* message) {
  std::fprintf(stderr, "camera: %s\n", message);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 7 && argc != 8) return fail("usage: camera WIDTH HEIGHT [X Y WIDTH HEIGHT [MODEL]]");
  const auto number = [&](int index) { return std::strtoll(argv[index], nullptr, 10); };
  srdgan::SessionConfig config;
  config.input = config.output = srdgan::PixelFormat::kNv12;
  config.input_colour.siting = config.output_colour.siting = srdgan::ChromaSiting::kLeft;  // as in most videos
  config.width = number(1);
  config.height = number(2);
  if (argc > 3) config.region = {number(3), number(4), number(5), number(6)};

  srdgan::Session session;
  srdgan::Status status = session.open(argc > 7 ? argv[7] : DEFAULT_MODEL);
  if (status.ok()) status = session.configure(config);
  if (!status.ok()) return fail(status.message);

  // All memory is taken; from here on, no frame allocates anything.
  Nv12Frame frame(config.width, config.height), result(session.output_width(), session.output_height());
  int num_frames = 0;
  double seconds = 0.0;
  for (;;) {
    const size_t count = std::fread(frame.bytes.data(), 1, frame.bytes.size(), stdin);
    if (count == 0) break;
    if (count < frame.bytes.size()) return fail("the input ends within a frame");
    const auto begin = std::chrono::steady_clock::now();
    status = session.process({{frame.bytes.data(), frame.bytes.data() + frame.luma_size}, {}},
                             {{result.bytes.data(), result.bytes.data() + result.luma_size}, {}});
    if (!status.ok()) return fail(status.message);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    ++num_frames;
    if (std::fwrite(result.bytes.data(), 1, result.bytes.size(), stdout) < result.bytes.size())
      return fail("the output cannot be written");
    std::fflush(stdout);
  }
  if (num_frames == 0) return fail("the input holds no frame");
  std::fprintf(stderr, "camera: %d frames, %.1f ms each, %.0f MiB\n", num_frames, 1000.0 * seconds / num_frames,
               static_cast<double>(session.memory_bytes()) / (1 << 20));
}
