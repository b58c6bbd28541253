"""The package where its extension and the optional packages are missing, and as a program."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import srdgan_rt
from srdgan_rt.cli import COMMANDS
from srdgan_rt.image.formats import READER_PACKAGES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OPTIONAL = (
    "rawpy",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "openvino",
    "ncnn",
    "tensorrt",
    "tensorrt_rtx",
    "starlette",
    "uvicorn",
    "ray",
    "pillow_heif",
)

# Begins every program below: optional packages cannot be imported, and the extension is nowhere to be found.
BARE = f"""
import sys
sys.modules.update(dict.fromkeys({OPTIONAL!r}))
from pathlib import Path
import srdgan_rt._ext
srdgan_rt._ext._LIBRARY = Path("nowhere.so")
"""


def run_python(*arguments, cwd):
    """A new process that imports from where this one does, with ``cwd`` not among it."""
    path = [str(Path(srdgan_rt.__file__).parents[1]), *filter(None, sys.path)]
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_modules_import_and_pictures_are_upscaled_without_extension_and_optional_packages(tmp_path):
    program = f"""{BARE}
import importlib, pkgutil
import srdgan_rt
names = [module.name for module in pkgutil.walk_packages(srdgan_rt.__path__, "srdgan_rt.")]
for name in names:
    if not name.endswith(("__main__", "._C", "._session")):
        importlib.import_module(name)
print(len(names))

import numpy as np
from srdgan_rt import Upscaler
from srdgan_rt.models import L2HNet
upscaler = Upscaler(L2HNet(1, 4, 2))
print(upscaler.engine, upscaler.upscale(np.zeros((3, 5, 3), np.uint8)).shape)
"""
    process = run_python("-c", program, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    num_modules, upscaled = process.stdout.splitlines()
    assert int(num_modules) > 30
    assert upscaled == "torch (12, 20, 3)"


def test_module_runs_as_a_program_and_lists_its_commands(tmp_path):
    process = run_python("-m", "srdgan_rt", "--help", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert all(command in process.stdout for command in COMMANDS)


def test_a_command_of_the_module_runs(tmp_path):
    """All commands, in one process: tests/cli/test_main.py."""
    process = run_python("-m", "srdgan_rt", "upscale", "--help", cwd=tmp_path)
    assert process.returncode == 0, process.stderr


def test_the_wheel_holds_the_data_that_the_package_reads():
    root = Path(__file__).parents[1]
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["srdgan_rt"]
    packaged = {path for pattern in patterns for path in (root / "srdgan_rt").glob(pattern)}
    suffixes = ("json", "safetensors", "html", "css", "js")
    data = {path for suffix in suffixes for path in (root / "srdgan_rt").glob(f"*/**/*.{suffix}")}
    assert root / "srdgan_rt" / "camera" / "cameras.json" in data
    assert root / "srdgan_rt" / "compare" / "page" / "page.html" in data
    assert data <= packaged


def test_extras_that_messages_name_exist():
    root = Path(__file__).parents[1]
    extras = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    files = [path for folder in ("srdgan_rt", "training", "benchmarks") for path in (root / folder).rglob("*.py")]
    named = {name for path in files for name in re.findall(r"install_hint\('(\S+?)'\)", path.read_text("utf-8"))}
    assert {"onnx", "ray", "report", "web"} < named
    assert named | READER_PACKAGES.keys() <= extras.keys()
