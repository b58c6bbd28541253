#include "csrc/kernels/cpu/l2h_pack.h"

#include <algorithm>
#include <stdexcept>

#include "csrc/kernels/cpu/upsample_conv.h"

namespace srdgan {
namespace {

using Shape = std::vector<int64_t>;

std::string to_string(const Shape& shape) {
  std::string text;
  for (const int64_t size : shape) text += (text.empty() ? "(" : ", ") + std::to_string(size);
  return text + ")";
}

const FloatTensor& find(const NamedTensors& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw std::runtime_error(name + " is missing");
  return found->second;
}

void check_shape(const std::string& name, const FloatTensor& tensor, const Shape& shape) {
  if (tensor.shape != shape)
    throw std::runtime_error(name + " must be " + to_string(shape) + ", got " + to_string(tensor.shape));
}

// The first weight of a part determines the shapes of all others.
int64_t weight_size(const NamedTensors& tensors, const std::string& name, size_t axis) {
  const FloatTensor& weight = find(tensors, name);
  if (weight.shape.size() != 4)
    throw std::runtime_error(name + " must be (C_out, C_in, 3, 3), got " + to_string(weight.shape));
  return weight.shape[axis];
}

// Layers PREFIX<first>SUFFIX, PREFIX<first + 1>SUFFIX, ...
int64_t count_layers(const NamedTensors& tensors, const std::string& prefix, int64_t first, const std::string& suffix) {
  int64_t count = 0;
  while (tensors.count(prefix + std::to_string(first + count) + suffix) > 0) ++count;
  return count;
}

// Only the packer may write to a blob; all others hold pointers to const.
template <typename T>
T* writable(const T* array) {
  return const_cast<T*>(array);
}

}  // namespace

L2HPacker::L2HPacker(L2HPart part, const NamedTensors& tensors, Products products, const FloatTensor* ranges)
    : ranges_(ranges == nullptr ? nullptr : ranges->data) {
  sizes_.part = part;
  sizes_.products = products;
  find_sizes(tensors);
  sizes_.check();
  find_layers(tensors);
  if (multiplies_int8(products) != (ranges != nullptr))
    throw std::runtime_error("int8, and nothing else, needs ranges");
  if (ranges == nullptr) return;
  const int64_t features = DenseInputs(sizes_.features, sizes_.growth).of(kDenseConvs - 1).channels_in_all();
  check_shape("ranges", *ranges, {sizes_.num_dense_blocks, kInt8RangeRows, features});
}

void L2HPacker::find_sizes(const NamedTensors& tensors) {
  const std::string first = "conv_first.weight", dense = "body.0.rdb1.conv1.weight", hr = "conv_hr.weight";
  const L2HPart part = sizes_.part;
  if (part == L2HPart::kNet) sizes_.in_channels = weight_size(tensors, first, 1);
  sizes_.features = part == L2HPart::kNet    ? weight_size(tensors, first, 0)
                    : part == L2HPart::kTail ? weight_size(tensors, hr, 0)
                                             : weight_size(tensors, dense, 1);
  if (part == L2HPart::kDenseBlock) sizes_.num_dense_blocks = 1;
  if (part == L2HPart::kNet || part == L2HPart::kTrunk)
    sizes_.num_dense_blocks = kBlocksPerRrdb * count_layers(tensors, "body.", 0, ".rdb1.conv1.weight");
  if (sizes_.num_dense_blocks > 0) sizes_.growth = weight_size(tensors, dense, 0);
  if (part == L2HPart::kNet || part == L2HPart::kTail)
    sizes_.num_upsamplings = count_layers(tensors, "conv_up", 1, ".weight");
}

void L2HPacker::find_layers(const NamedTensors& tensors) {
  size_t found = 0;
  const auto layer = [&](const std::string& name, int64_t out_channels, int64_t in_channels) {
    const FloatTensor &weight = find(tensors, name + ".weight"), &bias = find(tensors, name + ".bias");
    check_shape(name + ".weight", weight, {out_channels, in_channels, 3, 3});
    check_shape(name + ".bias", bias, {out_channels});
    found += 2;
    return Layer{weight.data, bias.data, out_channels};
  };
  const int64_t features = sizes_.features, growth = sizes_.growth;
  for (int64_t block = 0; block < sizes_.num_dense_blocks; ++block) {
    const std::string name = "body." + std::to_string(block / kBlocksPerRrdb) + ".rdb" +
                             std::to_string(block % kBlocksPerRrdb + 1) + ".conv";
    for (int64_t i = 0; i < kDenseConvs; ++i) {
      dense_.push_back(
          layer(name + std::to_string(i + 1), i + 1 < kDenseConvs ? growth : features, features + i * growth));
    }
  }
  if (sizes_.part == L2HPart::kNet) {
    first_ = layer("conv_first", features, sizes_.in_channels);
    join_body(layer("conv_body", features, features));
  }
  if (sizes_.part == L2HPart::kNet || sizes_.part == L2HPart::kTail) {
    for (int64_t i = 1; i <= sizes_.num_upsamplings; ++i)
      upsample_.push_back(layer("conv_up" + std::to_string(i), features, features));
    hr_ = layer("conv_hr", features, features);
    last_ = layer("conv_last", kImageChannels, features);
  }
  if (found != tensors.size()) {
    throw std::runtime_error(std::string("a ") + l2h_part_name(sizes_.part) + " of these layers has " +
                             std::to_string(found) + " tensors, got " + std::to_string(tensors.size()));
  }
}

// For every output channel, the weights of conv_first follow those of conv_body: the result is the sum of both layers.
void L2HPacker::join_body(const Layer& body) {
  const int64_t body_row = sizes_.features * 9, first_row = sizes_.in_channels * 9;
  body_weight_.reserve(static_cast<size_t>(sizes_.features * (body_row + first_row)));
  for (int64_t n = 0; n < sizes_.features; ++n) {
    body_weight_.insert(body_weight_.end(), body.weight + n * body_row, body.weight + (n + 1) * body_row);
    body_weight_.insert(body_weight_.end(), first_.weight + n * first_row, first_.weight + (n + 1) * first_row);
    body_bias_.push_back(body.bias[n] + first_.bias[n]);
  }
  body_ = {body_weight_.data(), body_bias_.data(), sizes_.features};
}

int64_t L2HPacker::start(void* blob) {
  jobs_.clear();
  write_l2h_blob_header(sizes_, blob);
  const L2HWeights weights = read_l2h_blob(blob, l2h_blob_bytes(sizes_));
  pack_dense(weights.dense);
  pack_dense(weights.dense_int8);
  pack_dense(weights.dense_bf16);
  const int64_t inputs[] = {sizes_.features, sizes_.in_channels};
  if (sizes_.part == L2HPart::kNet) {
    pack_conv(first_, {1, inputs + 1}, weights.first);
    pack_conv(body_, {2, inputs}, weights.body);
  }
  if (sizes_.part == L2HPart::kNet || sizes_.part == L2HPart::kTail) {
    if (has_split_tail(sizes_.products)) {
      pack_split_tail(weights);
    } else {
      for (size_t i = 0; i < upsample_.size(); ++i) pack_upsample(upsample_[i], weights.upsample[i]);
      pack_conv(hr_, {1, inputs}, weights.hr);
      pack_conv(last_, {1, inputs}, weights.last);
    }
  }
  return static_cast<int64_t>(jobs_.size());
}

void L2HPacker::pack_bias(const Layer& layer, const float* packed, int64_t padded) {
  float* padding = std::copy_n(layer.bias, layer.out_channels, writable(packed));
  std::fill_n(padding, padded - layer.out_channels, 0.0f);
}

template <typename Precision>
void L2HPacker::pack_dense(const std::vector<DenseWeights<Precision>>& blocks) {
  const DenseInputs inputs(sizes_.features, sizes_.growth);
  const WinogradSegments all = inputs.of(kDenseConvs - 1);
  for (size_t block = 0; block < blocks.size(); ++block) {
    const DenseWeights<Precision>& packed = blocks[block];
    if (packed.levels != nullptr) {
      const int64_t channels = all.channels_in_all();
      const float* ranges = ranges_ + static_cast<int64_t>(block) * kInt8RangeRows * channels;
      winograd_pack_levels(ranges, all, writable(packed.levels));
      winograd_pack_deviations(ranges + Int8::kPoints * channels, sizes_.features, writable(packed.deviation_weights));
    }
    for (int64_t i = 0; i < kDenseConvs; ++i) {
      pack_conv(dense_[block * kDenseConvs + static_cast<size_t>(i)], inputs.of(i), packed.convs[i], packed.levels);
    }
  }
}

// One job a panel: the bias now, the weights later.
template <typename Precision>
void L2HPacker::pack_conv(const Layer& layer, const WinogradSegments& inputs, const PackedConv<Precision>& packed,
                          const float* levels) {
  pack_bias(layer, packed.bias, winograd_pad(layer.out_channels));
  const std::vector<int64_t> channels(inputs.channels, inputs.channels + inputs.count);
  const int64_t levels_stride = DenseInputs(sizes_.features, sizes_.growth).of(kDenseConvs - 1).depth();
  for (int64_t panel = 0; panel < winograd_pad(layer.out_channels) / kWinogradPanel; ++panel) {
    jobs_.push_back([=] {
      const WinogradSegments segments{static_cast<int64_t>(channels.size()), channels.data()};
      if constexpr (std::is_same_v<Precision, Int8>) {
        winograd_pack_int8(layer.weight, segments, layer.out_channels, levels, levels_stride, writable(packed.weight),
                           writable(packed.start), writable(packed.steps), panel);
        winograd_pack_tap_sums(layer.weight, segments, layer.out_channels, writable(packed.tap_sums), panel);
      } else if constexpr (std::is_same_v<Precision, Bfloat16>) {
        bf16_pack(layer.weight, segments, layer.out_channels, writable(packed.weight), panel);
      } else {
        winograd_pack(layer.weight, segments, layer.out_channels, writable(packed.weight), panel, panel + 1);
      }
    });
  }
}

void L2HPacker::pack_split_tail(const L2HWeights& weights) {
  const auto pack_layer = [&](const Layer& layer, const Bf16SplitLayer& split, const PackedConv<Bfloat16>& packed,
                              auto* pack) {
    pack_bias(layer, packed.bias, split.padded_outputs);
    for (int64_t panel = 0; panel < split.panels(); ++panel)
      jobs_.push_back([=] { pack(layer.weight, split, writable(packed.weight), panel); });
  };
  for (size_t i = 0; i < upsample_.size(); ++i)
    pack_layer(upsample_[i], sizes_.split_layer(), weights.split_upsample[i], bf16_pack_phases);
  pack_layer(hr_, sizes_.split_layer(), weights.split_hr, bf16_pack_split);
  pack_layer(last_, sizes_.split_last(), weights.split_last, bf16_pack_split);
}

void L2HPacker::pack_upsample(const Layer& layer, const PackedUpsample& packed) {
  pack_bias(layer, packed.bias, winograd_pad(layer.out_channels));
  jobs_.push_back(
      [=] { upsample_conv_pack(layer.weight, layer.out_channels, layer.out_channels, writable(packed.weight)); });
}

}  // namespace srdgan
