"""Counts the instructions of the products' loops on 64-bit ARM: ``python -m benchmarks.arm_loops``.

No ARM processor is needed: the kernels are cross-compiled, and LLVM's machine code analyser estimates the cycles of one
turn with all data in the first-level cache. Versions of LLVM differ in what they know of a processor, so the head of
the table names the version. A loop of int8 is one turn over 16 channels; the loops inside it that only fetch weights
ahead are counted once.

Needs g++-aarch64-linux-gnu with its binutils, and llvm-mca.
"""

from __future__ import annotations

import re
import runpy
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cycles import read_version, run
from benchmarks.tables import write_table
from srdgan_rt.errors import InputError
from training.cli.parser import CommandParser, one_line_errors

_ROOT = Path(__file__).resolve().parents[1]
_TURNS = 200  # of every loop
_JUMP = re.compile(r"(?:b(?:\.\w+)?|cbn?z\s+\w+,|tbn?z\s+\w+, #\d+,)\s+([0-9a-f]+)\b")


@dataclass(frozen=True)
class Product:
    """One product's loop: what it is, its source, the name of its functions, the multiply-add and its products."""

    name: str
    source: str
    function: str
    multiply_add: str
    products: int


PRODUCTS = (
    Product("fp32, portable", "winograd_portable.cpp", "FloatBlock<srdgan::Float32>", "fmla", 4),
    Product("fp32, NEON", "winograd_neon.cpp", "FloatBlock<srdgan::Float32>", "fmla", 4),
    Product("upsample_conv, portable", "upsample_conv_portable.cpp", "block", "fmla", 4),
    Product("upsample_conv, NEON", "upsample_conv_neon.cpp", "block", "fmla", 4),
    Product("int8, portable", "winograd_portable.cpp", "ByteBlock", "mla", 4),
    Product("int8, dotprod", "winograd_neon_dotprod.cpp", "ByteBlock", "sdot", 16),
    Product("int8, i8mm", "winograd_neon_i8mm.cpp", "ByteBlock", "sudot", 16),
)


def find_product_loop(disassembly: str, function: str, multiply_add: str) -> list[str]:
    """The loop with the largest share of multiply-adds, of those that hold none in a loop inside them.

    Args:
        disassembly: what ``objdump -d -C --no-show-raw-insn`` prints.
        function: part of the functions' names.
        multiply_add: beginning of the instruction.

    Raises:
        InputError: there is no such loop.
    """
    found: list[list[str]] = []
    for section in re.split(r"\n(?=[0-9a-f]+ <)", disassembly):
        if not re.match(rf"[0-9a-f]+ <.*{re.escape(function)}", section):
            continue
        lines = [(int(at, 16), text.strip()) for at, text in re.findall(r"^\s+([0-9a-f]+):\t(.*)$", section, re.M)]
        ends: dict[int, int] = {}  # of every loop, by its start: the last jump back there
        for at, text in lines:
            jump = _JUMP.match(text)
            if jump and lines[0][0] <= int(jump[1], 16) <= at:
                ends[int(jump[1], 16)] = at
        loops = {start: [text for at, text in lines if start <= at <= end] for start, end in ends.items()}
        with_products = {start for start, loop in loops.items() if count(loop, multiply_add)}
        for start in with_products:
            if not any(start < other and ends[other] <= ends[start] for other in with_products):
                found.append(loops[start])
    if not found:
        raise InputError(f"no loop of {function} has {multiply_add}")
    return max(found, key=lambda loop: count(loop, multiply_add) / len(loop))


def count(loop: list[str], instruction: str) -> int:
    """How many instructions of a loop begin so."""
    return sum(text.startswith(instruction) for text in loop)


def disassemble(source: str) -> str:
    """A kernel's file as it is compiled for Linux on ARM."""
    setup = runpy.run_path(str(_ROOT / "setup.py"))
    lists = setup["read_source_lists"]()
    path = f"csrc/kernels/cpu/{source}"
    flags = setup["cxx_flags"](lists) + setup["read_isa_flags"](lists, "linux-aarch64").get(path, [])
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "kernel.o")
        run(["aarch64-linux-gnu-g++", *flags, f"-I{_ROOT}", "-c", str(_ROOT / path), "-o", target])
        return run(["aarch64-linux-gnu-objdump", "-d", "-C", "--no-show-raw-insn", target])


def count_cycles(analyser: str, processor: str, loop: list[str]) -> float:
    """Cycles of one turn, the mean of many."""
    body = [re.sub(r"\s*(<.*>|//.*)", "", text) for text in loop if not re.match(r"b|cbn?z|tbn?z", text)]
    options = ["-mtriple=aarch64", f"-mcpu={processor}", "-mattr=+dotprod,+i8mm", f"-iterations={_TURNS}"]
    (total,) = re.findall(r"^Total Cycles:\s+(\d+)", run([analyser, *options, "-"], "\n".join(body)), re.M)
    return int(total) / _TURNS


def write_counts(analyser: str, processors: Sequence[str]) -> str:
    """The table: a row for each product."""
    version = read_version(analyser)
    rows = []
    for product in PRODUCTS:
        loop = find_product_loop(disassemble(product.source), product.function, product.multiply_add)
        adds = count(loop, product.multiply_add)
        row = [product.name, *map(str, (len(loop), adds, count(loop, "ld"), count(loop, "st")))]
        for processor in processors:
            cycles = count_cycles(analyser, processor, loop)
            row.append(f"{cycles:.1f} ({adds * product.products / cycles:.1f})")
        rows.append(row)
    columns = [f"{name}: cycles (products per cycle)" for name in processors]
    head = [f"loop (LLVM {version})", "instructions", "multiply-adds", "loads", "stores", *columns]
    return write_table(head, rows)


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument(
        "--processors",
        nargs="+",
        default=["neoverse-n1", "cortex-a55"],
        help="as llvm-mca -mtriple=aarch64 -mcpu=help lists them (default: neoverse-n1 cortex-a55)",
    )
    parser.add_argument("--llvm-mca", default="llvm-mca", metavar="PROGRAM", help="name or path of the analyser")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        print(write_counts(arguments.llvm_mca, arguments.processors))


if __name__ == "__main__":
    main()
