// Executes a kernel in each order of its threads.
#pragma once

#include <cuda_runtime_api.h>

#include <cstring>
#include <vector>

#include "tests/cpp/check.h"
#include "tests/cpp/simt/device_array.h"
#include "tests/cpp/simt/scheduler.h"

namespace simt {

// Calls `launch`, which executes kernels that write `result`, once an order. Checks that no kernel has a fault and that
// all orders give the same bits. Returns the result.
template <typename T, typename Launch>
std::vector<T> run_in_each_order(DeviceArray<T>& result, Launch launch) {
  std::vector<T> first;
  for (const Order each : kOrders) {
    result.reset();
    order = each;
    try {
      const cudaError_t error = launch();
      CHECK(error == cudaSuccess, "the launch returned %d", static_cast<int>(error));
    } catch (const Fault& fault) {
      CHECK(false, "%s", fault.what());
    }
    CHECK(result.kept(), "a kernel wrote beside its result");
    if (each == kOrders[0]) {
      first = result.values();
    } else {
      CHECK(std::memcmp(first.data(), result.data(), first.size() * sizeof(T)) == 0,
            "order %d of the threads gives other bits", static_cast<int>(each));
    }
  }
  order = Order::kForward;
  return first;
}

}  // namespace simt
