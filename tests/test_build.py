"""The build: one source list, its switches, what a wheel holds, and how the package behaves without its extension."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch.utils import cpp_extension

import srdgan_rt
from srdgan_rt import _ext, _library, ops
from srdgan_rt._sources import digest_sources
from srdgan_rt.errors import ExtensionLoadError, ExtensionNotBuiltError

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def setup_py(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """setup.py as a module, with none of its switches set."""
    for name in ("SRDGAN_RT_CUDA", "SRDGAN_RT_NO_EXT", "TORCH_CUDA_ARCH_LIST", "CUDA_HOME", "CUDA_PATH"):
        monkeypatch.delenv(name, raising=False)
    spec = importlib.util.spec_from_file_location("srdgan_rt_setup", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_source_list_is_what_lies_on_the_disk(setup_py: ModuleType) -> None:
    lists = setup_py.read_source_lists()
    expected = {
        "SRDGAN_CPU_KERNEL_SOURCES": ["csrc/common/*.cpp", "csrc/kernels/cpu/*.cpp"],
        "SRDGAN_CUDA_KERNEL_SOURCES": ["csrc/kernels/cuda/*.cu"],
        "SRDGAN_CUDA_HOST_SOURCES": ["csrc/kernels/cuda/*.cpp"],
        "SRDGAN_CUDA_BACKEND_SOURCES": ["csrc/cuda/*.cpp"],
        "SRDGAN_CUDA_DEVICE_SOURCES": ["csrc/cuda/runtime/*.cpp"],
        "SRDGAN_SESSION_SOURCES": ["csrc/session/*.cpp"],
        "SRDGAN_CPU_OP_SOURCES": ["csrc/ops/*.cpp", "csrc/ops/cpu/*.cpp"],
        "SRDGAN_CUDA_OP_SOURCES": ["csrc/ops/cuda/*.cpp"],
    }
    for name, patterns in expected.items():
        found = sorted(path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern))
        assert lists[name] == found, name
    everywhere = {
        path.relative_to(ROOT).as_posix() for suffix in ("cpp", "cu") for path in ROOT.glob(f"csrc/**/*.{suffix}")
    }
    assert {source for name in expected for source in lists[name]} == everywhere
    assert all(re.fullmatch(r"\d{2,3}a?", arch) for arch in lists["SRDGAN_CUDA_ARCHITECTURES"])


def test_sources_of_one_instruction_set_get_its_flags_on_its_processors_alone(setup_py: ModuleType) -> None:
    lists = setup_py.read_source_lists()
    avx2, dotprod = (f"csrc/kernels/cpu/winograd_{isa}.cpp" for isa in ("avx2", "neon_dotprod"))
    intel = setup_py.read_isa_flags(lists, "linux-x86_64")
    assert intel[avx2] == ["-mavx2", "-mfma"]
    assert dotprod not in intel
    arm = setup_py.read_isa_flags(lists, "linux-aarch64")
    assert arm[dotprod] == ["-march=armv8.2-a+dotprod"]
    assert avx2 not in arm
    for target in ("macosx-11.0-arm64", "macosx-10.9-universal2"):
        apple = setup_py.read_isa_flags(lists, target)
        assert apple[dotprod] == ["-Xarch_arm64", "-march=armv8.2-a+dotprod"]
        assert apple[avx2] == ["-Xarch_x86_64", "-mavx2", "-Xarch_x86_64", "-mfma"]
    assert setup_py.read_isa_flags(lists, "linux-ppc64le") == {}
    kernels = lists["SRDGAN_CPU_KERNEL_SOURCES"]
    assert {*intel, *arm} == {source for source in kernels if re.search("_avx|_neon_", source)}


@pytest.fixture
def fake_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that makes empty files; returns where it writes down how it was called."""
    log = tmp_path / "log"
    compiler = tmp_path / "compiler"
    make_output = 'for word; do [ "$before" != -o ] || : > "$word"; before=$word; done'
    compiler.write_text(f'#!/bin/sh\necho "$@" >> {log}\necho a compiler\n{make_output}\n')
    compiler.chmod(0o755)
    for name in ("CC", "CXX"):
        monkeypatch.setenv(name, str(compiler))
    monkeypatch.setenv("SRDGAN_RT_CUDA", "0")
    return log


@pytest.mark.slow
def test_the_compiler_is_given_the_flags(tmp_path: Path, fake_compiler: Path) -> None:
    source = copy_sources(tmp_path / "source")
    environment = {**os.environ, "_PYTHON_HOST_PLATFORM": "linux-aarch64"}
    command = [sys.executable, "setup.py", "build_ext", "--build-temp", str(tmp_path / "objects")]
    result = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = fake_compiler.read_text().splitlines()
    calls = {Path(found[1]).name: line for line in lines if (found := re.search(r"(\S+\.cpp)", line))}
    assert "-march=armv8.2-a+dotprod" in calls["winograd_neon_dotprod.cpp"]
    assert "-march=" not in calls["winograd.cpp"]
    assert "-mavx" not in calls["winograd_avx2.cpp"]
    assert "-ffp-contract=fast" in calls["winograd.cpp"]


@pytest.fixture
def toolkit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CUDA toolkit that knows two architectures, on a machine without a GPU."""
    nvcc, header = tmp_path / "bin" / "nvcc", tmp_path / "include" / "cuda_runtime_api.h"
    for file in (nvcc, header):
        file.parent.mkdir()
    nvcc.write_text("#!/bin/sh\nprintf 'compute_80\\ncompute_90\\n'\n")
    nvcc.chmod(0o755)
    header.touch()
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    return tmp_path


def test_cuda_follows_torch_and_the_toolkit(
    setup_py: ModuleType, monkeypatch: pytest.MonkeyPatch, toolkit: Path
) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    assert setup_py.plan_cuda(["80", "86", "90"]) is None
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert setup_py.plan_cuda(["80", "86", "90"]) == setup_py.CudaBuild(toolkit, ["80", "90+PTX"])
    monkeypatch.setenv("SRDGAN_RT_CUDA", "0")
    assert setup_py.plan_cuda(["80"]) is None
    monkeypatch.setenv("SRDGAN_RT_CUDA", "auto")
    monkeypatch.setattr(setup_py.cuda_build, "find_toolkit", lambda: None)
    assert setup_py.plan_cuda(["80"]) is None


def test_cuda_asked_for_needs_no_torch_with_cuda(
    setup_py: ModuleType, monkeypatch: pytest.MonkeyPatch, toolkit: Path
) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    for switch, architectures in [
        ("1", ["90+PTX"]),
        ("8.6", ["86"]),
        ("80;9.0+ptx", ["80", "90+PTX"]),
        ("12.0", ["120"]),
        ("9.0a;90A 100", ["90a", "100"]),
        ("10.0f,9.0a+PTX", ["100", "90a", "90+PTX"]),
    ]:
        monkeypatch.setenv("SRDGAN_RT_CUDA", switch)
        assert setup_py.plan_cuda(["86", "90"]) == setup_py.CudaBuild(toolkit, architectures)
    for switch in ("yes", "2", "8.6a", "-1", ";", "8.6;Hopper", "7.5", "80;75", "10"):  # 10 is 1.0
        monkeypatch.setenv("SRDGAN_RT_CUDA", switch)
        rule = f"must be auto, 0, 1 or a list of GPU architectures of .* 8.0 or more .*, got {re.escape(switch)}$"
        with pytest.raises(SystemExit, match=rule):
            setup_py.plan_cuda(["90"])
    for switch in ("1", "8.6"):
        monkeypatch.setenv("SRDGAN_RT_CUDA", switch)
        monkeypatch.setattr(setup_py.cuda_build, "find_toolkit", lambda: None)
        with pytest.raises(SystemExit, match=f"SRDGAN_RT_CUDA={switch}, but no CUDA toolkit was found"):
            setup_py.plan_cuda(["90"])


def test_architectures_are_those_of_the_gpus_at_hand(
    setup_py: ModuleType, monkeypatch: pytest.MonkeyPatch, toolkit: Path
) -> None:
    with pytest.raises(SystemExit, match="knows none of the GPU architectures 100 120"):
        setup_py.cuda_build.limit_to_known(toolkit, ["100", "120"])
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "8.9;9.0+PTX")
    assert setup_py.plan_cuda(["80"]).architectures == ["89", "90+PTX"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: [(12, 0), (8, 6), (12, 0)][index])
    assert setup_py.plan_cuda(["80"]).architectures == ["86", "120"]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: [(9, 0), (8, 6), (10, 0)][index])
    assert setup_py.plan_cuda(["80"]).architectures == ["86", "90a", "100"]
    # PTX of 90a is for no other chip.
    assert setup_py.cuda_build.limit_to_known(toolkit, ["80", "90a", "100"]) == ["80", "90a", "90+PTX"]
    assert setup_py.cuda_build.list_code_flags(["90a"]) == [
        "-DSRDGAN_SM90A",
        "-gencode=arch=compute_90a,code=sm_90a",
    ]
    assert setup_py.cuda_build.list_code_flags(["86", "90+PTX"]) == [
        "-gencode=arch=compute_86,code=sm_86",
        "-gencode=arch=compute_90,code=sm_90",
        "-gencode=arch=compute_90,code=compute_90",
    ]


def test_old_gpus_are_left_out(
    setup_py: ModuleType, monkeypatch: pytest.MonkeyPatch, toolkit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: [(7, 5), (8, 6)][index])
    assert setup_py.plan_cuda(["80"]).architectures == ["86"]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (7, 5))
    assert setup_py.plan_cuda(["80"]) is None
    assert capsys.readouterr().out == (
        "no CUDA kernels are built: they need compute capability 8.0 or more, got architecture 75\n"
    )
    monkeypatch.setenv("SRDGAN_RT_CUDA", "1")
    assert setup_py.plan_cuda(["80"]).architectures == ["80+PTX"]
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "5.2;8.9")
    assert setup_py.plan_cuda(["80"]).architectures == ["89"]


@pytest.mark.parametrize(
    ("listed", "architectures", "unknown"),
    [
        ("8.0;8.6;9.0a;10.0a", ["80", "86", "90a", "100"], ""),
        ("5.2 7.5 8.6+PTX", ["86+PTX"], ""),
        ("9.0a+PTX", ["90a", "90+PTX"], ""),
        ("8.6;Hopper;next", ["86"], "Hopper, next"),
        ("Ampere;Hopper", ["80+PTX"], "Ampere, Hopper"),
    ],
)
def test_entries_of_torchs_list_that_can_be_read_are_kept(
    setup_py: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    toolkit: Path,
    capsys: pytest.CaptureFixture[str],
    listed: str,
    architectures: list[str],
    unknown: str,
) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", listed)
    assert setup_py.plan_cuda(["80"]).architectures == architectures
    said = f"TORCH_CUDA_ARCH_LIST: {unknown} left out, as numbers are needed (8.6)\n" if unknown else ""
    assert capsys.readouterr().out == said


def test_a_list_of_old_gpus_alone_builds_no_kernels(
    setup_py: ModuleType, monkeypatch: pytest.MonkeyPatch, toolkit: Path
) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "6.1;7.5")
    assert setup_py.plan_cuda(["80"]) is None


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [("", []), ("/usr/bin/g++-14", ["-ccbin=/usr/bin/g++-14"]), ("ccache g++ -B /usr/lib", ["-ccbin=g++"])],
)
def test_nvcc_takes_the_compiler_of_the_other_sources(
    setup_py: ModuleType, monkeypatch: pytest.MonkeyPatch, toolkit: Path, compiler: str, flags: list[str]
) -> None:
    monkeypatch.setenv("CXX", compiler)
    log = toolkit / "log"
    (toolkit / "bin" / "nvcc").write_text(f'#!/bin/sh\necho "$@" > {log}\n')
    setup_py.cuda_build.compile_kernels(toolkit, ROOT, ["one.cu"], ["86"], toolkit)
    assert [flag for flag in log.read_text().split() if flag.startswith("-ccbin")] == flags


@pytest.mark.parametrize("version", [None, "13.0"])
def test_the_extension_names_no_library_that_a_torch_for_the_cpu_lacks(
    setup_py: ModuleType, monkeypatch: pytest.MonkeyPatch, toolkit: Path, version: str | None
) -> None:
    monkeypatch.setattr(torch.version, "cuda", version)
    extension = setup_py.make_extension(setup_py.read_source_lists(), setup_py.CudaBuild(toolkit, ["86"]))
    assert "-ltorch" in extension.extra_link_args
    assert "torch_cuda" not in " ".join([*extension.extra_link_args, *extension.libraries])


@pytest.mark.parametrize("source", sorted(path.name for path in (ROOT / "csrc" / "ops" / "cuda").glob("*.cpp")))
def test_cuda_wrappers_compile(setup_py: ModuleType, source: str) -> None:
    """CMake checks the kernels without torch; their wrappers need torch's headers and those of the toolkit."""
    compiler, nvcc = shutil.which("g++"), shutil.which("nvcc")
    if compiler is None or nvcc is None:
        pytest.skip("needs g++ and the CUDA toolkit")
    toolkit = Path(nvcc).resolve().parent.parent
    if not (toolkit / "include" / "cuda_runtime_api.h").exists():
        toolkit = Path("/usr/local/cuda")
    includes = [
        f"-I{ROOT}",
        *(f"-isystem{path}" for path in cpp_extension.include_paths()),
        f"-isystem{toolkit}/include",
    ]
    flags = ["-fsyntax-only", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-DUSE_CUDA", *setup_py.STABLE_ABI_FLAGS]
    command = [compiler, *flags, *includes, str(ROOT / "csrc" / "ops" / "cuda" / source)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def copy_sources(target: Path) -> Path:
    """What an installation needs, without anything that was built in the tree."""
    ignored = shutil.ignore_patterns("*.so", "*.build.json", "__pycache__")
    for folder in ("cmake", "csrc", "include", "srdgan_rt"):
        shutil.copytree(ROOT / folder, target / folder, ignore=ignored)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, target / name)
    return target


def build_wheel(tmp_path: Path, **environment: str) -> tuple[str, set[str]]:
    """File name and contents of a wheel of this tree."""
    source = copy_sources(tmp_path / "source")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-build-isolation",
        "--no-deps",
        "-w",
        str(tmp_path),
        str(source),
    ]
    result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return wheel.name, set(archive.namelist())


def assert_package_data(names: set[str]) -> None:
    assert "srdgan_rt/py.typed" in names
    for path in (ROOT / "srdgan_rt" / "weights").iterdir():
        if path.suffix in (".safetensors", ".md"):
            assert f"srdgan_rt/weights/{path.name}" in names
    assert not [name for name in names if name.startswith(("tests/", "training/", "csrc/", "benchmarks/"))]


def test_wheel_without_extension(tmp_path: Path) -> None:
    name, names = build_wheel(tmp_path, SRDGAN_RT_NO_EXT="1")
    assert name.endswith("-py3-none-any.whl")
    assert_package_data(names)
    assert not [name for name in names if name.endswith((".so", ".build.json"))]


@pytest.mark.slow
@pytest.mark.usefixtures("fake_compiler")
def test_wheel_with_extension(tmp_path: Path) -> None:
    """What the wheel holds; that it compiles and works is for ``pip install .`` to show."""
    name, names = build_wheel(tmp_path)
    assert "-cp310-abi3-" in name
    assert_package_data(names)
    assert {"srdgan_rt/_C.abi3.so", "srdgan_rt/_session.abi3.so", "srdgan_rt/_C.build.json"} <= names


def test_works_without_extension(tmp_path: Path) -> None:
    """The tree as it is before any build: everything imports, the reference runs, the ops say what is missing."""
    copy_sources(tmp_path)
    with (tmp_path / "cmake" / "sources.cmake").open("a") as sources:
        sources.write("# other sources than those of an installed package, whose extension would be taken\n")
    code = """
import torch, srdgan_rt
from srdgan_rt import _ext, ops
from srdgan_rt._sources import digest_sources
from srdgan_rt.errors import ExtensionNotBuiltError
print(srdgan_rt.__file__)
assert not _ext.is_available() and _ext.build_record() is None
assert ops.reference.nearest_downsample(torch.zeros(1, 1, 8, 8), 4).shape == (1, 1, 2, 2)
for call in (lambda: ops.nearest_downsample(torch.zeros(1, 1, 8, 8), 4), _ext.cpu_isa):
    try:
        call()
    except ExtensionNotBuiltError as error:
        assert str(error) == _ext.why_not()
    else:
        raise AssertionError("no error")
try:
    srdgan_rt.Session("srdgan-x4-fast")
except ExtensionNotBuiltError:
    pass
else:
    raise AssertionError("no error")
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()).is_relative_to(tmp_path)


def run_shadowed(tmp_path: Path, code: str, *, sources: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a source folder without extension; the installed package has one, built from ``sources``."""
    library = _ext.library()
    if library is None:
        pytest.skip(str(_ext.why_not()))
    installed = tmp_path / "site" / "srdgan_rt"
    installed.mkdir(parents=True)
    (installed / library.name).symlink_to(library)
    (installed / "_C.build.json").write_text(json.dumps({"sources": sources}))
    checkout = copy_sources(tmp_path / "checkout")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(checkout), str(tmp_path / "site")])}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result


_SHADOWED = """
import json
from srdgan_rt import Upscaler, _ext
from srdgan_rt.models import L2HNet
engines = [Upscaler(L2HNet(1, 4, 2), device="cpu").engine for _ in range(2)]
print(json.dumps([_ext.__file__, str(_ext.library()), _ext.is_current(), engines]))
"""


def test_the_source_folder_uses_the_installed_extension_of_the_same_sources(tmp_path: Path) -> None:
    result = run_shadowed(tmp_path, _SHADOWED, sources=str(digest_sources(ROOT)))
    assert result.stderr == ""
    file, library, is_current, engines = json.loads(result.stdout)
    assert file.startswith(str(tmp_path / "checkout"))
    assert library.startswith(str(tmp_path / "site"))
    assert is_current
    assert engines == ["native", "native"]


def test_an_extension_of_other_sources_is_not_used_and_that_is_said_once(tmp_path: Path) -> None:
    result = run_shadowed(tmp_path, _SHADOWED, sources="of another version")
    assert json.loads(result.stdout)[1:] == ["None", None, ["torch", "torch"]]
    (line,) = result.stderr.splitlines()
    assert line.startswith("running on PyTorch alone, 3 to 5 times slower: the source folder ")
    assert line.endswith("was built from other sources: pip install -e . builds it here")


def test_a_decided_installation_without_extension_is_silent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(_ext, "_tried", True)
    monkeypatch.setattr(_ext, "PACKAGE", tmp_path / "srdgan_rt")  # with no sources beside it
    monkeypatch.setattr(_ext, "_error", ExtensionNotBuiltError("not built"))
    _ext.warn_if_unexpected()
    assert not caplog.records
    monkeypatch.setattr(_ext, "_error", ExtensionLoadError("cannot be loaded: test"))
    _ext.warn_if_unexpected()
    assert "cannot be loaded: test" in caplog.text


def test_the_digest_knows_every_source(tmp_path: Path) -> None:
    copy_sources(tmp_path)
    assert digest_sources(tmp_path) == digest_sources(ROOT)
    for name in ("csrc/common/wavefront.h", "csrc/ops/schema.cpp", "include/srdgan/session.h", "cmake/sources.cmake"):
        before = digest_sources(tmp_path)
        with (tmp_path / name).open("a") as file:
            file.write("\n")
        assert digest_sources(tmp_path) != before, name
    assert digest_sources(tmp_path / "csrc") is None


def test_a_missing_compiler_is_one_reason(setup_py: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(SystemExit, match=r"the C\+\+ compiler no-such-compiler was not found.*SRDGAN_RT_NO_EXT=1"):
        setup_py.check_compiler()


def test_not_built_and_cannot_load_are_two_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ext, "_tried", False)
    monkeypatch.setattr(_ext, "_error", None)
    monkeypatch.setattr(_library, "PACKAGE", tmp_path)
    monkeypatch.setattr(_ext, "_LIBRARY", tmp_path / "_C.abi3.so")
    missing = _ext._load()
    assert type(missing) is ExtensionNotBuiltError
    broken = tmp_path / "_C.abi3.so"
    broken.write_bytes(b"not a library\n")
    refused = _ext._try_load(broken)
    assert type(refused) is ExtensionLoadError
    for error in (missing, refused):
        assert "\n" not in str(error)


def test_ops_raise_what_the_loader_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ext, "_tried", True)
    monkeypatch.setattr(_ext, "_error", ExtensionLoadError("the compiled extension cannot be loaded: test"))
    assert _ext.why_not() == "the compiled extension cannot be loaded: test"
    with pytest.raises(ExtensionLoadError, match="cannot be loaded: test"):
        ops.upsample_conv(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 3, 3))


@pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))
def test_build_record() -> None:
    record = _ext.build_record()
    assert record is not None
    assert record["version"] == srdgan_rt.__version__
    known = {"version", "commit", "sources", "compiler", "platform", "torch", "cuda", "cuda_architectures"}
    assert set(record) == known
    assert _ext.cpu_isa() in _ext.cpu_isas()


def test_upscaler_is_found_lazily() -> None:
    with pytest.raises(AttributeError, match="module 'srdgan_rt' has no attribute 'nonsense'"):
        _ = srdgan_rt.nonsense
    code = "import sys, srdgan_rt; assert 'torch' not in sys.modules, 'import srdgan_rt must stay cheap'"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
