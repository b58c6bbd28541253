# Cross-compiles for 64-bit ARM with Debian's g++-aarch64-linux-gnu, and runs the tests in qemu-user:
#
#   apt install g++-aarch64-linux-gnu qemu-user
#   cmake -S . -B build/aarch64 --toolchain cmake/aarch64-linux-gnu.cmake && cmake --build build/aarch64 -j
#   ctest --test-dir build/aarch64 --output-on-failure
#
# -DSRDGAN_QEMU_CPU=cortex-a53 runs them on a processor without dotprod and i8mm; QEMU's "max" has all there is.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(SRDGAN_QEMU_CPU max CACHE STRING "The processor of qemu-aarch64 -cpu")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -cpu ${SRDGAN_QEMU_CPU} -L /usr/aarch64-linux-gnu)
