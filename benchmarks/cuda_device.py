"""Tries the CUDA kernels on a GPU: ``python -m benchmarks.cuda_device``. Nothing else is needed there but the package.

    python -m benchmarks.cuda_device --parts check sanitize time compile
    python -m benchmarks.cuda_device --dry-run        # the same without a GPU, in small: the kernels run on the CPU

Parts, in the order in which a short loan of a GPU should spend its time:

``check``    the op against float64 and against PyTorch in the same type, on odd sizes, several nets, samples and
             strides: its error may be at most twice PyTorch's own. Two runs, and the engine, must give the same bits.
``sanitize`` NVIDIA's compute-sanitizer (memcheck, racecheck, synccheck) over small pictures, where it is installed.
``time``     a product of matrices, a copy, and then each net and size: the op in a CUDA graph against PyTorch
             channels-last in float16, also in a graph, in turn; and whole pictures from host to host. LR megapixels a
             second, TFLOP/s, and percent of the product.
``compile``  the same against torch.compile, which takes minutes to start.

It ends with status 1 if a check fails, and with status 2 where there is no GPU.
"""

from __future__ import annotations

import argparse
import copy
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from srdgan_rt import _ext
from srdgan_rt.bench.nets import open_model
from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import InputError
from srdgan_rt.metrics.table import render_markdown_table
from srdgan_rt.models import L2HNet
from srdgan_rt.ops import l2h_net_cuda, l2h_net_cuda_pack
from srdgan_rt.runtime.engines.cuda_library import CudaEngine, CudaLibrary
from srdgan_rt.runtime.engines.native import list_layers
from srdgan_rt.runtime.tf32 import without_tf32
from training.cli.parser import CommandParser, one_line_errors

PARTS = ("check", "sanitize", "time", "compile")
_TOOLS = ("memcheck", "racecheck", "synccheck")
_DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
_LARGEST_RATIO = 2.0  # of the op's error to PyTorch's
_ROUNDS = 5


@dataclass(frozen=True)
class Place:
    """Where the kernels run: on a GPU, or on the CPU in a dry run."""

    device: torch.device
    library: CudaLibrary

    @property
    def is_gpu(self) -> bool:
        return self.device.type == "cuda"

    def wait(self) -> None:
        if self.is_gpu:
            torch.cuda.synchronize()

    def graph(self, run: Callable[[], object]) -> Callable[[], object]:
        """The same work as one CUDA graph; as it is on the CPU."""
        if not self.is_gpu:
            return run
        side = torch.cuda.Stream()  # PyTorch asks for a first run on another stream
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                run()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            run()
        return graph.replay

    def measure(self, runs: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
        """Seconds of a run, by name; the best of several rounds in turn."""
        best = dict.fromkeys(runs, float("inf"))
        for _ in range(_ROUNDS if self.is_gpu else 1):
            for name, run in runs.items():
                if self.is_gpu:  # to warm up
                    run()
                    self.wait()
                count, start = 0, time.perf_counter()
                while count == 0 or time.perf_counter() - start < seconds / _ROUNDS:
                    for _ in range(4 if self.is_gpu else 1):
                        run()
                        count += 1
                    self.wait()
                best[name] = min(best[name], (time.perf_counter() - start) / count)
        return best


# -- check ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A net and a picture."""

    net: tuple[int, int, int, int, int]  # RRDBs, features, growth, scale, unshuffle
    shape: tuple[int, int, int]  # N, H, W


CASES = [
    Case((1, 64, 32, 4, 1), (1, 48, 48)),
    Case((1, 64, 32, 4, 1), (2, 33, 67)),
    Case((2, 32, 16, 4, 1), (1, 1, 1)),
    Case((2, 32, 16, 4, 1), (1, 17, 129)),
    Case((1, 24, 12, 2, 2), (3, 15, 31)),
    Case((1, 16, 16, 1, 4), (1, 29, 30)),
    Case((4, 32, 16, 4, 1), (1, 256, 256)),
    Case((25, 64, 32, 4, 1), (1, 128, 96)),
]
DRY_CASES = [Case((1, 8, 4, 2, 1), (1, 5, 6)), Case((1, 8, 4, 1, 2), (2, 3, 5))]


def make_net(sizes: tuple[int, int, int, int, int]) -> L2HNet:
    """A net with random weights whose results lie around the middle of the range."""
    torch.manual_seed(0)
    net = L2HNet(*sizes).eval().requires_grad_(False)
    with torch.no_grad():
        net.conv_last.bias.fill_(0.5)
    return net


@torch.inference_mode()
def run_torch(net: nn.Module, x: Tensor, dtype: torch.dtype) -> Tensor:
    """The network in PyTorch in one type, in float64 without any rounding to fewer bits."""
    net = copy.deepcopy(net).to(x.device, dtype)
    with without_tf32:
        result: Tensor = net(x.to(dtype))
    return result.to(torch.float64)


def rms(x: Tensor) -> float:
    return float(x.square().mean().sqrt())


def check(place: Place, cases: Sequence[Case]) -> bool:
    """Prints a table of errors; whether all are small enough."""
    rows, passed = [], True
    for case in cases:
        net = make_net(case.net)
        batch, height, width = case.shape
        generator = torch.Generator().manual_seed(1)
        samples = torch.randint(0, 256, (batch, 3, height, width), generator=generator, dtype=torch.uint8)
        x = (samples / 255.0).to(place.device)
        exact = run_torch(net, x, torch.float64)
        for precision, half_sums in (("fp16", False), ("fp16", True), ("bf16", False)):
            packed = l2h_net_cuda_pack(list_layers(net), precision, half_sums=half_sums)
            on_device = packed.to(place.device)
            result = l2h_net_cuda(x, on_device)
            error = rms(result - exact)
            theirs = rms(run_torch(net, x, _DTYPES[precision]) - exact)
            faults = []
            if not error <= _LARGEST_RATIO * theirs:
                faults.append("INEXACT")
            if not torch.equal(result, l2h_net_cuda(x, on_device)):
                faults.append("NOT REPEATABLE")
            if not torch.equal(result, l2h_net_cuda(x.contiguous(memory_format=torch.channels_last), on_device)):
                faults.append("STRIDES MATTER")
            of_bytes = l2h_net_cuda(samples.to(place.device), on_device)
            if not torch.equal(of_bytes, (255 * result.clamp(0, 1)).round().to(torch.uint8)):
                faults.append("BYTES DIFFER")
            engine = CudaEngine(place.library, place.device.index or 0, packed, samples=torch.float32, planar=True)
            whole = torch.empty(result.shape[1:])
            engine.run_picture(x[0].cpu().contiguous(), whole, side=4096, halo=0, border=0)
            if not torch.equal(whole, result[0].cpu()) and height % net.unshuffle == width % net.unshuffle == 0:
                faults.append("ENGINE DIFFERS")
            passed &= not faults
            name = "x".join(map(str, case.net))
            form = f"{precision}{', sums too' if half_sums else ''}"
            figures = [f"{error:.2e}", f"{theirs:.2e}", f"{error / theirs if theirs else 0:.2f}"]
            rows.append([name, "x".join(map(str, case.shape)), form, *figures, ", ".join(faults) or "right"])
    headings = ["net", "pictures", "type", "error", "PyTorch's", "ratio", ""]
    print(render_markdown_table([headings, *rows], 3), flush=True)
    return passed


def sanitize(is_dry: bool) -> bool:
    """Runs the small cases under compute-sanitizer; whether it finds nothing."""
    tool = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    passed = True
    for name in _TOOLS:
        command = [tool, f"--tool={name}", "--error-exitcode=9", sys.executable, "-m", "benchmarks.cuda_device"]
        command += ["--parts", "check", "--small"]
        if is_dry or not Path(tool).exists():
            print(f"not run: {' '.join(command)}", flush=True)
            continue
        status = subprocess.run(command, check=False).returncode
        print(f"compute-sanitizer {name}: {'clean' if status == 0 else f'status {status}'}", flush=True)
        passed &= status == 0
    return passed


# -- time -----------------------------------------------------------------------------------------------------------


def measure_product(place: Place, seconds: float) -> float:
    """TFLOP/s of a product of float16 matrices (float32 on a CPU)."""
    side, dtype = (8192, torch.float16) if place.is_gpu else (256, torch.float32)
    a, b = (torch.rand(side, side, device=place.device).to(dtype) for _ in range(2))
    out = torch.empty_like(a)
    best = place.measure({"product": lambda: torch.mm(a, b, out=out)}, seconds)["product"]
    return 2 * side**3 / best / 1e12


def measure_copy(place: Place, seconds: float) -> float:
    """GB/s that a copy inside the device's memory reads and writes."""
    source = torch.zeros(2**28 if place.is_gpu else 2**18, dtype=torch.uint8, device=place.device)
    target = torch.empty_like(source)
    best = place.measure({"copy": lambda: target.copy_(source)}, seconds)["copy"]
    return 2 * source.numel() / best / 1e9


def make_runs(place: Place, model: Model, x: Tensor, *, compiles: bool) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    runs: dict[str, Callable[[], object]] = {}
    for name, half_sums in (("op", False), ("op, sums in fp16", True)):
        packed = l2h_net_cuda_pack(list_layers(model.net), half_sums=half_sums).to(place.device)
        runs[name] = place.graph(lambda packed=packed: l2h_net_cuda(x, packed))  # type: ignore[misc]
    dtype = torch.float16 if place.is_gpu else torch.float32
    net = copy.deepcopy(model.net).to(place.device, dtype).to(memory_format=torch.channels_last)
    y = x.to(dtype).contiguous(memory_format=torch.channels_last)
    runs["torch, channels last"] = place.graph(lambda: net(y))
    if compiles:
        compiled = torch.compile(net, mode="max-autotune-no-cudagraphs")
        runs["torch.compile"] = place.graph(lambda: compiled(y))
    return runs


@torch.inference_mode()
def time_nets(
    place: Place, models: Mapping[str, Model], sides: Sequence[int], seconds: float, *, compiles: bool
) -> None:
    """Prints tables of speeds."""
    product = measure_product(place, seconds)
    print(f"product {product:.4g} TFLOP/s, copy {measure_copy(place, seconds):.4g} GB/s\n", flush=True)
    rows = []
    for name, model in models.items():
        for side in sides:
            x = torch.rand(1, 3, side, side, device=place.device)
            pixels, flop = side**2, 2 * model.spec.macs_per_pixel * side**2
            runs = make_runs(place, model, x, compiles=compiles)
            for what, best in place.measure(runs, seconds).items():
                rate = flop / best / 1e12
                figures = [f"{1e3 * best:.3f}", f"{pixels / best / 1e6:.4g}", f"{rate:.4g}"]
                rows.append([name, f"{side}x{side}", what, *figures, f"{100 * rate / product:.1f}"])
        rows.append(time_picture(place, name, model, 4 * max(sides), max(sides), seconds, product))
    headings = ["net", "LR size", "what", "ms", "LR MP/s", "TFLOP/s", "% of product"]
    print(render_markdown_table([headings, *rows], 3), flush=True)


def time_picture(
    place: Place, name: str, model: Model, side: int, tile: int, seconds: float, product: float
) -> list[str]:
    """A row for a whole picture in bytes, from the host's memory to the host's memory, in tiles."""
    packed = l2h_net_cuda_pack(list_layers(model.net))
    engine = CudaEngine(place.library, place.device.index or 0, packed, samples=torch.uint8, planar=False)
    picture = torch.randint(0, 256, (side, side, 3), dtype=torch.uint8)
    result = torch.empty(model.spec.scale * side, model.spec.scale * side, 3, dtype=torch.uint8)
    halo = min(model.spec.halo, tile // 4)

    def run() -> None:
        engine.run_picture(picture, result, side=tile + 2 * halo, halo=halo, border=0)

    best = place.measure({"picture": run}, seconds)["picture"]
    rate = 2 * model.spec.macs_per_pixel * side**2 / best / 1e12
    figures = [f"{1e3 * best:.3f}", f"{side**2 / best / 1e6:.4g}", f"{rate:.4g}", f"{100 * rate / product:.1f}"]
    return [name, f"{side}x{side}", f"engine, host to host, tiles of {tile}", *figures]


# -- command --------------------------------------------------------------------------------------------------------


def open_place(is_dry: bool) -> Place:
    """The GPU, or the CPU with the library of the tests.

    Raises:
        InputError: the package has no CUDA kernels, or there is no GPU.
    """
    if is_dry:
        sys.path.append(str(Path(__file__).parents[1] / "tests" / "helpers"))
        import simt_library  # type: ignore[import-not-found]

        path = simt_library.build(Path("build") / "simt")
        simt_library.load_op(path)
        return Place(torch.device("cpu"), CudaLibrary(path))
    if (reason := _ext.why_no_cuda()) is not None:
        raise InputError(reason)
    if not torch.cuda.is_available():
        raise InputError("there is no GPU; --dry-run needs none")
    library = _ext.library()
    assert library is not None
    return Place(torch.device("cuda", torch.cuda.current_device()), CudaLibrary(library))


def describe(place: Place) -> str:
    record = _ext.build_record() or {}
    name = torch.cuda.get_device_name(place.device) if place.is_gpu else "CPU, dry run"
    built = f"commit {record.get('commit')}, CUDA {record.get('cuda')} for {record.get('cuda_architectures')}"
    return f"{name}; torch {torch.__version__}; {built}; {time.strftime('%Y-%m-%d')}"


def run_parts(options: argparse.Namespace) -> bool:
    """Prints what the parts find; whether all checks passed."""
    nets, sides, seconds = options.nets, options.sides, options.seconds
    if options.dry_run:
        nets, sides, seconds = ["1x8x4"], [6], 0.001
    is_timed = not {"time", "compile"}.isdisjoint(options.parts)
    models = {name: open_model(name) for name in nets} if is_timed else {}
    place = open_place(options.dry_run)
    print(describe(place), "\n", flush=True)
    passed = True
    if "check" in options.parts:
        cases = DRY_CASES if options.dry_run else CASES[:3] if options.small else CASES
        passed &= check(place, cases)
    if "sanitize" in options.parts:
        passed &= sanitize(options.dry_run)
    if is_timed:
        time_nets(place, models, sides, seconds, compiles="compile" in options.parts and place.is_gpu)
    print("all checks passed" if passed else "a check FAILED")
    return passed


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("-n", "--nets", nargs="+", default=["25x64x32", "srdgan-x4-fast"], help="nets to time")
    parser.add_argument("--sides", nargs="+", type=int, default=[256, 512], help="of the pictures that are timed")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS[:3]), metavar="PART")
    parser.add_argument("--small", action="store_true", help="only the first cases, for compute-sanitizer")
    parser.add_argument("--dry-run", action="store_true", help="without a GPU, tiny")
    options = parser.parse_args(arguments)
    if min(options.sides) < 1 or options.seconds <= 0:
        parser.error("--sides and --seconds must be above 0")
    with one_line_errors(parser):
        return 0 if run_parts(options) else 1


if __name__ == "__main__":
    raise SystemExit(main())
