// wgmma: products of a warpgroup, which run while its threads go on (csrc/kernels/cuda/hopper.cuh).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "tests/cpp/simt/banks.h"
#include "tests/cpp/simt/fault.h"
#include "tests/cpp/simt/matrix.h"

namespace simt {

constexpr int kProductSums = 16, kProductInputs = 4;  // registers of a lane for a product of 64 x 32 x 16

// The products of one warp: a quarter of its warpgroup's. A product is computed as late as possible: when it is waited
// for. Until then all its registers are poison.
class WarpProducts {
 public:
  struct Lane {
    MatrixType type;
    float* d;
    uint32_t* a;
    uint64_t b;  // descriptor
  };

  void clear() { *this = {}; }
  void check_finished() const;
  int num_products() const { return num_products_; }

  // Lane 0's registers stand for those of all lanes.
  void load_registers(const uint32_t* a) { unfenced_.insert(a); }
  void fence();
  void start(void* const* lanes, Site site);
  void commit();
  void wait(size_t pending, Site site);

 private:
  struct Sums {
    std::array<float*, kWarp> registers;
    std::array<std::array<float, kProductSums>, kWarp> values;
    int num_products = 0;
  };
  struct Product {
    MatrixType type;
    float* d;  // lane 0's
    std::array<uint32_t*, kWarp> a_registers;
    std::array<std::array<uint32_t, kProductInputs>, kWarp> a;
    std::array<int32_t, 64> b_rows;  // offsets of its 32 columns' halves of 16 bytes
    Site site;
  };
  void compute(const Product& product, Site site);

  std::map<float*, Sums> sums_;            // that are under way
  std::map<const uint32_t*, int> inputs_;  // products under way that read them
  std::set<const uint32_t*> unfenced_;     // written since the last fence
  bool fenced_ = false;                    // since the last wait
  std::vector<Product> open_;
  std::deque<std::vector<Product>> groups_;
  int num_products_ = 0;
};

void wgmma(MatrixType type, float* d, uint32_t* a, uint64_t b, Site site);
void wgmma_fence(Site site);
void wgmma_commit(Site site);
void wgmma_wait(int pending, Site site);

// See matrix_descriptor() of hopper.cuh.
uint64_t matrix_descriptor(const void* start, int leading_bytes, int stride_bytes, int swizzle_bytes, Site site);
// Where the byte lies that would be at `offset` without the swizzle of rows of so many bytes (0 for none).
int32_t swizzled(int32_t offset, int swizzle_bytes);

}  // namespace simt
