// Executes a kernel in each order of its threads.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "tests/cpp/check.h"
#include "tests/cpp/simt/device_array.h"
#include "tests/cpp/simt/scheduler.h"

namespace simt {

template <typename T>
struct Outcome {
  std::array<std::string, kOrders.size()> faults;  // of each order; empty for none
  std::vector<T> values;                           // those of the first order
  bool same_bits = true;                           // in all orders
  bool kept = true;                                // what is beside the result
  bool launched = true;
};

// Calls `launch`, which executes kernels that write `result` and returns CUDA's error, once an order.
template <typename T, typename Launch>
Outcome<T> attempt(DeviceArray<T>& result, Launch launch) {
  Outcome<T> outcome;
  for (size_t i = 0; i < kOrders.size(); ++i) {
    result.reset();
    order = kOrders[i];
    try {
      outcome.launched &= launch() == cudaSuccess;
    } catch (const Fault& fault) {
      outcome.faults[i] = fault.what();
    }
    outcome.kept &= result.kept();
    if (i == 0) outcome.values = result.values();
    outcome.same_bits &= std::memcmp(outcome.values.data(), result.data(), result.size() * sizeof(T)) == 0;
  }
  order = Order::kForward;
  return outcome;
}

// The same for a kernel that must be right: checks that it has no fault and that all orders give the same bits. Returns
// the result.
template <typename T, typename Launch>
std::vector<T> run_in_each_order(DeviceArray<T>& result, Launch launch) {
  const Outcome<T> outcome = attempt(result, launch);
  for (const std::string& fault : outcome.faults) CHECK(fault.empty(), "%s", fault.c_str());
  CHECK(outcome.launched, "the launch returned an error");
  CHECK(outcome.kept, "a kernel wrote beside its result");
  CHECK(outcome.same_bits, "the result depends on the order of the threads");
  return outcome.values;
}

// Checks that a kernel has a fault in each order whose message contains `text`.
template <typename T>
void check_fault(const Outcome<T>& outcome, const char* text) {
  for (const std::string& fault : outcome.faults) {
    CHECK(fault.find(text) != std::string::npos, "expected \"%s\", got \"%s\"", text, fault.c_str());
  }
}

}  // namespace simt
