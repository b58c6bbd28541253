// Blobs: what is packed is read again, whatever is changed in header or directory is an error, and layers that do not
// make up a part of a net are refused.
#include <algorithm>
#include <array>
#include <functional>
#include <stdexcept>

#include "csrc/kernels/cpu/upsample_conv.h"
#include "tests/cpp/blob.h"

using namespace srdgan;

namespace {

L2HSizes small_net(Products products) {
  L2HSizes sizes;
  sizes.products = products;
  sizes.in_channels = 3;
  sizes.features = 17;
  sizes.growth = 5;
  sizes.num_dense_blocks = 3;
  sizes.num_upsamplings = 2;
  return sizes;
}

constexpr Products kAllProducts[] = {Products::kFloat32, Products::kInt8, Products::kBfloat16,
                                     Products::kInt8AndBfloat16};

// The message of the error, or nothing.
std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

#define CHECK_ERROR(expected, call)                                                                        \
  do {                                                                                                     \
    const std::string message = error_of([&] { call; });                                                   \
    CHECK(message.find(expected) != std::string::npos, "the error is \"%s\", not \"%s\"", message.c_str(), \
          std::string(expected).c_str());                                                                  \
  } while (false)

void check_conv(const FloatTensor& weight, const FloatTensor& bias, const std::vector<int64_t>& inputs,
                const PackedConv<Float32>& packed) {
  const int64_t out_channels = weight.shape[0], padded = winograd_pad(out_channels);
  const WinogradSegments segments{static_cast<int64_t>(inputs.size()), inputs.data()};
  std::vector<float> alone(static_cast<size_t>(winograd_packed_size<Float32>(segments, out_channels)));
  winograd_pack(weight.data, segments, out_channels, alone.data(), 0, padded / kWinogradPanel);
  CHECK(std::equal(alone.begin(), alone.end(), packed.weight), "the weights differ");
  CHECK(std::equal(bias.data, bias.data + out_channels, packed.bias), "the bias differs");
  CHECK(std::all_of(packed.bias + out_channels, packed.bias + padded, [](float b) { return b == 0.0f; }),
        "the bias is not filled up with zeros");
}

void check_contents() {
  const RandomLayers layers(small_net(Products::kFloat32));
  const Blob blob = layers.pack();
  const L2HWeights weights = blob.read();
  const auto tensor = [&](const std::string& name) { return layers.tensors.at(name); };
  check_conv(tensor("conv_first.weight"), tensor("conv_first.bias"), {3}, weights.first);
  check_conv(tensor("conv_hr.weight"), tensor("conv_hr.bias"), {17}, weights.hr);
  check_conv(tensor("conv_last.weight"), tensor("conv_last.bias"), {17}, weights.last);
  CHECK(weights.dense.size() == 3 && weights.dense_int8.empty(), "%zu dense blocks", weights.dense.size());
  check_conv(tensor("body.0.rdb2.conv3.weight"), tensor("body.0.rdb2.conv3.bias"), {17, 5, 5},
             weights.dense[1].convs[2]);
  check_conv(tensor("body.0.rdb3.conv5.weight"), tensor("body.0.rdb3.conv5.bias"), {17, 5, 5, 5, 5},
             weights.dense[2].convs[4]);

  std::vector<float> up(kUpsampleConvProducts * upsample_conv_num_panels(17) * 17 * kUpsampleConvPanel);
  upsample_conv_pack(tensor("conv_up2.weight").data, 17, 17, up.data());
  CHECK(std::equal(up.begin(), up.end(), weights.upsample[1].weight), "conv_up2 differs");

  // conv_body reads the features and then the picture.
  std::vector<float> both, bias;
  for (int64_t n = 0; n < 17; ++n) {
    both.insert(both.end(), tensor("conv_body.weight").data + n * 17 * 9,
                tensor("conv_body.weight").data + (n + 1) * 17 * 9);
    both.insert(both.end(), tensor("conv_first.weight").data + n * 27, tensor("conv_first.weight").data + (n + 1) * 27);
    bias.push_back(tensor("conv_body.bias").data[n] + tensor("conv_first.bias").data[n]);
  }
  check_conv({both.data(), {17, 20, 3, 3}}, {bias.data(), {17}}, {17, 3}, weights.body);
}

void check_int8_contents() {
  const RandomLayers layers(small_net(Products::kInt8));
  const Blob blob = layers.pack();
  const L2HWeights weights = blob.read();
  CHECK(weights.dense.empty() && weights.dense_int8.size() == 3, "%zu dense blocks", weights.dense_int8.size());
  const DenseWeights<Int8>& block = weights.dense_int8[2];
  const int64_t depth = 32 + 4 * 16;
  for (int64_t i = 0; i < Int8::kPoints * depth; ++i) {
    const int64_t channel = i % depth < 32 ? i % depth : (i % depth) % 16;
    const bool is_real = channel < (i % depth < 32 ? 17 : 5);
    const float level = is_real ? 1.0f / 24.0f * 127.0f : 1.0f;
    if (block.levels[i] == level) continue;
    CHECK(false, "level %ld is %g, not %g", static_cast<long>(i), block.levels[i], level);
    break;
  }
  for (int64_t i = 0; i < 32; ++i) {
    const double weight = i < 17 ? 1 / (0.5 * 0.5 * 36 * 17) : 0.0;
    CHECK(std::abs(block.deviation_weights[i] - weight) <= 1e-9, "weight %ld of the spread is %g, not %g",
          static_cast<long>(i), block.deviation_weights[i], weight);
  }
  const DenseInputs inputs(17, 5);
  const int64_t padded = 16;
  std::vector<int8_t> bytes(static_cast<size_t>(winograd_packed_size<Int8>(inputs.of(3), 5)));
  std::vector<int32_t> start(static_cast<size_t>(Int8::kPoints * padded));
  std::vector<float> steps(start.size());
  winograd_pack_int8(layers.tensors.at("body.0.rdb3.conv4.weight").data, inputs.of(3), 5, block.levels, depth,
                     bytes.data(), start.data(), steps.data(), 0);
  const PackedConv<Int8>& conv = block.convs[3];
  CHECK(std::equal(bytes.begin(), bytes.end(), conv.weight), "the bytes differ");
  CHECK(std::equal(start.begin(), start.end(), conv.start), "the starts of sums differ");
  CHECK(std::equal(steps.begin(), steps.end(), conv.steps), "the steps differ");
}

// The layers behind the dense blocks, in bfloat16.
void check_split_tail(const RandomLayers& layers, const L2HWeights& weights) {
  const auto weight_of = [&](const std::string& name) { return layers.tensors.at(name + ".weight").data; };
  const auto check = [&](const char* name, const Bf16SplitLayer& layer, int64_t taps, const PackedConv<Bfloat16>& conv,
                         auto* pack) {
    std::vector<uint16_t> numbers(static_cast<size_t>(layer.packed_size(taps)), 0xABCD);
    for (int64_t panel = 0; panel < layer.panels(); ++panel) pack(weight_of(name), layer, numbers.data(), panel);
    CHECK(std::equal(numbers.begin(), numbers.end(), conv.weight), "the numbers of %s differ", name);
    const std::vector<float> padding(static_cast<size_t>(layer.padded_outputs - layer.out_channels), 0.0f);
    CHECK(std::equal(padding.begin(), padding.end(), conv.bias + layer.out_channels), "the bias of %s", name);
  };
  CHECK(weights.upsample.empty() && weights.split_upsample.size() == 2, "%zu layers", weights.split_upsample.size());
  const Bf16SplitLayer layer{17, 17, 32}, last{17, 3, 16};
  check("conv_up2", layer, kBf16Phases * kBf16PhaseTaps, weights.split_upsample[1], bf16_pack_phases);
  check("conv_hr", layer, kBf16Taps, weights.split_hr, bf16_pack_split);
  check("conv_last", last, kBf16Taps, weights.split_last, bf16_pack_split);
}

void check_bf16_contents() {
  const RandomLayers layers(small_net(Products::kBfloat16));
  const Blob blob = layers.pack();
  const L2HWeights weights = blob.read();
  CHECK(weights.dense.empty() && weights.dense_bf16.size() == 3, "%zu dense blocks", weights.dense_bf16.size());
  const DenseInputs inputs(17, 5);
  std::vector<uint16_t> numbers(static_cast<size_t>(bf16_packed_size(inputs.of(4), 17)), 0xABCD);
  for (const int64_t panel : {0, 1})
    bf16_pack(layers.tensors.at("body.0.rdb3.conv5.weight").data, inputs.of(4), 17, numbers.data(), panel);
  CHECK(std::equal(numbers.begin(), numbers.end(), weights.dense_bf16[2].convs[4].weight), "the numbers differ");
  check_split_tail(layers, weights);
}

// Ranges are for int8, which needs them.
void check_ranges_fit_products() {
  const RandomLayers layers(small_net(Products::kInt8));
  for (const Products products : kAllProducts) {
    const FloatTensor* wrong = multiplies_int8(products) ? nullptr : &layers.ranges;
    CHECK_ERROR("int8, and nothing else, needs ranges", L2HPacker(L2HPart::kNet, layers.tensors, products, wrong));
  }
}

// Every byte before the sections is needed.
void check_damage() {
  for (const Products products : kAllProducts) {
    const Blob blob = RandomLayers(small_net(products)).pack();
    L2HBlobHeader header;
    std::memcpy(&header, blob.data(), sizeof(header));
    CHECK(header.bytes == static_cast<uint64_t>(blob.bytes), "the header has another length");
    L2HBlobSection section;
    std::memcpy(&section, blob.data() + sizeof(header), sizeof(section));
    const int64_t directory = static_cast<int64_t>(sizeof(header)) + header.num_sections * 16;
    int64_t accepted = 0;
    for (int64_t bit = 0; bit < 8 * directory; ++bit) {
      blob.data()[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      accepted += error_of([&] { blob.read(); }).empty();
      blob.data()[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    }
    CHECK(accepted == 0, "%ld damaged headers are accepted", static_cast<long>(accepted));
    CHECK(error_of([&] { blob.read(); }).empty(), "the blob itself is not accepted");

    for (const int64_t bytes : {int64_t{0}, int64_t{1}, int64_t{63}, int64_t{64}, directory, blob.bytes - 64,
                                blob.bytes - 1, blob.bytes + 1, blob.bytes + 64}) {
      const Blob other = blob.copy(bytes);
      CHECK_ERROR(bytes < 64 ? "must have a header of 64 bytes" : "bytes that their header says", other.read());
    }
    CHECK_ERROR("multiple of 64 bytes in memory", read_l2h_blob(blob.data() + 8, blob.bytes - 8));

    const auto damage = [&](size_t offset, uint32_t value) {
      Blob other = blob.copy(blob.bytes);
      std::memcpy(other.data() + offset, &value, sizeof(value));
      const uint64_t checksum = l2h_blob_checksum(other.data());  // as somebody would who means it
      std::memcpy(other.data() + offsetof(L2HBlobHeader, checksum), &checksum, sizeof(checksum));
      return error_of([&] { other.read(); });
    };
    const std::pair<size_t, std::pair<uint32_t, const char*>> cases[] = {
        {0, {0, "not packed weights"}},
        {offsetof(L2HBlobHeader, byte_order), {0x04030201, "another byte order"}},
        {offsetof(L2HBlobHeader, version), {7, "must be of version 4, got version 7"}},
        {offsetof(L2HBlobHeader, part), {9, "part must be 0..3, got 9"}},
        {offsetof(L2HBlobHeader, products), {4, "products must be 0..3, got 4"}},
        {offsetof(L2HBlobHeader, features), {0, "features must be 1..4096, got 0"}},
        {offsetof(L2HBlobHeader, features), {0x80000000, "features must be 1..4096, got -2147483648"}},
        {offsetof(L2HBlobHeader, features), {64, "do not fit the sizes"}},
        {offsetof(L2HBlobHeader, growth), {4097, "growth must be 1..4096, got 4097"}},
        {offsetof(L2HBlobHeader, num_dense_blocks), {4, "an RRDB has 3 dense blocks, got 4 in all"}},
        {offsetof(L2HBlobHeader, num_dense_blocks), {6, "do not fit the sizes"}},
        {offsetof(L2HBlobHeader, num_upsamplings), {3, "num_upsamplings must be 0..2, got 3"}},
        {sizeof(L2HBlobHeader), {static_cast<uint32_t>(section.offset + 64), "do not fit the sizes"}},
    };
    for (const auto& [offset, expected] : cases) {
      const std::string message = damage(offset, expected.first);
      CHECK(message.find(expected.second) != std::string::npos, "the error is \"%s\", not \"%s\"", message.c_str(),
            expected.second);
    }
  }
}

void check_layers() {
  const RandomLayers layers(small_net(Products::kInt8));
  const auto change = [&](const std::string& name, std::vector<int64_t> shape) {
    NamedTensors tensors = layers.tensors;
    shape.empty() ? static_cast<void>(tensors.erase(name)) : static_cast<void>(tensors[name].shape = shape);
    return tensors;
  };
  CHECK_ERROR("conv_hr.bias is missing", pack(L2HPart::kNet, change("conv_hr.bias", {})));
  CHECK_ERROR("conv_first.weight is missing", pack(L2HPart::kNet, {}));
  CHECK_ERROR("conv_hr.weight must be (17, 17, 3, 3), got (17, 16, 3, 3)",
              pack(L2HPart::kNet, change("conv_hr.weight", {17, 16, 3, 3})));
  CHECK_ERROR("conv_first.weight must be (C_out, C_in, 3, 3), got (17)",
              pack(L2HPart::kNet, change("conv_first.weight", {17})));
  CHECK_ERROR("features must be 1..4096, got 4611686018427387904",
              pack(L2HPart::kNet, change("conv_first.weight", {int64_t{1} << 62, 3, 3, 3})));
  CHECK_ERROR("body.0.rdb1.conv1.weight must be (5, 17, 3, 3), got (5, 17, 3, 1)",
              pack(L2HPart::kNet, change("body.0.rdb1.conv1.weight", {5, 17, 3, 1})));
  CHECK_ERROR("a trunk of these layers has 30 tensors, got 42", pack(L2HPart::kTrunk, layers.tensors));
  CHECK_ERROR("num_upsamplings must be 0..2, got 3", pack(L2HPart::kNet, [&] {
                NamedTensors tensors = layers.tensors;
                tensors["conv_up3.weight"] = tensors["conv_up2.weight"];
                return tensors;
              }()));
  const FloatTensor ranges{layers.ranges.data, {3, 37, 36}};
  CHECK_ERROR("ranges must be (3, 37, 37), got (3, 37, 36)",
              pack(L2HPart::kNet, layers.tensors, Products::kInt8, &ranges));
}

// A weight that is not a number makes results that are none, in bytes as in floats.
void check_not_finite() {
  RandomLayers layers(small_net(Products::kInt8));
  for (const float bad : {std::nanf(""), HUGE_VALF}) {
    std::vector<float> weight(5 * 17 * 9, 0.5f);
    weight[17 * 9] = bad;  // output channel 1
    layers.tensors["body.0.rdb1.conv1.weight"].data = weight.data();
    const Blob blob = layers.pack();
    const PackedConv<Int8> conv = blob.read().dense_int8[0].convs[0];
    bool others = true;
    for (int64_t point = 0; point < Int8::kPoints; ++point) {
      for (int64_t n = 0; n < 16; ++n) others &= n == 1 || std::isfinite(conv.steps[point * 16 + n]);
    }
    CHECK(std::isnan(conv.steps[1]) && others, "steps of %g, %g", conv.steps[0], conv.steps[1]);
    const int64_t size = winograd_packed_size<Int8>(DenseInputs(17, 5).of(0), 5);
    CHECK(std::all_of(conv.weight, conv.weight + size, [](int8_t w) { return w >= -127; }), "large bytes");
  }
}

}  // namespace

int main() {
  check_contents();
  check_int8_contents();
  check_bf16_contents();
  check_ranges_fit_products();
  check_damage();
  check_layers();
  check_not_finite();
  return test_result();
}
