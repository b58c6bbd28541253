#include "csrc/kernels/cuda/l2h_net.h"

#include <utility>

namespace srdgan::gpu {
namespace {

int64_t growth_channels(const NetWeights& weights) {
  return weights.blocks.empty() ? 0 : weights.blocks.front().convs[0].outputs;
}

// Features that lie alone, densely.
struct DenseMap {
  uint16_t* data;
  ConvSize size;
  int64_t channels;

  Strides strides() const { return Strides::dense(size.height, size.width, channels); }
  FeatureInput input() const { return {data, data, static_cast<int32_t>(channels / kGroupChannels), 0, strides()}; }
  FeatureOutput output() const { return {data, nullptr, nullptr, 0.0f, 0.0f, strides()}; }
};

}  // namespace

L2HNetRun::L2HNetRun(NetWeights weights, const ConvSize& size)
    : weights_(std::move(weights)),
      size_(size),
      features_(weights_.first.outputs),
      slab_(size, features_, growth_channels(weights_)) {}

bool L2HNetRun::fuses_end() const { return features_ <= kMostHrLastFeatures; }

int64_t L2HNetRun::map_elements(int64_t scale) const {
  return size_.batch * size_.height * size_.width * scale * scale * features_;
}

int64_t L2HNetRun::map_elements_of_turn(int turn) const {
  // The enlarged maps, then that of conv_hr.
  const int last = static_cast<int>(weights_.upsample.size()) - (fuses_end() ? 1 : 0);
  int64_t most = 0;
  for (int i = turn; i <= last; i += 2) most = map_elements(int64_t{2} << i < scale() ? int64_t{2} << i : scale());
  return most;
}

cudaError_t L2HNetRun::launch(const Context& context, const PictureInput& picture, const PictureOutput& result,
                              void* workspace) const {
  TrunkSlab slab = slab_;
  slab.use(workspace);
  uint16_t* large[2];
  large[0] = static_cast<uint16_t*>(workspace) + slab.elements();
  large[1] = large[0] + map_elements_of_turn(0);

  constexpr int kInput = TrunkSlab::kTrunkInput;
  cudaError_t error = launch_conv_first(context, size_, picture, weights_.first, slab.map_output(kInput));
  if (error != cudaSuccess) return error;
  // What came before conv_first may be anything, but the others come behind a kernel that waits.
  Context next = context;
  if (context.gpu.can_start_early()) next.start = Start::kEarly;
  int trunk_result = kInput;
  error = launch_rrdb_trunk(next, slab, weights_.blocks.data(),
                            static_cast<int64_t>(weights_.blocks.size()) / kBlocksPerRrdb, &trunk_result);
  if (error != cudaSuccess) return error;
  const int body = (trunk_result + 1) % kInput;
  error = launch_conv3x3(next, size_, slab.input(trunk_result, 0), weights_.body, slab.map_output(body, kInput, 1.0f));

  ConvSize size = size_;
  FeatureInput features = slab.input(body, 0);
  int turn = 0;
  for (const ConvWeights& weights : weights_.upsample) {
    if (error != cudaSuccess) return error;
    const DenseMap map{large[turn], {size.batch, 2 * size.height, 2 * size.width}, features_};
    error = launch_upsample_conv3x3(next, size, features, weights, map.output());
    size = map.size;
    features = map.input();
    turn = 1 - turn;
  }
  if (error != cudaSuccess) return error;
  if (fuses_end()) return launch_conv_hr_last(next, size, features, weights_.hr, weights_.last, result);
  const DenseMap hr{large[turn], size, features_};
  error = launch_conv3x3(next, size, features, weights_.hr, hr.output());
  if (error != cudaSuccess) return error;
  return launch_conv_last(next, size, hr.input(), weights_.last, result);
}

}  // namespace srdgan::gpu
