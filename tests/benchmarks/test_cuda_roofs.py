"""Work of the CUDA kernels against counts by hand and against the model's own count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.cuda_roofs import Conv, Gpu, list_convs, main, pad_channels
from srdgan_rt.models import ModelSpec


def test_flop_is_what_the_network_needs() -> None:
    """Without padded channels and with phases in place of the direct enlargement."""
    spec = ModelSpec(num_blocks=2, num_features=64, growth_channels=32)
    direct = 2 * spec.macs_per_pixel
    saved = 2 * 64 * 64 * (9 - 4) * (4 + 16)
    padded = 2 * 9 * 64 * (16 - 3) * (1 + 16)
    assert sum(conv.flop * conv.times for conv in list_convs(spec)) == direct - saved + padded


def test_dram_of_a_dense_block() -> None:
    """640 channels are read and 192 written, then 64 of the shortcut and a third of 64 of the outer one."""
    spec = ModelSpec(num_blocks=1, num_features=64, growth_channels=32)
    block = [conv for conv in list_convs(spec) if conv.name.startswith("dense block")]
    assert sum(conv.dram for conv in block) == pytest.approx(2 * (640 + 192 + 64 + 64 / 3))
    assert {conv.times for conv in block} == {3}


def test_shared_memory_of_a_convolution() -> None:
    conv = Conv("conv", 64, 32)
    assert conv.flop / conv.read == 48
    assert conv.copied * 16 * 32 == 64 * 2 * (18 * 34 + 9 * 32)


def test_the_slowest_part_is_the_limit() -> None:
    conv = Conv("conv", 64, 32, times=3)
    fast = Gpu("fast", tflops=1e6, dram=1e9, multiprocessors=10**6, clock=1)
    for gpu, part, time in (
        (replace(fast, tflops=1), "tensor cores", conv.flop),
        (replace(fast, dram=10), "DRAM", 100 * conv.dram),
        (replace(fast, multiprocessors=1), "shared memory", (conv.copied + conv.read) / 128 * 1000),
    ):
        assert conv.seconds(gpu) == (pytest.approx(3 * time), part)


def test_pad_channels() -> None:
    assert [pad_channels(channels) for channels in (1, 16, 17, 64)] == [16, 16, 32, 64]


def test_the_command_writes_both_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-n", "1x16x8"]) == 0
    out = capsys.readouterr().out
    assert "dense block, conv5, 80 → 16" in out
    assert "RTX 4090" in out
    assert main(["-n", "1x0x8"]) == 1
