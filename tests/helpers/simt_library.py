"""A library in which the CUDA backend and the op ``l2h_net_cuda`` run on the CPU (docs/design/simt.md).

It has the sources of the real library, compiled by g++, but for those that call the CUDA runtime. Tensors on the CPU
take the place of those on a GPU.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from srdgan_rt import _ext

ROOT = Path(__file__).resolve().parents[2]
_OPS = ["csrc/ops/cuda/l2h_net_cuda.cpp"]
_SIMT = "tests/cpp/simt"
_ARCHIVES = ("libsrdgan_cuda_kernels_on_cpu.a", "libsimt.a")  # CMake's, of the other sources


def why_not() -> str | None:
    """Why the library cannot be used here, or None."""
    if not _ext.is_available():
        return str(_ext.why_not())
    if (_ext.build_record() or {}).get("cuda"):
        return "the extension has the real op"
    return None if shutil.which("g++") else "needs g++"


def build(folder: Path) -> Path:
    """Compiles the library, which takes a minute of a core, or finds it there from the same sources.

    Where ``SRDGAN_TEST_CMAKE_BUILD`` names a folder in which CMake has built these sources, the op alone is compiled.
    Processes that need the library at the same time wait for the first one.
    """
    path = folder / f"libsrdgan_simt_{_digest()[:16]}.so"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _build(path)
    return path


def _build(path: Path) -> None:
    cmake_build = os.environ.get("SRDGAN_TEST_CMAKE_BUILD")
    archives = [Path(cmake_build) / _SIMT / name for name in _ARCHIVES] if cmake_build else []
    sources = _OPS if archives else [*_list_sources(), *_OPS]
    objects = path.parent / "objects"
    objects.mkdir(exist_ok=True)
    with ThreadPoolExecutor(int(os.environ.get("MAX_JOBS", "2"))) as pool:
        files = list(pool.map(lambda source: _compile(source, objects), sources))
    unfinished = path.with_suffix(".unfinished")
    torch_libraries = Path(torch.__file__).parent / "lib"
    link = ["g++", "-shared", *files, "-Wl,--whole-archive", *archives, "-Wl,--no-whole-archive", "-o", unfinished]
    subprocess.run([*link, f"-L{torch_libraries}", "-ltorch", "-ltorch_cpu", "-lc10"], check=True)
    unfinished.rename(path)


def load_op(path: Path) -> None:
    """Registers the op ``l2h_net_cuda`` for tensors on the CPU."""
    _ext.load()
    torch.ops.load_library(str(path))
    _ext.find_cuda_ops()


def _list_sources() -> list[str]:
    lists = _read_setup()
    names = ("KERNEL", "HOST", "BACKEND")
    sources = [source for name in names for source in lists[f"SRDGAN_CUDA_{name}_SOURCES"]]
    execution = [p.relative_to(ROOT).as_posix() for p in sorted((ROOT / _SIMT).glob("*.cpp"))]
    return [*sources, *(name for name in execution if not Path(name).name.startswith("test_"))]


def _read_setup() -> dict[str, list[str]]:
    import runpy
    import sys

    before = list(sys.path)
    try:
        lists: dict[str, list[str]] = runpy.run_path(str(ROOT / "setup.py"))["read_source_lists"]()
    finally:
        sys.path[:] = before
    return lists


def _digest() -> str:
    import hashlib

    digest = hashlib.sha256(torch.__version__.encode())
    folders = ("csrc", _SIMT, "tests/cpp")
    files = {
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".h", ".cpp", ".cu", ".cuh")
    }
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _compile(source: str, objects: Path) -> Path:
    from torch.utils import cpp_extension

    target = objects / (source.replace("/", "_") + ".o")
    flags = ["-xc++", "-std=c++17", "-O2", "-fPIC", "-fvisibility=hidden", "-Wno-unknown-pragmas", "-DSRDGAN_SIMT"]
    flags += ["-DTORCH_STABLE_ONLY", "-DTORCH_TARGET_VERSION=0x020b000000000000"]
    includes = [
        f"-I{ROOT}",
        f"-I{ROOT / _SIMT / 'include'}",
        *(f"-isystem{path}" for path in cpp_extension.include_paths()),
    ]
    subprocess.run(["g++", *flags, *includes, "-c", ROOT / source, "-o", target], check=True)
    return target
