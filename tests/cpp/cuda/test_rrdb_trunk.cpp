// Dense blocks and RRDBs on a slab against double: the error must be that of a few roundings to 16 bits.
#include "csrc/kernels/cuda/rrdb_trunk.h"
#include "tests/cpp/cuda/random_net.h"

using namespace srdgan::gpu;

namespace {

struct Case {
  ElementType type;
  ConvSize size;
  int64_t features, growth, num_rrdbs;
  bool half_sums = false;
};

// 16-bit elements have so many bits that several roundings in a row stay below this, relative to the features.
double bound(ElementType type) { return type == ElementType::kFloat16 ? 1e-3 : 8e-3; }

// num_rrdbs 0: one dense block from map 1 to map 0 with map 2 around it.
void check(const Case& c) {
  char name[200];
  std::snprintf(name, sizeof name, "%s, %ldx%ldx%ld, %ld/%ld, %ld RRDBs",
                c.type == ElementType::kFloat16 ? "f16" : "bf16", static_cast<long>(c.size.batch),
                static_cast<long>(c.size.height), static_cast<long>(c.size.width), static_cast<long>(c.features),
                static_cast<long>(c.growth), static_cast<long>(c.num_rrdbs));
  const RandomNet net(std::max<int64_t>(c.num_rrdbs, 1), c.features, c.growth, 0);
  const DeviceNet device(net, c.type);
  TrunkSlab slab(c.size, pad_channels(c.features), pad_channels(c.growth));
  const Map x = random_map(c.size, c.features, c.type, 1), outer = random_map(c.size, c.features, c.type, 2);
  const Map zeros(c.size.batch, c.size.height, c.size.width, pad_channels(c.features) - c.features);
  const int input = c.num_rrdbs == 0 ? 1 : TrunkSlab::kTrunkInput;
  std::vector<uint16_t> before = empty_memory(slab.elements());
  slab.use(before.data());
  const auto place = [&](int map) { return slab.map(map) - slab.map(0); };
  write_map(concatenate({&x, &zeros}), before, c.type, slab.strides(), place(input));
  write_map(concatenate({&outer, &zeros}), before, c.type, slab.strides(), place(2));
  Elements memory("slab", before, simt::Access::kReadWrite);
  slab.use(memory.data());

  int result = 0;
  const std::vector<uint16_t> after = simt::run_in_each_order(memory, [&] {
    const Context context{c.type, c.half_sums, gpu_of_order(), nullptr};
    return c.num_rrdbs == 0 ? launch_dense_block(context, slab, device.weights.blocks[0], input, result, 2)
                            : launch_rrdb_trunk(context, slab, device.weights.blocks.data(), c.num_rrdbs, &result);
  });
  const Map got = read_map(after, c.type, c.size, slab.strides(), place(result), c.features);
  const Map kept = read_map(after, c.type, c.size, slab.strides(), place(input), c.features);
  const Map reference = c.num_rrdbs == 0 ? add_scaled(outer, 0.2, reference_dense_block(x, net.dense.data()))
                                         : reference_trunk(x, net.dense);
  const double error = rms_difference(got, reference) / rms(reference);
  CHECK(error < bound(c.type), "%s: relative error %.2g", name, error);
  CHECK(kept.values == x.values, "%s: the input was overwritten", name);
}

}  // namespace

int main() {
  const ElementType f16 = ElementType::kFloat16, bf16 = ElementType::kBFloat16;
  check({f16, {1, 17, 5}, 64, 32, 0});
  check({bf16, {2, 3, 19}, 32, 16, 0});
  check({f16, {1, 5, 7}, 10, 5, 0});  // padded channels
  check({f16, {2, 4, 9}, 32, 16, 3});
  check({bf16, {1, 9, 4}, 64, 32, 1});
  check({f16, {1, 3, 5}, 64, 32, 1, true});
  return test_result();
}
