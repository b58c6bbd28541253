"""Signals, readers that go away, and terminals that cannot show every character."""

from __future__ import annotations

import io
import os
import signal
import sys

import pytest

from srdgan_rt.runtime import Upscaler
from srdgan_rt.signals import stop_on_signals


@pytest.mark.parametrize(
    ("number", "name", "status"), [(signal.SIGTERM, "SIGTERM", 143), (signal.SIGHUP, "SIGHUP", 129)]
)
def test_signal_ends_a_run_as_ctrl_c_does(upscale, draw, tmp_path, monkeypatch, number, name, status):
    monkeypatch.setattr(Upscaler, "upscale", lambda *args, **options: signal.raise_signal(number))
    draw(tmp_path / "a.png")
    before = signal.signal(number, signal.SIG_DFL)  # nohup has it ignored, and then it stays ignored
    try:
        outcome = upscale(tmp_path / "a.png")
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert outcome.status == status
    assert outcome.err_lines == [f"srdgan-rt: ended by {name}: 0 of 1 files done, none half-written"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_signal_while_a_file_is_written_leaves_nothing(upscale, draw, tmp_path, monkeypatch):
    def write(file, *arguments):
        file.write(b"half")
        signal.raise_signal(signal.SIGTERM)

    draw(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules["srdgan_rt.image.write"]._WRITERS, "png", write)
    assert upscale(tmp_path / "a.png").status == 143
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.fixture
def broken_pipe():
    """A text stream whose reader has gone away."""
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w")
    yield stream
    try:
        stream.close()
    except BrokenPipeError:
        pytest.fail("the interpreter would complain at its end")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_reader_that_goes_away_ends_the_run_after_the_file_at_hand(
    upscale, draw, tmp_path, monkeypatch, capsys, broken_pipe, options
):
    for name in ("a.png", "b.png", "c.png"):
        draw(tmp_path / name)
    monkeypatch.setattr(sys, "stdout", broken_pipe)
    outcome = upscale(tmp_path, *options)
    assert outcome.status == 141
    assert outcome.err == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a_x4.png", "b.png", "c.png"]


def test_reader_of_errors_that_goes_away_ends_the_run_quietly(upscale, tmp_path, monkeypatch, broken_pipe):
    monkeypatch.setattr(sys, "stderr", broken_pipe)
    assert upscale(tmp_path / "none.png").status == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")  # noqa: PTH110
def test_full_disk_below_stdout_is_one_line_and_no_error_of_the_file(upscale, draw, tmp_path, monkeypatch):
    draw(tmp_path / "a.png")
    with open("/dev/full", "w") as stream:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", stream)
        outcome = upscale(tmp_path / "a.png")
    assert outcome.status == 1
    assert outcome.err_lines == ["srdgan-rt: error: stdout: No space left on device"]
    assert (tmp_path / "a_x4.png").exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_name_that_stdout_cannot_encode_is_escaped(upscale, draw, tmp_path, monkeypatch, encoding):
    draw(tmp_path / "写真.png")
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, encoding))
    outcome = upscale(tmp_path / "写真.png")
    assert outcome.status == 0
    assert b"\\u5199\\u771f_x4.png (6x4 -> 24x16" in content.getvalue()


def test_closed_streams_do_not_matter(upscale, draw, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    draw(tmp_path / "a.bmp")
    assert upscale(tmp_path / "a.bmp").status == 0
    assert upscale(tmp_path / "none.png").status == 1
