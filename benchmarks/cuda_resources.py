"""Checks what the compiled CUDA kernels need of a GPU: ``python -m benchmarks.cuda_resources``.

Compiles every kernel for every architecture, warnings as errors, and reads what ptxas says: registers of a thread,
spills, shared memory. From that follows how many warps a multiprocessor can hold. The program ends with status 1 where
a kernel spills, or where fewer warps fit than it was designed for (``LEAST_WARPS``).

``--sass`` also counts the instructions of each kernel's main loop; it needs cuobjdump and nvdisasm, which the toolkit
or the packages nvidia-cuda-cuobjdump and nvidia-cuda-nvdisasm have. Needs nvcc and c++filt, no GPU.
"""

from __future__ import annotations

import itertools
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import write_table
from srdgan_rt.errors import InputError
from training.cli.parser import CommandParser, one_line_errors

_ROOT = Path(__file__).resolve().parents[1]

SHARED_KIB = {"80": 164, "86": 100, "87": 164, "89": 100, "90": 228, "90a": 228, "100": 228, "120": 100}
"""Shared memory of a multiprocessor, by architecture."""
LEAST_WARPS = {"16": 8, "32": 8, "64": 8}
"""Of the convolutions on a multiprocessor, by their outputs: two for each of its four schedulers."""

_REGISTERS = 65536
_RESERVED_BYTES = 1024  # of shared memory, for each block
_WARP_REGISTERS = 256  # are given to a warp at a time
_WARP = 32


@dataclass(frozen=True)
class Kernel:
    """A compiled kernel.

    Args:
        name: demangled, without namespaces and parameters.
        architecture: such as "80".
        registers: of a thread.
        spill_bytes: of a thread: stores and loads of registers that did not fit.
        static_shared_bytes: of a block.
    """

    name: str
    architecture: str
    registers: int
    spill_bytes: int
    static_shared_bytes: int

    @property
    def launch(self) -> tuple[int, int] | None:
        """Threads and dynamic shared bytes of a block, from the name of a convolution; None for other kernels."""
        found = re.fullmatch(r"conv(?:_hr_last|_wgmma)?_kernel<.*, (\d+), (\d+)>", self.name)
        return (int(found[1]), int(found[2])) if found else None

    @property
    def outputs(self) -> str | None:
        """Output channels of a convolution."""
        found = re.match(r"conv(?:_hr_last|_wgmma)?_kernel<\w+Tile<\w+, (?:\w+, )?(\d+)[,>]", self.name)
        return found[1] if found else None

    @property
    def warps(self) -> int | None:
        """Of a convolution that fit on a multiprocessor."""
        if self.launch is None:
            return None
        threads, shared = self.launch
        warps = threads // _WARP
        warp_registers = -(-self.registers * _WARP // _WARP_REGISTERS) * _WARP_REGISTERS
        by_registers = _REGISTERS // (warp_registers * warps)
        by_shared = SHARED_KIB[self.architecture] * 1024 // (shared + self.static_shared_bytes + _RESERVED_BYTES)
        return warps * min(by_registers, by_shared)

    def faults(self) -> Iterator[str]:
        """What is against the limits."""
        where = f"sm_{self.architecture}: {self.name}"
        if self.spill_bytes:
            yield f"{where} spills {self.spill_bytes} bytes"
        if self.warps is None or self.outputs is None or self._is_passed_over():
            return
        least = LEAST_WARPS[self.outputs]
        if self.warps < least:
            yield f"{where}: {self.warps} warps fit on a multiprocessor, {least} are needed"

    def _is_passed_over(self) -> bool:
        """Whether launch_fitting (conv3x3.cu) takes the large tile in place of this one."""
        return ", 32, 3, 2, 2>" in self.name and SHARED_KIB[self.architecture] == 100


def compile_kernels(source: str, architecture: str, cubin: Path) -> list[Kernel]:
    """Compiles one source for one architecture.

    Raises:
        InputError: nvcc does not know the architecture, or the source does not compile without a warning.
    """
    flags = ["-std=c++17", "-O3", f"-I{_ROOT}", "-Werror", "all-warnings", "-Xcompiler=-Wall,-Wextra"]
    if architecture == "90a":
        flags.append("-DSRDGAN_SM90A")
    code = f"-gencode=arch=compute_{architecture},code=sm_{architecture}"
    command = ["nvcc", *flags, "-cubin", code, "-Xptxas=-v", source, "-o", str(cubin)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT)
    if result.returncode != 0:
        raise InputError(f"nvcc failed for {source}, sm_{architecture}: {result.stderr.strip()[-2000:]}")
    if "wgmma.mma_async instructions are serialized" in result.stderr:
        raise InputError(f"{source}, sm_{architecture}: ptxas lets wgmma's products wait for each other")
    return parse_ptxas(result.stderr)


def parse_ptxas(text: str) -> list[Kernel]:
    """The kernels in what ``ptxas -v`` writes."""
    kernels = []
    for part in text.split("Compiling entry function '")[1:]:
        head = re.match(r"(\S+)' for 'sm_(\d+a?)'", part)
        spills = re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", part)
        registers = re.search(r"Used (\d+) registers", part)
        if head is None or spills is None or registers is None:
            raise InputError(f"ptxas wrote something unknown: {part[:300]}")
        shared = re.search(r"(\d+) bytes smem", part)
        kernels.append(
            Kernel(
                demangle(head[1]),
                head[2],
                int(registers[1]),
                int(spills[1]) + int(spills[2]),
                int(shared[1]) if shared else 0,
            )
        )
    return kernels


def demangle(name: str) -> str:
    """Without namespaces and parameters.

    Such as ``conv_kernel<ConvTile<__half, FloatSum, 32, 3, 2, 2>, FeatureInput, FeatureOutput, 128, 57600>``.
    """
    text = subprocess.run(["c++filt", name], capture_output=True, text=True, check=True).stdout.strip()
    text = re.sub(r"\(anonymous namespace\)::|srdgan::|gpu::|^void ", "", text)
    return text.split("(")[0]


def count_main_loop(sass: str) -> dict[str, tuple[int, int]]:
    """For every kernel with tensor core products: instructions of the smallest loop with all of them, and products.

    Loops inside of that loop count once.
    """
    counts = {}
    for part in re.split(r"\n\s*Function : ", sass)[1:]:
        name, _, body = part.partition("\n")
        instructions = re.findall(r"/\*([0-9a-f]{4,})\*/\s+([^;]*);", body)
        index = {int(address, 16): i for i, (address, _) in enumerate(instructions)}
        loops = []
        for i, (address, text) in enumerate(instructions):
            jump = re.search(r"\bBRA\b.*0x([0-9a-f]+)", text)
            if jump and int(jump[1], 16) < int(address, 16):
                loop = instructions[index[int(jump[1], 16)] : i + 1]
                loops.append((sum(re.search(r"\bHG?MMA", text) is not None for _, text in loop), len(loop)))
        products = max((mma for mma, _ in loops), default=0)
        if products:
            counts[demangle(name)] = (min(size for mma, size in loops if mma == products), products)
    return counts


def disassemble(cubin: Path) -> str:
    """The instructions of a compiled file.

    Raises:
        InputError: there is no cuobjdump.
    """
    if shutil.which("cuobjdump") is None:
        raise InputError("--sass needs cuobjdump and nvdisasm in PATH")
    command = ["cuobjdump", "-sass", str(cubin)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def list_sources() -> list[str]:
    """The .cu files of cmake/sources.cmake."""
    lists = runpy.run_path(str(_ROOT / "setup.py"), run_name="setup")["read_source_lists"]()
    return list(lists["SRDGAN_CUDA_KERNEL_SOURCES"])


def has_code(source: str, architecture: str) -> bool:
    """Whether a source has kernels for an architecture: those with wgmma are empty but for one."""
    return architecture == "90a" or not source.endswith("_wgmma.cu")


def print_main_loops(architectures: Sequence[str], cubins: Sequence[Path]) -> None:
    """One line for each kernel with tensor core products."""
    for architecture, cubin in zip(architectures, cubins, strict=True):
        for name, (size, products) in count_main_loop(disassemble(cubin)).items():
            print(f"sm_{architecture}: {name}: main loop of {size} instructions, {products} products")


def write_report(kernels: Sequence[Kernel]) -> str:
    """One row a kernel: registers, and warps on a multiprocessor, for each architecture."""
    architectures = list(dict.fromkeys(kernel.architecture for kernel in kernels))
    found = {(kernel.name, kernel.architecture): kernel for kernel in kernels}
    rows = []
    for name in dict.fromkeys(kernel.name for kernel in kernels):
        of_all = [found[name, architecture] for architecture in architectures if (name, architecture) in found]
        launch = of_all[0].launch
        rows.append(
            [
                f"`{name}`",
                str(launch[0]) if launch else "–",
                f"{launch[1] / 1024:.1f}" if launch else f"{of_all[0].static_shared_bytes / 1024:.1f}",
                *(f"{kernel.registers}" + (f", {kernel.warps}" if kernel.warps else "") for kernel in of_all),
                str(max(kernel.spill_bytes for kernel in of_all)),
            ]
        )
    heads = [f"sm_{architecture}" for architecture in architectures]
    return write_table(["kernel", "threads", "shared KiB", *heads, "spilled bytes"], rows)


def compile_all(architectures: Sequence[str], *, sass: bool) -> list[Kernel]:
    """Compiles everything, and prints the main loops.

    Raises:
        InputError: there is no nvcc, or as :func:`compile_kernels`.
    """
    if shutil.which("nvcc") is None:
        raise InputError("nvcc was not found")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [job for job in itertools.product(list_sources(), architectures) if has_code(*job)]
        cubins = [Path(folder) / f"{index}.cubin" for index in range(len(jobs))]
        compiled = list(pool.map(compile_kernels, *zip(*jobs, strict=True), cubins))
        if sass:
            print_main_loops([architecture for _, architecture in jobs], cubins)
    return list(itertools.chain.from_iterable(compiled))


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--arch", nargs="+", default=["80", "86", "87", "89", "90a", "120"], choices=list(SHARED_KIB))
    parser.add_argument("--sass", action="store_true", help="also count the instructions of the main loops")
    options = parser.parse_args(arguments)
    with one_line_errors(parser):
        kernels = compile_all(options.arch, sass=options.sass)
    print("Registers of a thread, then warps that fit on a multiprocessor:\n")
    print(write_report(kernels))
    faults = [fault for kernel in kernels for fault in kernel.faults()]
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
