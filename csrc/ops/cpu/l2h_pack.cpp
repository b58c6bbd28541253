#include "csrc/kernels/cpu/l2h_pack.h"

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <string>
#include <tuple>
#include <vector>

#include "csrc/common/huge_pages.h"
#include "csrc/ops/checks.h"

namespace srdgan {
namespace {

L2HPart find_part(const std::string& name) {
  for (const L2HPart part : {L2HPart::kNet, L2HPart::kTrunk, L2HPart::kDenseBlock, L2HPart::kTail}) {
    if (name == l2h_part_name(part)) return part;
  }
  STD_TORCH_CHECK(false, "part must be net, trunk, dense block or tail, got ", name);
}

Products find_products(const std::string& name) {
  if (name == "fp32") return Products::kFloat32;
  if (name == "int8") return Products::kInt8;
  if (name == "bf16") return Products::kBfloat16;
  if (name == "int8 and bf16") return Products::kInt8AndBfloat16;
  STD_TORCH_CHECK(false, "products must be fp32, int8, bf16 or int8 and bf16, got ", name);
}

FloatTensor as_floats(const Tensor& tensor, const std::string& name) {
  STD_TORCH_CHECK(tensor.is_cpu(), name, " must be on the CPU");
  check_floats(tensor, tensor.dim(), name.c_str());
  STD_TORCH_CHECK(tensor.is_contiguous(), name, " must be contiguous");
  std::vector<int64_t> shape;
  for (int64_t i = 0; i < tensor.dim(); ++i) shape.push_back(tensor.size(i));
  return {tensor.const_data_ptr<float>(), shape};
}

// Tensors with the names of l2h_pack.h, contiguous float32; ranges for int8 -> a blob (bytes) uint8
Tensor l2h_pack_cpu(const std::string& part, const std::vector<std::string>& names, const std::vector<Tensor>& tensors,
                    const std::string& products, const std::optional<Tensor>& ranges) {
  STD_TORCH_CHECK(names.size() == tensors.size(), "names and tensors must be equally many, got ", names.size(), " and ",
                  tensors.size());
  NamedTensors named;
  for (size_t i = 0; i < names.size(); ++i) named[names[i]] = as_floats(tensors[i], names[i]);
  FloatTensor range_floats;
  if (ranges.has_value()) range_floats = as_floats(*ranges, "ranges");
  L2HPacker packer(find_part(part), named, find_products(products), ranges.has_value() ? &range_floats : nullptr);

  const int64_t bytes = l2h_blob_bytes(packer.sizes());
  Tensor blob = torch::stable::empty({&bytes, 1}, ScalarType::Byte);
  prefer_huge_pages(blob.mutable_data_ptr(), bytes);  // a product reads it from end to end
  const int64_t jobs = packer.start(blob.mutable_data_ptr());
  torch::stable::parallel_for(0, jobs, 1, [&](int64_t begin, int64_t end) {
    for (int64_t job = begin; job < end; ++job) packer.run(job);
  });
  return blob;
}

// The matrices B' (6, 6), G (6, 3) and A' (4, 6) of int8's F(4x4, 3x3), row by row.
std::tuple<std::vector<double>, std::vector<double>, std::vector<double>> winograd_int8_matrices() {
  constexpr auto& kAxis = kWinogradAxis<Int8::kTile>;
  constexpr int64_t kWindow = Int8::kWindow, kTile = Int8::kTile, kPairs = kTile / 2;
  std::vector<double> b(kWindow * kWindow), g, a(kTile * kWindow);
  for (int64_t k = 0; k <= kPairs; ++k) {
    b[2 * k] = kAxis.all[k];
    b[(kWindow - 1) * kWindow + 2 * k + 1] = kAxis.all[k];
  }
  for (int64_t i = 0; i < kPairs; ++i) {
    for (int64_t sign : {1, -1}) {
      const int64_t row = sign > 0 ? 2 * i + 1 : 2 * i + 2;
      for (int64_t k = 0; k < kPairs; ++k) {
        b[row * kWindow + 2 * k + 2] = kAxis.even[i] * kAxis.others[i][k];
        b[row * kWindow + 2 * k + 1] = sign * kAxis.odd[i] * kAxis.others[i][k];
      }
      for (int64_t k = 0; k < kTile; ++k)
        a[k * kWindow + row] = k % 2 == 0 ? kAxis.powers[k][i] : sign * kAxis.powers[k][i];
    }
  }
  a[0] = 1;
  a[kTile * kWindow - 1] = 1;
  for (const auto& row : kAxis.taps) g.insert(g.end(), row, row + 3);
  return {b, g, a};
}

}  // namespace
}  // namespace srdgan

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, CPU, m) { m.impl("l2h_pack", TORCH_BOX(&srdgan::l2h_pack_cpu)); }

STABLE_TORCH_LIBRARY_IMPL(srdgan_rt, CompositeExplicitAutograd, m) {
  m.impl("winograd_int8_matrices", TORCH_BOX(&srdgan::winograd_int8_matrices));
}
