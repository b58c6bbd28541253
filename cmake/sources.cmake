# The only list of C++ and CUDA sources and of the GPU architectures. CMakeLists.txt includes this file. setup.py reads it with
# a regular expression, so each list is one plain set(NAME value...). tests/test_build.py compares it with the files on the disk.

# Torch-free: compiled into the CMake library too.
set(SRDGAN_CPU_KERNEL_SOURCES
  csrc/common/cpu_isa.cpp
  csrc/kernels/cpu/conv_stage.cpp
  csrc/kernels/cpu/dense_block.cpp
  csrc/kernels/cpu/dense_layers.cpp
  csrc/kernels/cpu/l2h_net.cpp
  csrc/kernels/cpu/l2h_pack.cpp
  csrc/kernels/cpu/l2h_weights.cpp
  csrc/kernels/cpu/nearest_downsample.cpp
  csrc/kernels/cpu/upsample_conv.cpp
  csrc/kernels/cpu/upsample_conv_avx2.cpp
  csrc/kernels/cpu/upsample_conv_avx512.cpp
  csrc/kernels/cpu/upsample_conv_portable.cpp
  csrc/kernels/cpu/winograd.cpp
  csrc/kernels/cpu/winograd_avx2.cpp
  csrc/kernels/cpu/winograd_avx512.cpp
  csrc/kernels/cpu/winograd_avx512_vnni.cpp
  csrc/kernels/cpu/winograd_avx_vnni.cpp
  csrc/kernels/cpu/winograd_portable.cpp
)

# Torch-free, above the kernels: compiled into the CMake library srdgan_session, and by setup.py into the library that
# srdgan_rt.session loads.
set(SRDGAN_SESSION_SOURCES
  csrc/session/frame_runner.cpp
  csrc/session/json.cpp
  csrc/session/packed_model.cpp
  csrc/session/pixel_format.cpp
  csrc/session/safetensors.cpp
  csrc/session/session.cpp
  csrc/session/session_c.cpp
  csrc/session/sha256.cpp
  csrc/session/thread_pool.cpp
)

# Torch-free device code and its launchers.
set(SRDGAN_CUDA_KERNEL_SOURCES
  csrc/kernels/cuda/conv3x3.cu
  csrc/kernels/cuda/conv_hr_last.cu
  csrc/kernels/cuda/nearest_downsample.cu
  csrc/kernels/cuda/upsample_conv.cu
)

# Torch-free code of the CUDA kernels that runs on the host alone.
set(SRDGAN_CUDA_HOST_SOURCES
  csrc/kernels/cuda/conv_pack.cpp
  csrc/kernels/cuda/l2h_net.cpp
  csrc/kernels/cuda/net_weights.cpp
  csrc/kernels/cuda/rrdb_trunk.cpp
)

# Wrappers for torch's stable ABI: compiled by setup.py alone.
set(SRDGAN_CPU_OP_SOURCES
  csrc/ops/cpu/cpu_isa.cpp
  csrc/ops/cpu/dense_layers.cpp
  csrc/ops/cpu/l2h_net.cpp
  csrc/ops/cpu/l2h_pack.cpp
  csrc/ops/cpu/nearest_downsample.cpp
  csrc/ops/cpu/upsample_conv.cpp
  csrc/ops/cpu/workspace.cpp
  csrc/ops/schema.cpp
)
set(SRDGAN_CUDA_OP_SOURCES
  csrc/ops/cuda/nearest_downsample.cpp
  csrc/ops/cuda/upsample_conv.cpp
)

# Compute capability times ten; PTX of the last one is kept for later chips. TORCH_CUDA_ARCH_LIST overrides the list in setup.py.
set(SRDGAN_CUDA_ARCHITECTURES 80 86 87 89 90 100 120)
