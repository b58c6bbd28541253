// Damages blobs, reads them and, where they are accepted, computes with them: nothing but an error or some numbers may
// come of it. A fuzz test for sanitizers: build it with -DSRDGAN_SANITIZE=address,undefined.
//
//   fuzz_l2h_pack [MUTATIONS [SEED]]
#include <algorithm>
#include <cinttypes>
#include <random>
#include <stdexcept>

#include "csrc/kernels/cpu/l2h_net.h"
#include "tests/cpp/blob.h"
#include "tests/cpp/isas.h"

using namespace srdgan;

namespace {

using Random = std::mt19937_64;

int64_t pick(Random& random, int64_t end) { return static_cast<int64_t>(random() % static_cast<uint64_t>(end)); }

std::vector<Blob> make_seeds() {
  std::vector<Blob> seeds;
  for (const Products products :
       {Products::kFloat32, Products::kInt8, Products::kBfloat16, Products::kInt8AndBfloat16}) {
    for (const L2HPart part : {L2HPart::kNet, L2HPart::kTrunk, L2HPart::kDenseBlock, L2HPart::kTail}) {
      L2HSizes sizes;
      sizes.part = part;
      if (part != L2HPart::kTail) sizes.products = products;
      sizes.features = 3;
      if (part == L2HPart::kNet) sizes.in_channels = 3;
      if (part != L2HPart::kTail) sizes.growth = 2;
      if (part != L2HPart::kTail) sizes.num_dense_blocks = part == L2HPart::kDenseBlock ? 1 : 3;
      if (part == L2HPart::kNet || part == L2HPart::kTail) sizes.num_upsamplings = 1;
      seeds.push_back(RandomLayers(sizes).pack());
    }
  }
  return seeds;
}

// Header and directory are hit as often as all sections together.
Blob mutate(const Blob& seed, Random& random) {
  int64_t bytes = seed.bytes;
  if (pick(random, 8) == 0) bytes = pick(random, 2) == 0 ? pick(random, 256) : bytes - 128 + pick(random, 256);
  Blob blob = seed.copy(bytes);
  for (int64_t i = 1 + pick(random, 4); i > 0 && bytes > 0; --i) {
    const int64_t end = std::min(bytes, pick(random, 2) == 0 ? bytes : int64_t{256});
    const int64_t at = pick(random, end);
    const int64_t length = std::min<int64_t>(int64_t{1} << pick(random, 4), bytes - at);
    const uint64_t values[] = {random(), 0, ~uint64_t{0}, uint64_t{1} << pick(random, 64), 0x7FFFFFFF7FFFFFFF};
    const uint64_t value = values[pick(random, 5)];
    std::memcpy(blob.data() + at, &value, static_cast<size_t>(length));
  }
  // Half of the mutations are by somebody who means it: length and checksum fit.
  if (bytes < static_cast<int64_t>(sizeof(L2HBlobHeader)) || pick(random, 2) == 0) return blob;
  L2HBlobHeader header;
  std::memcpy(&header, blob.data(), sizeof(header));
  header.bytes = static_cast<uint64_t>(bytes);
  std::memcpy(blob.data(), &header, sizeof(header));
  if (header.num_sections < 0 || header.num_sections > (bytes - static_cast<int64_t>(sizeof(header))) / 16) return blob;
  header.checksum = l2h_blob_checksum(blob.data());
  std::memcpy(blob.data(), &header, sizeof(header));
  return blob;
}

void compute(const L2HWeights& weights, CpuIsa isa) {
  constexpr int64_t kHeight = 7, kWidth = 9;
  const L2HSizes& sizes = weights.sizes;
  const int64_t pixels = kHeight * kWidth, scale = sizes.scale();
  std::vector<float> input(static_cast<size_t>(std::max(sizes.in_channels, sizes.features) * pixels), 0.5f);
  std::vector<float> output(static_cast<size_t>(std::max(kImageChannels * scale * scale, sizes.features) * pixels));
  L2HData data{};
  data.picture = {input.data(), sizes.in_channels, pixels, kWidth, 0};
  data.features_in = FeatureMap::dense(input.data(), kHeight, kWidth, sizes.features);
  data.features_out = FeatureMap::dense(output.data(), kHeight, kWidth, sizes.features);
  data.result = {output.data(), kImageChannels, scale * scale * pixels, scale * kWidth, 0};
  L2HRun run(weights, 0.2f, kHeight, kWidth, kHeight, 1, isa);
  std::vector<float> state(static_cast<size_t>(run.state_floats())),
      workspace(static_cast<size_t>(run.workspace_floats()));
  run.clear_borders(state.data());
  const auto wavefront = run.plan(state.data(), workspace.data(), data, 0, kHeight);
  std::vector<float> scratch(static_cast<size_t>(wavefront->scratch_floats()));
  wavefront->work(0, scratch.data());
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t mutations = argc > 1 ? std::atoll(argv[1]) : 2000;
  const uint64_t seed = argc > 2 ? static_cast<uint64_t>(std::atoll(argv[2])) : 1;
  Random random(seed);
  const std::vector<Blob> seeds = make_seeds();
  for (const Blob& blob : seeds) {
    for (const CpuIsa isa : tested_isas()) compute(blob.read(), isa);
  }
  int64_t accepted = 0;
  for (int64_t i = 0; i < mutations; ++i) {
    const Blob blob = mutate(seeds[static_cast<size_t>(pick(random, static_cast<int64_t>(seeds.size())))], random);
    try {
      const L2HWeights weights = blob.read();
      ++accepted;
      compute(weights, tested_isas()[static_cast<size_t>(pick(random, static_cast<int64_t>(tested_isas().size())))]);
    } catch (const std::runtime_error&) {
    }
  }
  std::printf("seed %" PRIu64 ": %" PRId64 " of %" PRId64 " mutated blobs were accepted and computed with\n", seed,
              accepted, mutations);
  CHECK(accepted > mutations / 20 && accepted < mutations, "the mutations are too hard or too soft");
  return test_result();
}
