# The only list of C++ and CUDA sources, of their compiler flags and of the GPU architectures. CMakeLists.txt includes this file.
# setup.py reads it with a regular expression, so each list is one plain set(NAME value...). tests/test_build.py compares it with the files on the disk.

# Torch-free: compiled into the CMake library too.
set(SRDGAN_CPU_KERNEL_SOURCES
  csrc/common/cpu_isa.cpp
  csrc/kernels/cpu/bf16_conv.cpp
  csrc/kernels/cpu/bf16_conv_avx512_amx.cpp
  csrc/kernels/cpu/bf16_conv_portable.cpp
  csrc/kernels/cpu/conv_stage.cpp
  csrc/kernels/cpu/dense_block.cpp
  csrc/kernels/cpu/dense_block_bf16.cpp
  csrc/kernels/cpu/dense_layers.cpp
  csrc/kernels/cpu/dense_layers_bf16.cpp
  csrc/kernels/cpu/l2h_net.cpp
  csrc/kernels/cpu/l2h_pack.cpp
  csrc/kernels/cpu/l2h_weights.cpp
  csrc/kernels/cpu/nearest_downsample.cpp
  csrc/kernels/cpu/split_conv_stage.cpp
  csrc/kernels/cpu/upsample_conv.cpp
  csrc/kernels/cpu/upsample_conv_avx2.cpp
  csrc/kernels/cpu/upsample_conv_avx512.cpp
  csrc/kernels/cpu/upsample_conv_neon.cpp
  csrc/kernels/cpu/upsample_conv_portable.cpp
  csrc/kernels/cpu/winograd.cpp
  csrc/kernels/cpu/winograd_avx2.cpp
  csrc/kernels/cpu/winograd_avx512.cpp
  csrc/kernels/cpu/winograd_avx512_amx.cpp
  csrc/kernels/cpu/winograd_avx512_vnni.cpp
  csrc/kernels/cpu/winograd_avx_vnni.cpp
  csrc/kernels/cpu/winograd_neon.cpp
  csrc/kernels/cpu/winograd_neon_dotprod.cpp
  csrc/kernels/cpu/winograd_neon_i8mm.cpp
  csrc/kernels/cpu/winograd_portable.cpp
)

# Flags of all C++ sources. Products and sums become one instruction where the processor has it: GCC's default, not Clang's.
set(SRDGAN_CXX_FLAGS -ffp-contract=fast)

# Flags of the sources with instructions that not every processor of the architecture has: SOURCE=FLAG,FLAG. Code of headers
# that is not inlined must not get into them, because the linker may take it for the whole program: tests/cpp/check_isa_objects.cmake.
set(SRDGAN_X86_64_FLAGS
  csrc/kernels/cpu/bf16_conv_avx512_amx.cpp=-mamx-tile,-mamx-bf16,-mavx512f,-mavx512bf16,-mavx512bw,-mavx512vl,-mavx2,-mfma
  csrc/kernels/cpu/upsample_conv_avx2.cpp=-mavx2,-mfma
  csrc/kernels/cpu/upsample_conv_avx512.cpp=-mavx512f,-mavx2,-mfma,-mprfchw
  csrc/kernels/cpu/winograd_avx2.cpp=-mavx2,-mfma
  csrc/kernels/cpu/winograd_avx512.cpp=-mavx512f,-mavx2,-mfma
  csrc/kernels/cpu/winograd_avx512_amx.cpp=-mamx-tile,-mamx-int8,-mavx512f,-mavx2,-mfma
  csrc/kernels/cpu/winograd_avx512_vnni.cpp=-mavx512f,-mavx512vnni,-mavx2,-mfma
  csrc/kernels/cpu/winograd_avx_vnni.cpp=-mavxvnni,-mavx2,-mfma
)
set(SRDGAN_ARM64_FLAGS
  csrc/kernels/cpu/winograd_neon_dotprod.cpp=-march=armv8.2-a+dotprod
  csrc/kernels/cpu/winograd_neon_i8mm.cpp=-march=armv8.2-a+i8mm
)

# Torch-free, above the kernels: compiled into the CMake library srdgan_session, and by setup.py into the library that
# srdgan_rt.session loads.
set(SRDGAN_SESSION_SOURCES
  csrc/session/frame_runner.cpp
  csrc/session/json.cpp
  csrc/session/latency.cpp
  csrc/session/packed_model.cpp
  csrc/session/pixel_format.cpp
  csrc/session/ranges.cpp
  csrc/session/row_stream.cpp
  csrc/session/safetensors.cpp
  csrc/session/session.cpp
  csrc/session/session_c.cpp
  csrc/session/sha256.cpp
  csrc/session/thread_pool.cpp
  csrc/session/window.cpp
  csrc/session/workers.cpp
)

# Torch-free device code and its launchers.
set(SRDGAN_CUDA_KERNEL_SOURCES
  csrc/kernels/cuda/conv3x3.cu
  csrc/kernels/cuda/conv_hr_last.cu
  csrc/kernels/cuda/conv_wgmma.cu
  csrc/kernels/cuda/nearest_downsample.cu
  csrc/kernels/cuda/upsample_conv.cu
)

# Torch-free code of the CUDA kernels that runs on the host alone.
set(SRDGAN_CUDA_HOST_SOURCES
  csrc/kernels/cuda/conv_pack.cpp
  csrc/kernels/cuda/l2h_net.cpp
  csrc/kernels/cuda/net_sizes.cpp
  csrc/kernels/cuda/net_weights.cpp
  csrc/kernels/cuda/rrdb_trunk.cpp
)

# Torch-free, above the kernels: memory, streams and graphs. The device calls the CUDA runtime; the tests have another one
# in its place.
set(SRDGAN_CUDA_BACKEND_SOURCES
  csrc/cuda/engine_c.cpp
  csrc/cuda/picture_runner.cpp
  csrc/cuda/picture_tiles.cpp
  csrc/cuda/tile_engine.cpp
  csrc/cuda/tile_memory.cpp
)
set(SRDGAN_CUDA_DEVICE_SOURCES
  csrc/cuda/runtime/cuda_device.cpp
  csrc/cuda/runtime/tensor_map.cpp
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
  csrc/ops/cuda/l2h_net_cuda.cpp
  csrc/ops/cuda/nearest_downsample.cpp
  csrc/ops/cuda/upsample_conv.cpp
)

# Compute capability times ten. setup.py takes them, with PTX of the last one for later chips, where no GPU is at hand and
# SRDGAN_RT_CUDA names no others. 90a also has the instructions that only GPUs of 9.0 know (wgmma).
set(SRDGAN_CUDA_ARCHITECTURES 80 86 87 89 90a 100 120)
