"""Builds the compiled extension; all other metadata is in pyproject.toml.

Environment variables:
    SRDGAN_RT_NO_EXT=1: no extension at all; the package then runs on PyTorch alone.
    SRDGAN_RT_CUDA=auto|0|1|LIST: CUDA kernels where torch is built for CUDA and the toolkit is there (auto, the
        default), never (0), always (1), or for a list of GPU architectures ("8.6", "80;90+PTX"). 1 and LIST need the
        toolkit, but neither a GPU nor a torch with CUDA. auto and 1 build for the GPUs at hand, or, where there are
        none, for those of TORCH_CUDA_ARCH_LIST, or of cmake/sources.cmake. They leave out GPUs older than compute
        capability 8.0; where there are no others, auto builds no CUDA kernels.
    MAX_JOBS: compiler processes at a time.
"""

from __future__ import annotations

import json
import os
import platform
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, NamedTuple

from setuptools import Extension, setup

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "cmake"))
import cuda_build  # noqa: E402

EXTENSION = "srdgan_rt._C"
SESSION = "srdgan_rt._session"  # a C library; Python's name for shared libraries keeps the build simple
OLDEST_GPU = "compute capability 8.0 or more"
WITHOUT_EXTENSION = "SRDGAN_RT_NO_EXT=1 installs the package without it, 3 to 5 times slower"
# Stable ABI of torch 2.11 and CPython's limited API: one binary serves all torch and Python that pyproject.toml allows.
STABLE_ABI_FLAGS = ["-DTORCH_STABLE_ONLY", "-DTORCH_TARGET_VERSION=0x020b000000000000"]


def read_source_lists() -> dict[str, list[str]]:
    """All ``set(NAME value...)`` of cmake/sources.cmake."""
    text = re.sub(r"#.*", "", (ROOT / "cmake" / "sources.cmake").read_text(encoding="utf-8"))
    return {name: values.split() for name, values in re.findall(r"set\(\s*(\w+)([^)]*)\)", text)}


def read_switch(name: str, allowed: tuple[str, ...]) -> str:
    """An environment variable with a closed set of values, the first of which is the default."""
    value = os.environ.get(name) or allowed[0]
    if value not in allowed:
        raise SystemExit(f"{name} must be {', '.join(allowed[:-1])} or {allowed[-1]}, got {value}")
    return value


class CudaBuild(NamedTuple):
    """What the CUDA kernels are compiled with and for."""

    toolkit: Path
    architectures: list[str]  # as of cuda_build.parse_architectures


def plan_cuda(default_architectures: list[str]) -> CudaBuild | None:
    """What SRDGAN_RT_CUDA asks for; None for no CUDA kernels.

    Raises:
        SystemExit: it is no such value, or cannot be done here.
    """
    import torch

    switch = os.environ.get("SRDGAN_RT_CUDA") or "auto"
    asked = None if switch in ("auto", "0", "1") else read_asked(switch)
    if switch == "0" or (switch == "auto" and torch.version.cuda is None):
        return None
    toolkit = cuda_build.find_toolkit()
    if toolkit is None:
        if switch == "auto":
            return None
        raise SystemExit(f"SRDGAN_RT_CUDA={switch}, but no CUDA toolkit was found (set CUDA_HOME)")
    at_hand = [] if asked else cuda_build.list_visible_gpus()
    wanted = asked or cuda_build.drop_old(at_hand) or read_listed()
    architectures = cuda_build.drop_old(wanted)
    if not architectures and (at_hand or wanted) and switch == "auto":
        print(f"no CUDA kernels are built: they need {OLDEST_GPU}, got architecture {', '.join(wanted or at_hand)}")
        return None
    return CudaBuild(toolkit, architectures or cuda_build.limit_to_known(toolkit, default_architectures))


def read_asked(switch: str) -> list[str]:
    """The architectures that SRDGAN_RT_CUDA lists."""
    asked, unknown = cuda_build.parse_architectures(switch)
    if not asked or unknown or cuda_build.drop_old(asked) != asked:
        raise SystemExit(
            f"SRDGAN_RT_CUDA must be auto, 0, 1 or a list of GPU architectures of {OLDEST_GPU} (8.6), got {switch}"
        )
    return asked


def read_listed() -> list[str]:
    """The architectures of TORCH_CUDA_ARCH_LIST; says which of its entries are none."""
    listed, unknown = cuda_build.parse_architectures(os.environ.get("TORCH_CUDA_ARCH_LIST", ""))
    if unknown:
        print(f"TORCH_CUDA_ARCH_LIST: {', '.join(unknown)} left out, as numbers are needed (8.6)")
    return listed


def cxx_flags(sources: dict[str, list[str]]) -> list[str]:
    own = ["-O3", "-std=c++17", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter"]
    return own + sources["SRDGAN_CXX_FLAGS"]


def read_isa_flags(sources: dict[str, list[str]], target: str) -> dict[str, list[str]]:
    """The additional flags of the sources that need more than the architecture's baseline.

    Args:
        sources: from :func:`read_source_lists`.
        target: as ``sysconfig.get_platform()`` names it: ``linux-x86_64``, ``macosx-11.0-arm64``.

    Returns:
        Flags by source. Apple's compiler may compile for two architectures at once, so it is told for which a flag is.
    """
    found: dict[str, list[str]] = {}
    for architecture, names in {"x86_64": ("x86_64", "amd64"), "arm64": ("aarch64", "arm64")}.items():
        table = sources[f"SRDGAN_{architecture.upper()}_FLAGS"]
        for source, flags in (entry.split("=", 1) for entry in table):
            if target.startswith("macosx"):
                found[source] = [word for flag in flags.split(",") for word in (f"-Xarch_{architecture}", flag)]
            elif target.endswith(names):
                found[source] = flags.split(",")
    return found


def make_session(sources: dict[str, list[str]]) -> Any:
    """The library of ``srdgan_rt.session``, without torch. Its objects of the kernels serve the extension, too."""
    return Extension(
        SESSION,
        sources["SRDGAN_CPU_KERNEL_SOURCES"] + sources["SRDGAN_SESSION_SOURCES"],
        include_dirs=[str(ROOT)],
        extra_compile_args={"cxx": cxx_flags(sources)},
        extra_link_args=["-pthread"],
        language="c++",
        py_limited_api=True,
    )


def make_extension(sources: dict[str, list[str]], cuda: CudaBuild | None) -> Any:
    """The extension module. The CPU kernels and what nvcc compiles are not among its sources, see
    :func:`make_build_command`."""
    from torch.utils.cpp_extension import CppExtension

    files = sources["SRDGAN_CPU_OP_SOURCES"]
    includes, flags, link_flags = [str(ROOT)], [*STABLE_ABI_FLAGS, *cxx_flags(sources)], []
    if cuda is not None:
        for kind in ("HOST", "BACKEND", "DEVICE", "OP"):
            files = files + sources[f"SRDGAN_CUDA_{kind}_SOURCES"]
        includes.append(str(cuda.toolkit / "include"))
        flags.append("-DUSE_CUDA")
        # The runtime is linked statically, so that the library also loads where neither CUDA nor a torch for CUDA is
        # installed. libtorch.so is empty but needs all libraries that torch has: also libtorch_cuda.so where there is
        # one, which must not be named here.
        link_flags = ["-Wl,--exclude-libs,ALL", "-Wl,--no-as-needed", "-ltorch"]
        link_flags += [f"-L{cuda.toolkit / 'lib64'}", "-lcudart_static", "-ldl", "-lrt", "-lpthread"]
    return CppExtension(
        EXTENSION,
        files,
        include_dirs=includes,
        extra_compile_args={"cxx": flags},
        extra_link_args=link_flags,
        py_limited_api=True,
    )


def git_commit() -> str | None:
    """The commit of the source tree, with "+" where files were changed since; None outside a repository."""
    try:
        git = ["git", "-C", str(ROOT)]
        top = subprocess.run([*git, "rev-parse", "--show-toplevel", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    folder, commit = top.stdout.split("\n")[:2]
    if Path(folder) != ROOT:  # an unpacked source archive inside somebody else's repository
        return None
    return commit + ("+" if changed.stdout.strip() else "")


def compiler_version(command: list[str]) -> str:
    output = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False).stdout
    return output.splitlines()[0] if output else command[0]


def check_compiler() -> None:
    """Ends the build with one readable reason where there is no compiler."""
    compiler = (os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "c++").split()[0]
    if shutil.which(compiler) is None:
        raise SystemExit(
            f"error: the C++ compiler {compiler} was not found, and the extension cannot be built: install g++ "
            f"(Debian, Ubuntu: apt install g++), or name a compiler by CXX; {WITHOUT_EXTENSION}"
        )


def make_build_command(sources: dict[str, list[str]], isa_flags: dict[str, list[str]], cuda: CudaBuild | None) -> type:
    import torch
    from torch.utils.cpp_extension import BuildExtension

    class BuildWithRecord(BuildExtension):
        """Writes srdgan_rt/_C.build.json beside the library: what it was built from and with."""

        def run(self) -> None:
            check_compiler()
            digest_sources = runpy.run_path(str(ROOT / "srdgan_rt" / "_sources.py"))["digest_sources"]
            digest = digest_sources(ROOT)  # read now: files that change during the build are not in it
            try:
                super().run()
            except Exception:
                print(f"The extension could not be built; {WITHOUT_EXTENSION}.")
                raise
            record = {
                "version": self.distribution.get_version(),
                "commit": git_commit(),
                "sources": digest,
                "compiler": compiler_version(self.compiler.compiler_cxx[:1]),
                "platform": platform.platform(),
                "torch": torch.__version__,
                "cuda": None if cuda is None else cuda_build.read_version(cuda.toolkit),
                "cuda_architectures": None if cuda is None else cuda.architectures,
            }
            target = Path(self.get_ext_fullpath(EXTENSION)).with_name("_C.build.json")
            target.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")

        def build_extensions(self) -> None:
            """Links the extension with kernels from elsewhere: those of the session, which comes first, and nvcc's."""
            extension = next(one for one in self.extensions if one.name == EXTENSION)
            kernels = sources["SRDGAN_CPU_KERNEL_SOURCES"]
            extension.extra_objects = self.compiler.object_filenames(kernels, output_dir=self.build_temp)
            if cuda is not None:
                kernels, folder = sources["SRDGAN_CUDA_KERNEL_SOURCES"], Path(self.build_temp)
                extension.extra_objects += cuda_build.compile_kernels(
                    cuda.toolkit, ROOT, kernels, cuda.architectures, folder
                )
            super().build_extensions()

        def build_extension(self, extension: Extension) -> None:
            """Compiles the sources that have flags of their own first, those of equal flags together."""
            compile_sources = self.compiler.compile

            def compile_groups(files: list[str], *, extra_postargs: dict[str, list[str]], **options: Any) -> list[str]:
                groups: dict[tuple[str, ...], list[str]] = {}
                for file in files:
                    groups.setdefault(tuple(isa_flags.get(file, ())), []).append(file)
                objects: list[str] = []
                for flags, group in sorted(groups.items(), reverse=True):
                    arguments = {**extra_postargs, "cxx": [*extra_postargs["cxx"], *flags]}
                    objects += compile_sources(group, extra_postargs=arguments, **options)
                return objects

            self.compiler.compile = compile_groups
            try:
                super().build_extension(extension)
            finally:
                self.compiler.compile = compile_sources

    return BuildWithRecord


def main() -> None:
    if read_switch("SRDGAN_RT_NO_EXT", ("0", "1")) == "1":
        setup()
        return
    sources = read_source_lists()
    cuda = plan_cuda(sources["SRDGAN_CUDA_ARCHITECTURES"])
    isa_flags = read_isa_flags(sources, sysconfig.get_platform())
    setup(
        ext_modules=[make_session(sources), make_extension(sources, cuda)],
        cmdclass={"build_ext": make_build_command(sources, isa_flags, cuda)},
        options={"bdist_wheel": {"py_limited_api": "cp310"}},
    )


if __name__ == "__main__":
    main()
