"""Counts the work of the CUDA kernels, and how fast GPUs could do it at best: ``python -m benchmarks.cuda_roofs``.

    python -m benchmarks.cuda_roofs -n 25x64x32 srdgan-x4-fast

First, per pixel of the low-resolution picture and kernel: floating-point operations, bytes of the GPU's memory (DRAM),
bytes copied to shared memory, and bytes read from shared memory. Then, per GPU: the time of a pixel if every kernel
were as fast as the slowest of three parts allows, which are tensor cores, DRAM and shared memory.

This is a model, not a measurement. Features count once for each kernel that reads or writes them, as if nothing stayed
in the second-level cache, and weights not at all. Nothing else takes time in it: no launches, no waiting, no clock
below the data sheet's. Tensor cores have the rate of the data sheet, which Hopper reaches only with wgmma, while these
kernels use mma.sync. So a GPU is slower than its roof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.tables import write_table
from srdgan_rt.bench.nets import open_model
from srdgan_rt.errors import InputError
from srdgan_rt.models.spec import ModelSpec
from training.cli.parser import CommandParser, one_line_errors

# Of csrc/kernels/cuda/conv_tile.cuh. tests/cpp/cuda/test_conv3x3.cpp compares the shared bytes with those of a kernel.
_WARP_ROWS, _WARP_COLUMNS, _WARP_OUTPUTS = 8, 16, 32
_TILE_ROWS, _TILE_COLUMNS = 16, 32
_ELEMENT = 2  # bytes
_PICTURE_BYTES = 3  # of a pixel
# Of csrc/kernels/cuda/conv_hr_last.cu and conv3x3.h.
_HR_LAST_SIDE = 32  # of a tile of features
_HR_LAST_STEPS = 8  # tiles of a stripe, in a large picture
_MOST_HR_LAST_FEATURES = 32
_BLOCKS_PER_RRDB = 3


@dataclass(frozen=True)
class Gpu:
    """Figures of a data sheet.

    Args:
        name: as in the table.
        tflops: of tensor cores, 16-bit inputs and float32 sums, without sparsity.
        dram: GB/s.
        multiprocessors: of the GPU.
        clock: GHz, boost.
    """

    name: str
    tflops: float
    dram: float
    multiprocessors: int
    clock: float

    @property
    def shared(self) -> float:
        """GB/s of all shared memories: 128 bytes a clock each."""
        return 128 * self.multiprocessors * self.clock


GPUS = (
    Gpu("A100 80 GB (PCIe)", 312, 1935, 108, 1.41),
    Gpu("RTX 3090", 71, 936, 82, 1.695),
    Gpu("RTX 4090", 165, 1008, 128, 2.52),
    Gpu("H100 (SXM)", 989, 3350, 132, 1.83),
    Gpu("Jetson AGX Orin 64 GB", 43, 205, 16, 1.3),
)


@dataclass(frozen=True)
class Conv:
    """A convolution of the net.

    Args:
        name: as in the table.
        inputs: channels, padded.
        outputs: channels, padded.
        pixels: of its output for each pixel of the low-resolution picture.
        residuals: maps of as many channels as outputs that are read and added.
        taps: 9, or 4 where it is a phase of upsample_conv.
        times: how often the net has it.
        reads_picture: whether its input is a picture of 8-bit samples in place of features.
        writes_picture: whether its output is.
    """

    name: str
    inputs: int
    outputs: int
    pixels: float = 1
    residuals: float = 0
    taps: int = 9
    times: int = 1
    reads_picture: bool = False
    writes_picture: bool = False

    @property
    def flop(self) -> float:
        return 2 * self.taps * self.inputs * self.outputs * self.pixels

    @property
    def computed(self) -> float:
        """The operations, and those that are done twice."""
        return self.flop

    @property
    def dram(self) -> float:
        # The four phases of upsample_conv read the small picture.
        inputs = self.inputs * _ELEMENT * (1 if self.taps == 9 else 1 / 4)
        outputs = self.outputs * _ELEMENT * (1 + self.residuals)
        if self.reads_picture:
            inputs = _PICTURE_BYTES
        if self.writes_picture:
            outputs = _PICTURE_BYTES
        return self.pixels * (inputs + outputs)

    @property
    def copied(self) -> float:
        """To shared memory, the tile's border included."""
        border = round(self.taps**0.5) - 1
        tile = (_TILE_ROWS + border) * (_TILE_COLUMNS + border)
        weights = self.taps * self.outputs
        return self.pixels * self.inputs * _ELEMENT * (tile + weights) / (_TILE_ROWS * _TILE_COLUMNS)

    @property
    def read(self) -> float:
        """From shared memory: each row of a warp's input once for each column of taps, and all weights."""
        taps = round(self.taps**0.5)
        outputs = min(self.outputs, _WARP_OUTPUTS)
        pixels = taps * (_WARP_ROWS + taps - 1) * _WARP_COLUMNS
        of_warp = (pixels + self.taps * outputs) * _ELEMENT * self.inputs
        return self.pixels * (self.outputs // outputs) * of_warp / (_WARP_ROWS * _WARP_COLUMNS)

    def seconds(self, gpu: Gpu) -> tuple[float, str]:
        """For a pixel, in picoseconds, and the part that takes so long."""
        parts = {
            "tensor cores": self.computed / gpu.tflops,
            "DRAM": self.dram / gpu.dram * 1000,
            "shared memory": (self.copied + self.read) / gpu.shared * 1000,
        }
        part = max(parts, key=lambda name: parts[name])
        return parts[part] * self.times, part


class HrLast(Conv):
    """conv_hr and conv_last in one kernel; inputs: channels of features."""

    @property
    def _parts(self) -> tuple[Conv, Conv]:
        hr = Conv("conv_hr", self.inputs, self.inputs, self.pixels)
        return hr, Conv("conv_last", self.inputs, self.outputs, self.pixels)

    @property
    def _repeated(self) -> float:
        """Pixels computed for each pixel of the result: a tile loses two columns, a stripe of tiles two rows."""
        rows = _HR_LAST_STEPS * _HR_LAST_SIDE
        return rows / (rows - 2) * _HR_LAST_SIDE / (_HR_LAST_SIDE - 2)

    @property
    def flop(self) -> float:
        return sum(part.flop for part in self._parts)

    @property
    def computed(self) -> float:
        return self.flop * self._repeated

    @property
    def copied(self) -> float:
        """Input and weights, and the features between."""
        tile = (_HR_LAST_SIDE + 2) ** 2 + self.taps * (self.inputs + self.outputs)
        pixels = self.pixels * self._repeated
        return pixels * self.inputs * _ELEMENT * (tile / _HR_LAST_SIDE**2 + 1)

    @property
    def read(self) -> float:
        return sum(part.read for part in self._parts) * self._repeated


def pad_channels(channels: int) -> int:
    """As ``pad_channels`` of csrc/kernels/cuda/conv_pack.h.

    Raises:
        InputError: the kernels do not have so many.
    """
    widths = [padded for padded in (16, 32, 64) if channels <= padded]
    if not widths:
        raise InputError(f"the CUDA kernels have at most 64 channels, got {channels}")
    return widths[0]


def list_convs(spec: ModelSpec) -> list[Conv]:
    """The kernels of a net, in order."""
    features, growth = pad_channels(spec.num_features), pad_channels(spec.growth_channels)
    blocks = spec.num_blocks * _BLOCKS_PER_RRDB
    trunk_pixels = 1 / spec.unshuffle**2
    colours = pad_channels(3 * spec.unshuffle**2)
    convs = [Conv("conv_first", colours, features, trunk_pixels, reads_picture=True)]
    for i in range(4):
        name = f"dense block, conv{i + 1}"
        convs.append(Conv(name, features + i * growth, growth, trunk_pixels, times=blocks))
    last = features + 4 * growth
    residuals = 1 + 1 / _BLOCKS_PER_RRDB
    convs.append(Conv("dense block, conv5", last, features, trunk_pixels, residuals, times=blocks))
    convs.append(Conv("conv_body", features, features, trunk_pixels, 1))
    pixels = trunk_pixels
    for i in range((spec.scale * spec.unshuffle).bit_length() - 1):
        pixels *= 4
        convs.append(Conv(f"conv_up{i + 1}", features, features, pixels, taps=4))
    if features <= _MOST_HR_LAST_FEATURES:
        return [*convs, HrLast("conv_hr and conv_last", features, 16, pixels, writes_picture=True)]
    convs.append(Conv("conv_hr", features, features, pixels))
    convs.append(Conv("conv_last", features, 16, pixels, writes_picture=True))
    return convs


def write_work(convs: Sequence[Conv]) -> str:
    """One row a kernel, and their sum."""

    def write(name: str, times: str, some: Sequence[Conv]) -> list[str]:
        flop = sum(conv.flop * conv.times for conv in some)
        dram = sum(conv.dram * conv.times for conv in some)
        copied = sum(conv.copied * conv.times for conv in some)
        read = sum(conv.read * conv.times for conv in some)
        ratios = [f"{flop / dram:.0f}", f"{flop / read:.1f}"]
        return [name, times, f"{flop / 1e3:,.0f}", *(f"{size:,.0f}" for size in (dram, copied, read)), *ratios]

    rows = [write(f"{conv.name}, {conv.inputs} → {conv.outputs}", str(conv.times), [conv]) for conv in convs]
    rows.append(write("all", "", convs))
    heads = ["kernel", "times", "kFLOP", "DRAM bytes", "copied to shared", "read from shared"]
    return write_table([*heads, "FLOP per DRAM byte", "FLOP per byte read"], rows)


def write_roofs(convs: Sequence[Conv]) -> str:
    """One row a GPU."""
    rows = []
    flop = sum(conv.flop * conv.times for conv in convs)
    for gpu in GPUS:
        times = [conv.seconds(gpu) for conv in convs]
        total = sum(time for time, _ in times)
        shares = {part: sum(time for time, of in times if of == part) / total for _, part in times}
        ordered = sorted(shares.items(), key=lambda item: -item[1])
        limits = ", ".join(f"{part} {share:.0%}" for part, share in ordered)
        rows.append([gpu.name, f"{gpu.tflops:g}", f"{gpu.dram:g}", f"{flop / total:.0f}", f"{1e6 / total:.1f}", limits])
    heads = ["GPU", "peak TFLOP/s", "DRAM GB/s", "roof, TFLOP/s", "roof, LR megapixels/s", "time limited by"]
    return write_table(heads, rows)


def write_hr_last() -> str:
    """conv_hr and conv_last as two kernels and as one, for so many features: one row a GPU, in picoseconds."""
    heads, columns = ["GPU"], [[gpu.name for gpu in GPUS]]
    for features in (32, 64):
        hr, last, both = (
            Conv("conv_hr", features, features, 16),
            Conv("conv_last", features, 16, 16, writes_picture=True),
            HrLast("conv_hr and conv_last", features, 16, 16, writes_picture=True),
        )
        heads += [f"{features} features: two kernels", "one"]
        columns.append([f"{hr.seconds(gpu)[0] + last.seconds(gpu)[0]:,.0f}" for gpu in GPUS])
        columns.append([f"{both.seconds(gpu)[0]:,.0f}" for gpu in GPUS])
    return write_table(heads, [list(row) for row in zip(*columns, strict=True)])


def print_tables(names: Sequence[str]) -> None:
    """Two tables a net, and one of the last kernels."""
    for name, convs in {name: list_convs(open_model(name).spec) for name in names}.items():
        print(f"{name}, per pixel of the low-resolution picture:\n\n{write_work(convs)}\n\n{write_roofs(convs)}\n")
    print(f"conv_hr and conv_last of a x4 net, picoseconds per such pixel:\n\n{write_hr_last()}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("-n", "--nets", nargs="+", default=["25x64x32", "srdgan-x4-fast"], help="models, or BxFxG")
    options = parser.parse_args(arguments)
    with one_line_errors(parser):
        print_tables(options.nets)


if __name__ == "__main__":
    main()
