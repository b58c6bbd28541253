"""The CUDA part of setup.py: finds the toolkit, chooses GPU architectures, and runs nvcc.

The kernels know nothing of torch, so nvcc compiles them the same way for every torch: also for one without CUDA.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path

_NVCC_FLAGS = ("-O3", "-std=c++17", "-Xcompiler=-fPIC,-fvisibility=hidden")
_OLDEST = 80  # compute capability times ten: has cp.async and products of bfloat16
_ARCHITECTURE = re.compile(r"(\d{1,2})\.?(\d)([af]?)(\+PTX)?", re.IGNORECASE)


def find_toolkit() -> Path | None:
    """The folder of the CUDA toolkit: CUDA_HOME, CUDA_PATH, that of nvcc on the PATH, or /usr/local/cuda."""
    on_path = shutil.which("nvcc")
    places = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH")]
    places += [str(Path(on_path).resolve().parent.parent) if on_path else None, "/usr/local/cuda"]
    for folder in (Path(place) for place in places if place):
        if all((folder / part).exists() for part in ("bin/nvcc", "include/cuda_runtime_api.h")):
            return folder
    return None


def parse_architectures(text: str) -> tuple[list[str], list[str]]:
    """Reads a list of architectures.

    Args:
        text: such as ``8.6``, ``86``, ``80;90+PTX``, ``8.0, 9.0``, ``9.0a`` or ``10.0f``.

    Returns:
        Compute capabilities times ten, each once, with ``+PTX`` where code for later chips is kept:
        ``["80", "90+PTX"]``. ``90a`` is 90 with the instructions that no other GPU has; the kernels use none of those
        that ``a`` and ``f`` stand for on later chips. Then the entries that name no architecture.
    """
    found: list[str] = []
    unknown = []
    for entry in filter(None, re.split(r"[;,\s]+", text)):
        architectures = _parse_architecture(entry)
        found += architectures
        if not architectures:
            unknown.append(entry)
    return list(dict.fromkeys(found)), unknown


def _parse_architecture(entry: str) -> list[str]:
    """One entry; none where it names no architecture."""
    match = _ARCHITECTURE.fullmatch(entry)
    if match is None or (match[3] and int(match[1]) < 9):  # older chips have no such suffix
        return []
    number, ptx = match[1] + match[2], (match[4] or "").upper()
    if number + match[3].lower() != "90a":
        return [number + ptx]
    return ["90a", "90+PTX"] if ptx else ["90a"]  # PTX of 90a is for no other chip


def drop_old(architectures: list[str]) -> list[str]:
    """Those on which the kernels run: compute capability 8.0 and later."""
    return [architecture for architecture in architectures if int(re.sub(r"\D", "", architecture)) >= _OLDEST]


def list_visible_gpus() -> list[str]:
    """Architectures of the GPUs that torch sees, each once."""
    import torch

    if not torch.cuda.is_available():
        return []
    capabilities = {torch.cuda.get_device_capability(index) for index in range(torch.cuda.device_count())}
    return [f"{major}{minor}{'a' if (major, minor) == (9, 0) else ''}" for major, minor in sorted(capabilities)]


def limit_to_known(toolkit: Path, wanted: list[str]) -> list[str]:
    """The wanted architectures that the installed nvcc knows, with PTX of the last one for later chips."""
    nvcc = toolkit / "bin" / "nvcc"
    known = subprocess.run([nvcc, "--list-gpu-arch"], capture_output=True, text=True, check=True).stdout.split()
    usable = [arch for arch in wanted if f"compute_{arch.rstrip('a')}" in known]
    if not usable:
        raise SystemExit(
            f"{nvcc} knows none of the GPU architectures {' '.join(wanted)}; name others by SRDGAN_RT_CUDA"
        )
    if usable[-1].endswith("a"):  # whose PTX is for no other chip
        return [*usable, f"{usable[-1].rstrip('a')}+PTX"]
    return [*usable[:-1], f"{usable[-1]}+PTX"]


def list_code_flags(architectures: list[str]) -> list[str]:
    """nvcc's flags for architectures as of :func:`parse_architectures`."""
    flags = []
    if "90a" in architectures:
        flags.append("-DSRDGAN_SM90A")
    for architecture in architectures:
        number, _, ptx = architecture.partition("+")
        flags.append(f"-gencode=arch=compute_{number},code=sm_{number}")
        if ptx:
            flags.append(f"-gencode=arch=compute_{number},code=compute_{number}")
    return list(dict.fromkeys(flags))


def list_host_flags() -> list[str]:
    """nvcc's flag for the compiler that CXX names, which compiles the other sources, too; else nvcc takes its own."""
    words = list(takewhile(lambda word: not word.startswith("-"), shlex.split(os.environ.get("CXX", ""))))
    return [f"-ccbin={words[-1]}"] if words else []  # the last one: a launcher such as ccache comes before the compiler


def compile_kernels(toolkit: Path, root: Path, sources: list[str], architectures: list[str], folder: Path) -> list[str]:
    """Compiles .cu files, MAX_JOBS at a time, with the host compiler that CXX names, if it does.

    Args:
        toolkit: of :func:`find_toolkit`.
        root: of the repository.
        sources: paths below it.
        architectures: as of :func:`parse_architectures`.
        folder: for the object files.

    Returns:
        Paths of the object files.
    """
    jobs = int(os.environ.get("MAX_JOBS") or os.cpu_count() or 1)

    def run(source: str) -> str:
        target = folder / Path(source).with_suffix(".o")
        target.parent.mkdir(parents=True, exist_ok=True)
        threads = f"--threads={max(1, min(jobs, len(architectures)))}"
        flags = [*_NVCC_FLAGS, *list_host_flags(), *list_code_flags(architectures), threads, f"-I{root}"]
        command = [str(toolkit / "bin" / "nvcc"), *flags, "-c", str(root / source), "-o", str(target)]
        print(" ".join(command), flush=True)
        subprocess.run(command, check=True)
        return str(target)

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(run, sources))


def read_version(toolkit: Path) -> str | None:
    """The toolkit's version, such as ``13.0``."""
    command = [str(toolkit / "bin" / "nvcc"), "--version"]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    match = re.search(r"release ([\d.]+)", text)
    return match[1] if match else None
