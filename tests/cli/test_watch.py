"""``srdgan-rt upscale --watch``."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from functools import partial

import pytest


@pytest.fixture
def watch(upscale, monkeypatch):
    """Runs the command; each step is done while it waits for files, and Ctrl-C comes after the last one."""

    def watch(*arguments, steps):
        waiting = iter([step for change in steps for step in (change, lambda: None)])

        def sleep(_seconds):
            step = next(waiting, None)
            if step is None:
                raise KeyboardInterrupt
            step()

        monkeypatch.setattr("srdgan_rt.files.watch._SETTLE_SECONDS", 0)
        monkeypatch.setattr("srdgan_rt.cli.upscale_watch.time.sleep", sleep)
        return upscale(*arguments, "--watch")

    return watch


def test_pictures_are_done_as_they_come(watch, draw, tmp_path):
    draw(tmp_path / "in" / "a.png")
    steps = [lambda: draw(tmp_path / "in" / "b.png"), lambda: draw(tmp_path / "in" / "c.png")]
    outcome = watch(tmp_path / "in", "-o", tmp_path / "out", steps=steps)
    assert outcome.status == 130
    assert [line.split(" -> ")[0] for line in outcome.out.splitlines()] == [
        str(tmp_path / "in" / name) for name in ("a.png", "b.png", "c.png")
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a_x4.png", "b_x4.png", "c_x4.png"]
    assert outcome.err_lines == ["srdgan-rt: interrupted"]


def test_results_beside_the_pictures_are_no_pictures(watch, draw, tmp_path):
    draw(tmp_path / "in" / "a.png")
    outcome = watch(tmp_path / "in", steps=[lambda: None] * 3)
    assert outcome.out.count("\n") == 1
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["a.png", "a_x4.png"]
    assert outcome.err_lines == ["srdgan-rt: interrupted"]


def test_a_damaged_file_is_reported_once_and_tried_again_when_it_has_changed(watch, draw, tmp_path):
    photo = tmp_path / "in" / "a.png"
    draw(photo)
    whole = photo.read_bytes()
    photo.write_bytes(whole[:60])
    outcome = watch(tmp_path / "in", steps=[lambda: None, lambda: photo.write_bytes(whole)])
    assert [str(photo) in line for line in outcome.err_lines] == [True, False]
    assert outcome.out.startswith(f"{photo} -> ")
    assert (tmp_path / "in" / "a_x4.png").exists()


def test_results_that_exist_are_kept(watch, draw, tmp_path):
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "out" / "a_x4.png")
    before = (tmp_path / "out" / "a_x4.png").read_bytes()
    outcome = watch(tmp_path / "in", "-o", tmp_path / "out", steps=[])
    assert "skipped: the result exists" in outcome.err
    assert (tmp_path / "out" / "a_x4.png").read_bytes() == before


@pytest.mark.parametrize(("option", "value"), [("--overwrite", None), ("--ray", "auto")])
def test_options_that_exclude_it(upscale, tmp_path, option, value):
    outcome = upscale(tmp_path, "--watch", option, *([value] if value else []))
    assert outcome.status == 2
    assert outcome.err == f"srdgan-rt: error: --watch and {option} exclude each other\n"


def test_a_file_as_input_is_an_error(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    outcome = upscale(tmp_path / "a.png", "--watch")
    assert outcome.status == 2
    assert outcome.err == f"srdgan-rt: error: --watch: inputs must be folders, got {tmp_path / 'a.png'}\n"


@pytest.mark.slow
def test_a_process_that_watches(draw, model, tmp_path):
    (tmp_path / "in").mkdir()
    command = [sys.executable, "-m", "srdgan_rt", "upscale", str(tmp_path / "in"), "--watch", "--model", model]
    take_signal = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # which background jobs of a shell ignore
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=take_signal)
    draw(tmp_path / "in" / "a.png")
    deadline = time.monotonic() + 120
    while not (tmp_path / "in" / "a_x4.png").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out.count("\n") == 1
    assert err == "srdgan-rt: interrupted\n"
