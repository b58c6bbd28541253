"""The shared library as a CMake package: examples/camera, built outside the repository, gives the bits of a session."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from srdgan_rt import _ext
from srdgan_rt.session import Session

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT, REGION = 48, 36, (8, 6, 20, 18)

pytestmark = [
    pytest.mark.slow,  # compiles the kernels
    pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not())),
    pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake"),
]


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")

    def cmake(*arguments: str | Path) -> None:
        done = subprocess.run(["cmake", *map(str, arguments)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    # The objects are the same for both kinds of library: in a folder of CMake's with a static one, this only links.
    library = Path(os.environ.get("SRDGAN_TEST_CMAKE_BUILD") or folder / "library")
    fresh = () if library.exists() else ("-DBUILD_TESTING=OFF", "-DSRDGAN_CUDA=OFF")
    cmake("-S", ROOT, "-B", library, "-DBUILD_SHARED_LIBS=ON", *fresh)
    cmake("--build", library, "--target", "srdgan_session", "--parallel", os.environ.get("MAX_JOBS", "2"))
    cmake("--install", library, "--prefix", folder / "prefix")
    shutil.copytree(ROOT / "examples" / "camera", folder / "camera")
    cmake("-S", folder / "camera", "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={folder / 'prefix'}")
    cmake("--build", folder / "build")
    assert list((folder / "prefix").glob("lib*/libsrdgan_session.so.0.*"))
    return folder / "build" / "camera"


def enlarge(camera: Path, frames: bytes) -> bytes:
    arguments = [str(camera), str(WIDTH), str(HEIGHT), *map(str, REGION)]
    return subprocess.run(arguments, input=frames, capture_output=True, check=True).stdout


def test_bits_of_a_session(camera: Path) -> None:
    session = Session("srdgan-x4-fast")
    session.configure(HEIGHT, WIDTH, input="nv12", siting="left", roi=REGION)
    frames = np.random.default_rng(0).integers(0, 256, (3, HEIGHT * 3 // 2, WIDTH), np.uint8)
    expected = b"".join(session.process(frame).tobytes() for frame in frames)
    assert enlarge(camera, frames.tobytes()) == expected


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_frames_of_ffmpeg(camera: Path) -> None:
    """A region of a moving test picture is about what ffmpeg's own scaler makes of it."""
    x, y, width, height = REGION
    source = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc=size={WIDTH}x{HEIGHT}:rate=5", "-frames:v", "4"]
    raw = ["-f", "rawvideo", "-pix_fmt", "nv12", "-"]
    frames = subprocess.run([*source, *raw], capture_output=True, check=True).stdout
    scaler = ["-vf", f"crop={width}:{height}:{x}:{y},scale={4 * width}:{4 * height}:flags=bicubic"]
    expected = subprocess.run([*source, *scaler, *raw], capture_output=True, check=True).stdout
    result = np.frombuffer(enlarge(camera, frames), np.uint8).astype(int)
    assert result.size == len(expected) == 4 * 16 * width * height * 3 // 2
    assert np.abs(result - np.frombuffer(expected, np.uint8)).mean() < 8
