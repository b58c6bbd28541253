"""A stranger's first ten minutes: the commands of the README, copied line by line into a shell in an empty folder.

The program beside the running Python is used. `.ci/run` has installed it as the README says, in a fresh environment.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from doc_blocks import REPOSITORY, read_block
from PIL import Image

from srdgan_rt.image import Metadata, Picture, read_picture, write_picture

CHART = "examples/phone_chart.jpg"
SMALL = (36, 28)  # width and height of the stranger's own photographs
FOUR_TIMES = (144, 112)

# Each command of the README and of docs/compare.md, without its comment: the pictures that it must add, with their
# width and height; other files with None.
COMMANDS: dict[str, dict[str, tuple[int, int] | None]] = {
    "pip install .": {},  # .ci/run does it
    "srdgan-rt info": {},
    f"srdgan-rt upscale {CHART}": {"examples/phone_chart_x4.jpg": (1440, 1920)},
    "srdgan-rt upscale in.jpg -s 1": {"in_x1.jpg": SMALL},
    "srdgan-rt upscale photos/ -r -o big/ --ext png": {"big/a_x4.png": FOUR_TIMES, "big/trip/b_x4.png": FOUR_TIMES},
    "srdgan-rt upscale inbox/ -o big/ --watch": {"big/c_x4.jpg": FOUR_TIMES},
    "srdgan-rt compare in.jpg in_x1.jpg -o pair.html": {"pair.html": None},
    "srdgan-rt compare bicubic.png faithful.png sharp.png -o page.html": {"page.html": None},
    "srdgan-rt compare faithful.png sharp.png -o region.html --roi 60,20,40,30": {"region.html": None},
}


def read_lines() -> list[str]:
    places = (("README.md", "Install"), ("README.md", "Use"), ("docs/compare.md", "Comparing pictures"))
    return [line for page, heading in places for line in read_block(page, heading)]


def strip_comment(line: str) -> str:
    return shlex.join(shlex.split(line, comments=True))


def photograph(width: int, height: int, seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with the example and some photographs of the stranger's own."""
    for folder in ("examples", "photos/trip", "inbox"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / CHART).write_bytes((REPOSITORY / CHART).read_bytes())
    for seed, name in enumerate(("in.jpg", "photos/a.jpg", "photos/trip/b.png", "inbox/c.jpg")):
        cv2.imwrite(str(tmp_path / name), photograph(*SMALL, seed))
    for seed, name in enumerate(("bicubic.png", "faithful.png", "sharp.png")):
        cv2.imwrite(str(tmp_path / name), photograph(*FOUR_TIMES, seed))
    return tmp_path


def list_files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def run_in_shell(line: str, home: Path, results: Iterator[Path] | None = None) -> str:
    """Runs a line as a shell runs it that a person types it into, and returns what it prints.

    Args:
        line: the line.
        home: the current folder.
        results: presses Ctrl-C as soon as these files are there; None waits for the end.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "OMP_WAIT_POLICY": "passive"}
    environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        ["bash", "-c", line],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    if results is not None:
        waited = list(results)
        deadline = time.monotonic() + 300
        while not all(path.exists() for path in waited) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.1)
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == (0 if results is None else 130), f"{line}\n{printed}"
    return printed


def test_every_command_of_the_first_blocks_is_known() -> None:
    assert [strip_comment(line) for line in read_lines()] == list(COMMANDS)


@pytest.mark.slow
@pytest.mark.skipif(not (Path(sys.executable).parent / "srdgan-rt").exists(), reason="the package is not installed")
def test_every_command_does_what_its_comment_says(home: Path) -> None:
    for line in read_lines():
        command = strip_comment(line)
        if command == "pip install .":
            continue
        before, results = list_files(home), COMMANDS[command]
        waited = (home / name for name in results) if "--watch" in command else None
        printed = run_in_shell(line, home, waited)
        assert re.search("^(Traceback|srdgan-rt: error)", printed, re.MULTILINE) is None, printed
        assert list_files(home) - before == set(results), command
        for name, size in results.items():
            assert (home / name).stat().st_size > 0
            if size is not None:
                with Image.open(home / name) as image:
                    assert image.size == size, name
                    assert np.asarray(image).std() > 10, name  # not an empty picture


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    numbers = np.random.default_rng(0)
    monkeypatch.chdir(tmp_path)
    photograph = Picture(numbers.integers(0, 256, (20, 30, 3), dtype=np.uint8), Metadata(iptc=b"\x1c\x02\x05\x00\x01a"))
    write_picture("in.jpg", photograph)
    names = {
        "bgr": numbers.integers(0, 256, (20, 30, 3), dtype=np.uint8),
        "tensor": torch.rand(2, 3, 8, 9),
        **dict(zip("xywh", (4, 5, 10, 6), strict=True)),
    }
    shapes = []
    for line in read_block("README.md", "Python", "python"):
        exec(line, names)
        changed = line.split("=")[0].split(",")[0].strip()
        shapes.append((changed, getattr(names.get(changed), "shape", None)))
    assert [shape for shape in shapes if shape[1] is not None] == [
        ("img", (20, 30, 3)),
        ("out", (80, 120, 3)),
        ("out", (24, 40, 3)),
        ("out", (40, 60, 3)),
        ("sr", (2, 3, 32, 36)),
        ("bgr", (80, 120, 3)),
        ("out", (80, 120, 3)),
    ]
    saved = read_picture("out.png")
    assert (saved.pixels.shape, saved.metadata.iptc) == ((80, 120, 3), photograph.metadata.iptc)
