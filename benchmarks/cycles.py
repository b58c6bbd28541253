"""Estimates the speed of int8 on other processors: ``python -m benchmarks.cycles``.

LLVM's machine code analyser knows which instructions a processor can start in a cycle, and how long each takes. This
program gives it the compiled loops of the three steps of a dense block (input transforms, products, output transforms),
for AVX-512, in floats and in bytes. The table has cycles per pixel of one core, and the ratio of floats to bytes.

This is a model, not a measurement: all data is in the first-level cache, and every jump is predicted. Bytes take a
quarter of the memory of floats, so caches should not reverse the ratio. Versions of LLVM differ in what they know of a
processor; the head of the table names the version.

Needs g++, objdump and llvm-mca, for the default processors that of LLVM 17 or later.
"""

from __future__ import annotations

import re
import runpy
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import write_table
from srdgan_rt.errors import InputError
from training.cli.parser import CommandParser, one_line_errors

Loop = Sequence[str]
"""Instructions of a loop without loops in it."""

_ROOT = Path(__file__).resolve().parents[1]
_TURNS = 200  # of every loop
_LANES = 16
_CONVOLUTIONS = 5  # of a dense block
_BLOCK_TILES = 14


@dataclass(frozen=True)
class Precision:
    """One kind of products, for AVX-512.

    Args:
        name: as in the table.
        source: what its steps are compiled from.
        type_name: of the steps' template argument; a source may hold the steps of several.
        tile: outputs per axis.
        depth: channels that one turn of a product's loop multiplies.
        multiply_add: the instruction that does.
        has_means: whether the means of the tiles are multiplied in floats, and the tiles have spreads.
    """

    name: str
    source: str
    type_name: str
    tile: int
    depth: int
    multiply_add: str
    has_means: bool

    @property
    def window(self) -> int:
        return self.tile + 2


PRECISIONS = (
    Precision("fp32", "winograd_avx512.cpp", "Float32", 6, 1, "vfmadd", False),
    Precision("int8", "winograd_avx512_vnni.cpp", "Int8", 4, 4, "vpdpbusd", True),
)
NETS = ((64, 32), (32, 16))
"""Features and growth channels."""


@dataclass(frozen=True)
class Steps:
    """Cycles per pixel of a dense block."""

    inputs: float
    products: float
    outputs: float

    @property
    def total(self) -> float:
        return self.inputs + self.products + self.outputs


def list_loops(disassembly: str, function: str) -> list[Loop]:
    """The innermost loops of the first function whose name matches, in their order.

    Args:
        disassembly: what ``objdump -d -C --no-show-raw-insn`` prints.
        function: regular expression.

    Raises:
        InputError: there is no such function.
    """
    for section in re.split(r"\n(?=[0-9a-f]+ <)", disassembly):
        head = section.split("\n", 1)[0]
        if re.match(r"[0-9a-f]+ <.*>:", head) and re.search(function, head):
            break
    else:
        raise InputError(f"there is no function {function}")
    lines = [(int(at, 16), text.strip()) for at, text in re.findall(r"^\s+([0-9a-f]+):\t(.*)$", section, re.M)]
    ends: dict[int, int] = {}  # of every loop, by its start: the last jump back there
    for at, text in lines:
        jump = re.match(r"j\w+\s+([0-9a-f]+)\b", text)
        if jump and lines[0][0] <= int(jump[1], 16) <= at:
            ends[int(jump[1], 16)] = at
    innermost = [
        (start, end)
        for start, end in ends.items()
        if not any(start <= other and ends[other] <= end for other in ends if other != start)
    ]
    return [[text for at, text in lines if start <= at <= end] for start, end in sorted(innermost)]


@dataclass(frozen=True)
class Analyser:
    """LLVM's machine code analyser.

    Args:
        program: its name or path.
        processor: one that ``-mcpu=help`` lists.
    """

    program: str
    processor: str

    def count_cycles(self, loop: Loop) -> float:
        """Cycles of one turn, the mean of many."""
        body = [re.sub(r"\s*(<.*>|#.*)", "", text) for text in loop if not text.startswith("j")]
        report = run([self.program, f"-mcpu={self.processor}", f"-iterations={_TURNS}", "-"], "\n".join(body))
        (total,) = re.findall(r"^Total Cycles:\s+(\d+)", report, re.M)
        return int(total) / _TURNS


def count(loop: Loop, wanted: str) -> int:
    """How many instructions of a loop begin so."""
    return sum(text.startswith(wanted) for text in loop)


def compute_steps(
    precision: Precision, compiled: Mapping[Precision, str], analyser: Analyser, features: int, growth: int
) -> Steps:
    """All five convolutions of a block, from the disassemblies of both precisions."""

    def find(precision: Precision, function: str, wanted: str, times: int) -> float:
        """Of the one loop of a function that has a kind of instruction so often."""
        loops = list_loops(compiled[precision], function)
        found = [loop for loop in loops if count(loop, wanted) == times]
        if len(found) != 1:
            raise InputError(f"{len(found)} of {len(loops)} loops of {function} have {times} {wanted}")
        return analyser.count_cycles(found[0])

    def multiply(precision: Precision, depth: int, channels: int) -> float:
        """The products of a tile at one point."""
        vectors = min(channels // _LANES, 2)
        product = rf"run<{_BLOCK_TILES}, {vectors}>\(srdgan::WinogradProduct<srdgan::{precision.type_name}> "
        turn = find(precision, product, precision.multiply_add, _BLOCK_TILES * vectors)
        return turn * depth / precision.depth * channels / (vectors * _LANES) / _BLOCK_TILES

    window, tile = precision.window, precision.tile
    inputs, outputs = (f"{step}<srdgan::{precision.type_name}>" for step in ("transform_input", "transform_output"))
    both = [loop for loop in list_loops(compiled[precision], inputs) if 0 < count(loop, "vfmadd") < window**2]
    first, second = map(analyser.count_cycles, both)
    # Four of five convolutions end in LeakyReLU, which is a maximum.
    vertical = analyser.count_cycles(list_loops(compiled[precision], outputs)[0])
    horizontal = find(precision, outputs, "vmaxps", tile)
    depths = [features + i * growth for i in range(_CONVOLUTIONS)]
    products = means = 0.0
    for depth, channels in zip(depths, [growth] * (_CONVOLUTIONS - 1) + [features], strict=True):
        products += window**2 * multiply(precision, depth, channels)
        if precision.has_means:
            products += multiply(PRECISIONS[0], depth, channels)
    transforms = depths[-1] / _LANES  # vectors of a tile, in as well as out
    if precision.has_means:  # all vectors have means, and the block's input decides the spread
        means = transforms * find(precision, inputs, "vaddps", tile**2 - 1)
        means += features / _LANES * find(precision, inputs, "vfmadd", window**2 + 1)
    return Steps(
        (transforms * window * (first + second) + means) / tile**2,
        products / tile**2,
        transforms * (window * vertical + tile * horizontal) / tile**2,
    )


def disassemble(source: str) -> str:
    """The kernel's file as the extension is compiled."""
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "kernel.o")
        path = f"csrc/kernels/cpu/{source}"
        setup = runpy.run_path(str(_ROOT / "setup.py"))
        lists = setup["read_source_lists"]()
        flags = setup["cxx_flags"](lists) + setup["read_isa_flags"](lists, "linux-x86_64")[path]
        run(["g++", *flags, f"-I{_ROOT}", "-c", str(_ROOT / path), "-o", target])
        return run(["objdump", "-d", "-C", "--no-show-raw-insn", target])


def run(command: Sequence[str], text: str = "") -> str:
    try:
        return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        raise InputError(f"{command[0]} is not installed") from None
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip() or f"status {error.returncode}"
        raise InputError(f"{command[0]} failed: {reason.splitlines()[0]}") from None


def read_version(analyser: str) -> str:
    """The version of LLVM's machine code analyser.

    Raises:
        InputError: the program is not there, or is another one.
    """
    found = re.search(r"LLVM version (\S+)", run([analyser, "--version"]))
    if found is None:
        raise InputError(f"{analyser} is not LLVM's machine code analyser")
    return found[1]


def write_cycles(program: str, processors: Sequence[str]) -> str:
    """The table: a row for each processor and net."""
    version = read_version(program)
    compiled = {precision: disassemble(precision.source) for precision in PRECISIONS}
    rows = []
    for processor in processors:
        for features, growth in NETS:
            analyser = Analyser(program, processor)
            steps = [compute_steps(p, compiled, analyser, features, growth) for p in PRECISIONS]
            figures = [value for s in steps for value in (s.inputs, s.products, s.outputs, s.total)]
            row = [processor, f"{features}/{growth}", *(f"{value:.0f}" for value in figures)]
            rows.append([*row, f"{steps[0].total / steps[1].total:.2f}"])
    names = [f"{p.name} {step}" for p in PRECISIONS for step in ("inputs", "products", "outputs", "all")]
    return write_table([f"processor (LLVM {version})", "features/growth", *names, "fp32 / int8"], rows)


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument(
        "--processors",
        nargs="+",
        default=["sapphirerapids", "znver4"],
        help="as llvm-mca -mcpu=help lists them (default: sapphirerapids znver4)",
    )
    parser.add_argument("--llvm-mca", default="llvm-mca", metavar="PROGRAM", help="name or path of the analyser")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        print(write_cycles(arguments.llvm_mca, arguments.processors))


if __name__ == "__main__":
    main()
