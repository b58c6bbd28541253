"""``srdgan-rt upscale --watch``."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from functools import partial

import pytest

from srdgan_rt.files import own_results
from srdgan_rt.image import read_picture


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


def test_a_picture_that_changes_is_done_again(watch, draw, tmp_path):
    photo, result = tmp_path / "in" / "a.png", tmp_path / "in" / "a_x4.png"
    draw(photo, 4, 6)

    def replace_it():
        draw(photo, 5, 6)
        os.utime(photo, ns=(1, 1))  # as a copy that keeps the time of its original

    outcome = watch(tmp_path / "in", steps=[lambda: None, replace_it])
    assert outcome.out.count(f"{photo} -> {result}") == 2
    assert read_picture(result).pixels.shape[:2] == (20, 24)
    assert outcome.err_lines == ["srdgan-rt: interrupted"]


@pytest.mark.parametrize("change_while_watching", [False, True])
def test_an_old_result_is_replaced_if_the_picture_has_changed_since(watch, draw, tmp_path, change_while_watching):
    photo, result = tmp_path / "in" / "a.png", tmp_path / "out" / "a_x4.png"
    draw(photo, 4, 6)
    watch(tmp_path / "in", "-o", tmp_path / "out", steps=[])
    assert "skipped: the result exists" in watch(tmp_path / "in", "-o", tmp_path / "out", steps=[]).err

    def change():
        draw(photo, 5, 6)
        time = 1 if change_while_watching else result.stat().st_mtime_ns + 1
        os.utime(photo, ns=(time, time))

    if not change_while_watching:
        change()
    watch(tmp_path / "in", "-o", tmp_path / "out", steps=[lambda: None, change] if change_while_watching else [])
    assert read_picture(result).pixels.shape[:2] == (20, 24)


def test_a_result_exactly_as_old_as_its_picture_is_kept(watch, draw, tmp_path):
    """Clocks of file systems are coarse: both may be written within one tick."""
    photo, result = tmp_path / "in" / "a.png", tmp_path / "out" / "a_x4.png"
    draw(photo)
    watch(tmp_path / "in", "-o", tmp_path / "out", steps=[])
    time = result.stat().st_mtime_ns
    os.utime(photo, ns=(time, time))
    assert "skipped: the result exists" in watch(tmp_path / "in", "-o", tmp_path / "out", steps=[]).err


def test_a_changed_picture_never_replaces_a_file_of_the_users(watch, draw, tmp_path):
    photo, result = tmp_path / "in" / "a.png", tmp_path / "out" / "a_x4.png"
    draw(photo)

    def edit_result_and_change():
        draw(result, 7, 7)
        draw(photo, 5, 6)

    outcome = watch(tmp_path / "in", "-o", tmp_path / "out", steps=[lambda: None, edit_result_and_change])
    assert "skipped: the result exists" in outcome.err
    assert read_picture(result).pixels.shape[:2] == (7, 7)


def test_skip_existing_keeps_results_of_changed_pictures(watch, draw, tmp_path):
    photo = draw(tmp_path / "in" / "a.png", 4, 6)
    steps = [lambda: None, lambda: draw(photo, 5, 6)]
    outcome = watch(tmp_path / "in", "-o", tmp_path / "out", "--skip-existing", steps=steps)
    assert "skipped: the result exists" in outcome.err
    assert read_picture(tmp_path / "out" / "a_x4.png").pixels.shape[:2] == (16, 24)


def test_only_new_pictures_are_read(watch, draw, tmp_path, monkeypatch):
    looked_at = []
    find_mark = own_results.find_mark
    monkeypatch.setattr(own_results, "find_mark", lambda path: looked_at.append(path.name) or find_mark(path))
    draw(tmp_path / "in" / "a.png")
    steps = [lambda: draw(tmp_path / "in" / "b.png"), lambda: draw(tmp_path / "in" / "c.png")]
    watch(tmp_path / "in", "-o", tmp_path / "out", steps=steps)
    assert looked_at == ["a.png", "b.png", "c.png"]


def test_a_folder_that_vanishes_is_told_once_and_so_is_its_return(watch, draw, tmp_path):
    folder, away = tmp_path / "in", tmp_path / "away"
    draw(folder / "a.png")
    steps = [lambda: None, lambda: folder.rename(away), lambda: None, lambda: away.rename(folder), lambda: None]
    outcome = watch(folder, "-o", tmp_path / "out", steps=steps)
    assert outcome.err_lines == [
        f"srdgan-rt: {folder}: No such file or directory; waiting until the folder can be searched",
        f"srdgan-rt: {folder}: can be searched again",
        "srdgan-rt: interrupted",
    ]
    assert outcome.out.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["-o", "x.png"], "--output x.png: names one file"), (["--suffix", "a/b"], "--suffix must be a part")],
)
def test_names_are_checked_before_there_is_a_picture(watch, tmp_path, arguments, message):
    outcome = watch(tmp_path, *arguments, steps=[])
    assert outcome.status == 2
    assert message in outcome.err


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
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=take_signal) as process:
        draw(tmp_path / "in" / "a.png")
        line = process.stdout.readline()  # as soon as the result is there
        process.send_signal(signal.SIGINT)
        rest, err = process.stdout.read(), process.stderr.read()
    assert process.returncode == 130
    assert "a_x4.png" in line
    assert rest == ""
    assert re.fullmatch(r"srdgan-rt: interrupted(: [01] of 1 files done, none half-written)?\n", err)
