"""Reading ptxas and the limits; the kernels themselves are compiled in a slow test."""

from __future__ import annotations

import shutil

import pytest

from benchmarks.cuda_resources import Kernel, count_main_loop, demangle, has_code, main, parse_ptxas

MANGLED = (
    "_ZN6srdgan3gpu43_GLOBAL__N__92aa032f_10_conv3x3_cu_1abc91d311conv_kernelINS0_8ConvTileI6__halfNS0_8FloatSumELi16ELi3ELi2ELi2EEE"
    "NS0_12FeatureInputENS0_13PictureOutputELi128ELi48384EEEvNS0_8ConvSizeET0_NS0_11ConvWeightsET1_"
)
NAME = "conv_kernel<ConvTile<__half, FloatSum, 16, 3, 2, 2>, FeatureInput, PictureOutput, 128, 48384>"
LOG = f"""
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '{MANGLED}' for 'sm_86'
ptxas info    : Function properties for {MANGLED}
    16 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads
ptxas info    : Used 157 registers, used 1 barriers, 300 bytes smem, 504 bytes cmem[0], 8 bytes cmem[2]
"""

needs_cxxfilt = pytest.mark.skipif(shutil.which("c++filt") is None, reason="needs c++filt")


def make_kernel(outputs: int, architecture: str, registers: int, shared: int, *, spills: int = 0) -> Kernel:
    threads = 256 if outputs == 64 else 128
    name = (
        f"conv_kernel<ConvTile<__half, FloatSum, {outputs}, 3, 2, 2>, FeatureInput, FeatureOutput, {threads}, {shared}>"
    )
    return Kernel(name, architecture, registers, spills, 0)


@needs_cxxfilt
def test_ptxas_output_is_read() -> None:
    assert demangle(MANGLED) == NAME
    assert parse_ptxas(LOG) == [Kernel(NAME, "86", 157, 12, 300)]
    assert parse_ptxas(LOG)[0].launch == (128, 48384)


def test_warps_are_limited_by_registers_or_by_shared_memory() -> None:
    assert make_kernel(16, "86", 160, 48384).warps == 8  # two blocks fit into 100 KiB, three into the registers
    assert make_kernel(16, "80", 160, 48384).warps == 12
    assert make_kernel(32, "90", 240, 57600).warps == 8
    assert make_kernel(32, "90", 248, 57600).warps == 8
    assert make_kernel(64, "80", 255, 76032).warps == 8
    assert make_kernel(64, "86", 255, 120_000).warps == 0


def test_conv_hr_and_conv_last_in_one_kernel_is_a_convolution() -> None:
    kernel = Kernel("conv_hr_last_kernel<HrLastTile<__half, FloatSum, 32>, 256, 96768>", "86", 255, 0, 0)
    assert (kernel.launch, kernel.outputs, kernel.warps) == ((256, 96768), "32", 8)


def test_kernels_with_wgmma_are_convolutions() -> None:
    kernel = Kernel("conv_wgmma_kernel<WgmmaTile<__half, 32>, 160, 96816>", "90a", 168, 0, 0)
    assert (kernel.launch, kernel.outputs, kernel.warps) == ((160, 96816), "32", 10)
    assert has_code("csrc/kernels/cuda/conv3x3.cu", "80")
    assert has_code("csrc/kernels/cuda/conv_wgmma.cu", "90a")
    assert not has_code("csrc/kernels/cuda/conv_wgmma.cu", "90")


def test_faults_are_spills_and_missing_warps() -> None:
    assert not list(make_kernel(64, "80", 255, 76032).faults())
    assert "spills 4 bytes" in next(make_kernel(64, "80", 255, 76032, spills=4).faults())
    assert "4 warps fit on a multiprocessor, 8 are needed" in next(make_kernel(16, "80", 255, 120_000).faults())


def test_other_kernels_are_only_checked_for_spills() -> None:
    kernel = Kernel("nearest_downsample_kernel<float>", "80", 40, 0, 0)
    assert kernel.launch is None
    assert not list(kernel.faults())
    assert list(Kernel(kernel.name, "80", 40, 8, 0).faults())


@needs_cxxfilt
def test_the_smallest_loop_with_all_products_is_counted() -> None:
    lines = [
        "IADD3 R1, R1, 0x1, RZ",
        "HGMMA.64x32x16.F32 R24, R4, gdesc[UR4], R24",
        "@P0 BRA 0x0010",
        "HMMA.16816.F32 R4, R8, R2, R4",
    ]
    lines += ["@P1 BRA 0x0000", "@P2 BRA 0x0000", "EXIT"]
    body = "\n".join(
        f"        /*{16 * i:04x}*/                   {line} ;  /* 0x000fe20000000f00 */" for i, line in enumerate(lines)
    )
    assert count_main_loop(f"\n\t\tFunction : {MANGLED}\n{body}\n") == {NAME: (5, 2)}


@pytest.mark.slow
def test_all_kernels_keep_their_limits(capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("nvcc") is None or shutil.which("c++filt") is None:
        pytest.skip("needs nvcc and c++filt")
    # One of each sort: 86 and 89 have the code of 80 and the shared memory of 120, 87 differs from 80 in nothing.
    assert main(["--arch", "80", "90a", "120"]) == 0, capsys.readouterr()
