"""``srdgan-rt stream``: the frames of a session, from files and pipes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from srdgan_rt import _ext
from srdgan_rt.cli.raw_frames import open_source, open_target, read_frame, write_frame
from srdgan_rt.session import FORMATS, Session, _c_api

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

WIDTH, HEIGHT = 12, 8
SIZE = ("--size", f"{WIDTH}x{HEIGHT}")


def make_frames(session: Session, num_frames: int) -> list[np.ndarray]:
    """Frames of any bytes; floats lie in [0, 1]."""
    random = np.random.default_rng(0)
    frame = session.make_input()
    if frame.dtype == np.float32:
        return [random.random(frame.shape, np.float32) for _ in range(num_frames)]
    return [random.integers(0, np.iinfo(frame.dtype).max, frame.shape, frame.dtype) for _ in range(num_frames)]


@pytest.fixture
def session(model):
    return Session(model, threads=1)


@pytest.fixture
def source(tmp_path, session):
    """A file with three NV12 frames."""
    session.configure(HEIGHT, WIDTH, input="nv12")
    path = tmp_path / "frames.yuv"
    path.write_bytes(b"".join(frame.tobytes() for frame in make_frames(session, 3)))
    return path


@pytest.fixture
def stream(run, model):
    return lambda *arguments: run("stream", *arguments, "--model", model, "--threads", "1")


@pytest.mark.parametrize("name", FORMATS)
def test_results_are_those_of_a_session_in_every_format(stream, session, tmp_path, name):
    session.configure(HEIGHT, WIDTH, input=name, matrix="bt601", value_range="full", roi=(2, 2, 6, 4))
    frames = make_frames(session, 2)
    (tmp_path / "in").write_bytes(b"".join(frame.tobytes() for frame in frames))
    outcome = stream(
        tmp_path / "in", "-o", tmp_path / "out", *SIZE, "-f", name,
        "--matrix", "bt601", "--range", "full", "--roi", "2,2,6,4",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    assert (tmp_path / "out").read_bytes() == b"".join(session.process(frame).tobytes() for frame in frames)


def test_output_format_and_summary(stream, source, session, tmp_path):
    outcome = stream(source, "-o", tmp_path / "out", *SIZE, "--output-format", "bgr_float")
    session.configure(HEIGHT, WIDTH, input="nv12", output="bgr_float")
    assert (tmp_path / "out").stat().st_size == 3 * session.make_output().nbytes
    (line,) = outcome.err_lines
    assert line.startswith("srdgan-rt: 3 frames in ")
    assert "frames/s" in line
    assert "MiB" in line
    assert stream(source, "-o", tmp_path / "out", *SIZE, "-q").err == ""


def test_int8(run, source, tmp_path, monkeypatch):
    monkeypatch.setattr(_c_api, "has_fast_int8", lambda: True)  # elsewhere other instructions compute the same
    arguments = (source, "-o", tmp_path / "out", *SIZE, "--model", "srdgan-x4-fast", "--precision", "int8")
    assert run("stream", *arguments, "--threads", "1").status == 0
    session = Session("srdgan-x4-fast", threads=1, precision="int8")
    session.configure(HEIGHT, WIDTH, input="nv12")
    frames = np.frombuffer(source.read_bytes(), np.uint8).reshape(3, *session.make_input().shape)
    assert (tmp_path / "out").read_bytes() == b"".join(session.process(frame).tobytes() for frame in frames)
    monkeypatch.setattr(_c_api, "has_fast_int8", lambda: False)
    outcome = run("stream", *arguments)
    assert (outcome.status, len(outcome.err_lines)) == (2, 1)
    assert "int8 needs a processor with VNNI" in outcome.err


def test_a_partial_frame_is_an_error_after_the_whole_ones(stream, source, tmp_path):
    source.write_bytes(source.read_bytes()[:-10])
    outcome = stream(source, "-o", tmp_path / "out", *SIZE)
    assert outcome.status == 1
    assert outcome.err_lines == [
        "srdgan-rt: error: the input ends within frame 3: a frame of 12 x 8 pixels in nv12 has 144 bytes, got 134"
    ]
    assert (tmp_path / "out").stat().st_size == 2 * 16 * 144


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
def test_a_full_device_is_named(stream, source):
    outcome = stream(source, "-o", "/dev/full", *SIZE)
    assert (outcome.status, outcome.err) == (1, "srdgan-rt: error: /dev/full: No space left on device\n")


def test_an_empty_input_is_an_error(stream, source, tmp_path):
    source.write_bytes(b"")
    (tmp_path / "out").write_bytes(b"of an earlier run")
    outcome = stream(source, "-o", tmp_path / "out", *SIZE)
    assert (outcome.status, outcome.err) == (1, "srdgan-rt: error: the input holds no frame\n")
    assert (tmp_path / "out").read_bytes() == b"of an earlier run"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--size", "640"), "--size must be WIDTHxHEIGHT in pixels, got '640'"),
        (("--size", "7x8"), "the input in nv12 must have an even width and height, got 7 x 8"),
        ((*SIZE, "--roi", "1,2,3"), "--roi must be X,Y,W,H in pixels, got '1,2,3'"),
        ((*SIZE, "--roi", "9,2,8,4"), "roi must be a box inside the picture of 12 x 8 pixels"),
        ((*SIZE, "-f", "yuv420p"), "--format must be one of rgb8, "),
        ((*SIZE, "--output-format", "jpeg"), "--output-format must be one of rgb8, "),
        ((*SIZE, "--matrix", "709"), "--matrix must be one of bt601, bt709, bt2020, got '709'"),
        ((*SIZE, "--precision", "fp16"), "--precision must be one of fp32, int8, bf16, auto, got 'fp16'"),
        ((*SIZE, "--max-latency", "0"), "--max-latency must be a number of milliseconds above 0, got 0"),
        ((*SIZE, "--range", "tv"), "--range must be one of limited, full, got 'tv'"),
        ((*SIZE, "--output-siting", "top"), "--output-siting must be one of centre, left, got 'top'"),
        ((*SIZE, "-o", "none/out"), "none/out: its folder does not exist"),
        ((*SIZE, "-o", "frames.yuv"), "--output must not be the input, got 'frames.yuv' for both"),
        ((), "Missing option '--size'"),
    ],
)
def test_wrong_usage_is_one_line_and_writes_nothing(stream, source, monkeypatch, arguments, message):
    monkeypatch.chdir(source.parent)
    before = source.read_bytes()
    outcome = stream("frames.yuv", *(arguments if "-o" in arguments else (*arguments, "-o", "out")))
    assert outcome.status == 2
    (line,) = outcome.err_lines
    assert message in line
    assert not (source.parent / "out").exists()
    assert source.read_bytes() == before


def test_a_frame_that_would_take_too_long_ends_it_beforehand(stream, source, tmp_path):
    outcome = stream(source, "-o", tmp_path / "out", *SIZE, "--max-latency", "0.0001")
    assert outcome.status == 1
    (line,) = outcome.err_lines
    assert "a picture will take about " in line
    assert not (tmp_path / "out").exists()
    assert stream(source, "-o", tmp_path / "out", *SIZE, "--max-latency", "1e6").status == 0


def test_a_missing_file_is_one_line(stream):
    outcome = stream("nowhere.yuv", *SIZE)
    assert (outcome.status, outcome.err_lines) == (1, ["srdgan-rt: error: nowhere.yuv: No such file or directory"])


def start(*arguments: str, **streams: object) -> subprocess.Popen[bytes]:
    """The command in a process of its own, which ends with status 99 if it has loaded PyTorch."""
    program = (
        "import sys, srdgan_rt.cli as cli\n"
        f"try: cli.main({['stream', *arguments]})\n"
        "except SystemExit as end: sys.exit(99 if 'torch' in sys.modules else end.code)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE, **streams)


def test_pipes_without_pytorch_and_with_a_reader_that_leaves(source, session, model):
    """Each result comes out before the next frame goes in."""
    session.configure(HEIGHT, WIDTH, input="nv12")
    process = start(*SIZE, "--model", model, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for frame in make_frames(session, 2):
        process.stdin.write(frame.tobytes())
        process.stdin.flush()
        expected = session.process(frame).tobytes()
        assert process.stdout.read(len(expected)) == expected
    process.stdout.close()
    process.stdin.write(frame.tobytes())
    process.stdin.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141


def test_pipes_that_do_not_wait_are_waited_for(monkeypatch):
    """Node.js and others may hand over pipes that are set so."""
    frame, size = np.arange(1 << 20, dtype=np.uint8), 1 << 20  # more than a pipe holds
    received = np.zeros(size, np.uint8)
    ends = [os.fdopen(descriptor, mode) for descriptor, mode in zip(os.pipe(), "rw", strict=True)]
    for end, name in zip(ends, ("stdin", "stdout"), strict=True):
        os.set_blocking(end.fileno(), False)
        monkeypatch.setattr(sys, name, end)
    with open_source("-") as source, open_target("-") as target:
        writer = threading.Timer(0.2, write_frame, (target, frame))
        writer.start()
        assert read_frame(source, received) == size
        writer.join()
    monkeypatch.undo()
    np.testing.assert_array_equal(received, frame)
    for end in ends:
        end.close()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_ffmpeg_on_both_sides(model):
    """Colours of a test picture arrive: ffmpeg's own conversion of the NV12 result is near that of the RGB result."""
    make = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=c=0x4080c0:size=32x24:rate=5", "-frames:v", "2"]
    bt709 = ["-vf", "scale=out_color_matrix=bt709:out_range=tv"]
    source = subprocess.Popen([*make, *bt709, "-f", "rawvideo", "-pix_fmt", "nv12", "-"], stdout=subprocess.PIPE)
    process = start("--size", "32x24", stdin=source.stdout, stdout=subprocess.PIPE)
    source.stdout.close()
    read = ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pixel_format", "nv12", "-video_size", "128x96", "-i", "-"]
    to_rgb = ["-vf", "scale=in_color_matrix=bt709:in_range=tv", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    result = subprocess.run([*read, *to_rgb], stdin=process.stdout, stdout=subprocess.PIPE, check=True)
    assert source.wait() == 0
    assert process.wait() == 0, process.stderr.read()
    pixels = np.frombuffer(result.stdout, np.uint8).reshape(2, 96, 128, 3).astype(int)
    assert np.abs(pixels - (0x40, 0x80, 0xC0)).max() <= 4
