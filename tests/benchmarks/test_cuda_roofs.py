"""Work of the CUDA kernels against counts by hand and against the model's own count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.cuda_roofs import Conv, Gpu, HrLast, list_convs, main, pad_channels
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


def test_one_kernel_for_conv_hr_and_conv_last() -> None:
    """The features between are neither written nor read; 256x32 pixels of them give 254x30 of the result."""
    hr, last = Conv("conv_hr", 32, 32, 16), Conv("conv_last", 32, 16, 16, writes_picture=True)
    both = HrLast("both", 32, 16, 16, writes_picture=True)
    assert both.flop == hr.flop + last.flop
    assert both.dram == hr.dram + last.dram - 2 * 16 * 32 * 2
    assert both.computed == pytest.approx(both.flop * 256 * 32 / (254 * 30))
    assert both.read == pytest.approx((hr.read + last.read) * 256 * 32 / (254 * 30))
    assert both.copied > hr.copied


def test_one_kernel_is_counted_where_the_net_has_it() -> None:
    names = [[conv.name for conv in list_convs(ModelSpec(1, features, 16))][-1] for features in (32, 64)]
    assert names == ["conv_hr and conv_last", "conv_last"]


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
    main(["-n", "1x16x8"])
    out = capsys.readouterr().out
    assert "dense block, conv5, 80 → 16" in out
    assert "RTX 4090" in out
    assert "| H100 (SXM) | 931 | 481 |" in out
    with pytest.raises(SystemExit, match="2"):
        main(["-n", "1x0x8"])
