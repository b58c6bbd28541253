"""A session against ``Upscaler``: the same bits. Its own promises: no PyTorch, buffers in place, errors, threads."""

from __future__ import annotations

import copy
import ctypes
import os
import pickle
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from srdgan_rt import Session, Upscaler, _ext
from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.errors import CancelledError, CheckpointError, InputError, LatencyError, UnknownModelError
from srdgan_rt.session import FORMATS, MATRICES, RANGES, SITINGS, _c_api
from tests.helpers.lively_net import make_lively_net
from tests.helpers.session_checks import check_formats_agree, random_picture

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

ROOT = Path(__file__).resolve().parents[2]
MODEL = "srdgan-x4-fast"
TYPES = (np.uint8, np.uint16, np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    save_model(path, make_lively_net(), {"halo": "7", "border_padding": "3"})
    return path


@pytest.fixture(scope="module")
def session(model: Path) -> Session:
    return Session(model, threads=2)


@pytest.fixture(scope="module")
def upscaler(model: Path) -> Upscaler:
    return Upscaler(model, device="cpu", engine="native")


@given(st.integers(1, 67), st.integers(1, 67), st.sampled_from(TYPES))
def test_any_size_and_depth_gives_the_bits_of_upscaler(session: Session, upscaler: Upscaler, height, width, dtype):
    picture = random_picture(height, width, dtype)
    result = session.upscale(picture)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, upscaler.upscale(picture))


@given(st.data())
def test_any_region_gives_the_bits_of_upscaler(session: Session, upscaler: Upscaler, data):
    x, y = data.draw(st.integers(0, 39)), data.draw(st.integers(0, 29))
    roi = (x, y, data.draw(st.integers(1, 40 - x)), data.draw(st.integers(1, 30 - y)))
    picture = random_picture(30, 40)
    np.testing.assert_array_equal(session.upscale(picture, roi=roi), upscaler.upscale(picture, roi=roi))


@pytest.mark.parametrize("strip_rows", [None, 1, 100])
def test_strips_change_no_bit(session: Session, upscaler: Upscaler, strip_rows: int | None):
    picture = random_picture(700, 24)
    session.configure(700, 24, strip_rows=strip_rows)
    np.testing.assert_array_equal(session.process(picture), upscaler.upscale(picture))


@pytest.mark.parametrize("metadata", [{}, {"border_padding": "8"}])
def test_what_a_file_does_not_state_is_what_upscaler_takes(tmp_path: Path, metadata: dict[str, str]):
    path = tmp_path / "plain.safetensors"
    save_model(path, make_lively_net(), metadata, dtype=torch.float32)
    picture, roi = random_picture(90, 100), (45, 40, 3, 2)
    expected = Upscaler(path, device="cpu", engine="native").upscale(picture, roi=roi)
    np.testing.assert_array_equal(Session(path).upscale(picture, roi=roi), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_weights_of_all_types_are_read(tmp_path: Path, dtype: torch.dtype):
    path = tmp_path / "typed.safetensors"
    save_model(path, make_lively_net(), {}, dtype=dtype)
    picture = random_picture(9, 11)
    np.testing.assert_array_equal(Session(path).upscale(picture), Upscaler(path, device="cpu").upscale(picture))


def test_shipped_models_are_found_by_name_and_give_the_bits_of_upscaler():
    picture = random_picture(40, 52)
    np.testing.assert_array_equal(Session(MODEL).upscale(picture), Upscaler(MODEL, device="cpu").upscale(picture))


def test_photographs_give_the_bits_of_upscaler(shared_data: Path):
    from srdgan_rt.image import read_picture

    session, upscaler = Session(MODEL), Upscaler(MODEL, device="cpu", engine="native")
    for file in ("phone_crops/4_noisy.png", "Set14/HR/ppt3.png"):
        picture = np.ascontiguousarray(read_picture(shared_data / file).pixels[:230, :70])
        np.testing.assert_array_equal(session.upscale(picture), upscaler.upscale(picture))


def test_works_without_torch():
    code = f"""
import sys
import numpy as np
from srdgan_rt.session import Session
result = Session({MODEL!r}).upscale(np.full((8, 8, 3), 128, np.uint8))
assert result.shape == (32, 32, 3) and abs(int(result.mean()) - 128) < 3
assert not [name for name in sys.modules if name.split(".")[0] in ("torch", "cv2", "PIL", "safetensors")]
assert "libtorch" not in open("/proc/self/maps").read()
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_arrays_of_the_configured_form(session: Session):
    session.configure(10, 12, input="p010", output="rgb_planar_float", roi=(2, 2, 4, 6))
    source, target = session.make_input(), session.make_output()
    assert (source.shape, source.dtype) == ((15, 12), np.uint16)
    assert (target.shape, target.dtype) == ((3, 24, 16), np.float32)
    source[...] = 512 << 6
    assert session.process(source, target) is target
    with pytest.raises(InputError, match=r"configure\(\) must come before make_output\(\)"):
        Session(MODEL).make_output()


def test_buffers_are_used_in_place(session: Session, upscaler: Upscaler):
    picture = random_picture(10, 12)
    expected = upscaler.upscale(picture)
    session.configure(10, 12)
    framed = np.zeros((14, 20, 3), np.uint8)
    framed[2:12, 4:16] = picture
    memory = bytearray(40 * 48 * 3)
    out = np.frombuffer(memory, np.uint8).reshape(40, 48, 3)
    assert session.process(framed[2:12, 4:16], out) is out
    np.testing.assert_array_equal(np.frombuffer(memory, np.uint8).reshape(40, 48, 3), expected)
    wide = np.full((40, 60, 3), 7, np.uint8)
    session.process(torch.from_numpy(picture), wide[:, 6:54])
    np.testing.assert_array_equal(wide[:, 6:54], expected)
    assert (wide[:, :6] == 7).all()
    assert (wide[:, 54:] == 7).all()
    upside_down = np.empty((40, 48, 3), np.uint8)
    session.process(memoryview(picture), upside_down[::-1])
    np.testing.assert_array_equal(upside_down[::-1], expected)


def test_the_result_must_not_overlap_the_picture(session: Session):
    session.configure(10, 12, output="rgba8")
    canvas = np.zeros((40, 100, 4), np.uint8)
    out = canvas[:, 40:88]
    picture = np.lib.stride_tricks.as_strided(canvas[:10], (10, 12, 3), (400, 3, 1))
    assert session.process(picture, out) is out  # side by side in one array
    with pytest.raises(InputError, match="out must not overlap the picture"):
        session.process(picture, canvas[:, 8:56])


def test_rows_that_are_one_row_repeated(session: Session):
    row = random_picture(1, 12)
    repeated = np.broadcast_to(row, (10, 12, 3))
    expected = session.upscale(np.ascontiguousarray(repeated))
    np.testing.assert_array_equal(session.upscale(repeated), expected)
    with pytest.raises(InputError, match="picture must have memory for each row, got one row that is repeated"):
        session.process(repeated)


def test_a_region_may_be_any_iterable_and_may_change(session: Session, upscaler: Upscaler):
    picture = random_picture(20, 24)
    for roi in ([0, 0, 8, 8], np.array([0, 0, 8, 8])):
        session.upscale(picture, roi=roi)
        roi[0] = 9
        np.testing.assert_array_equal(session.upscale(picture, roi=roi), upscaler.upscale(picture, roi=(9, 0, 8, 8)))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_session_cannot_be_copied(session: Session, duplicate):
    with pytest.raises(TypeError, match="a Session cannot be copied or pickled"):
        duplicate(session)


def test_the_program_may_end_while_a_thread_computes(model: Path):
    code = f"""
import threading
import numpy as np
from srdgan_rt.session import Session
session = Session({str(model)!r}, threads=2)
picture = np.zeros((64, 64, 3), np.uint8)
session.upscale(picture)
def work():
    while True:
        session.process(picture)
threading.Thread(target=work, daemon=True).start()
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(3):
        result = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert (result.returncode, result.stderr) == (0, "")


def test_interleaved_chroma_may_have_three_dimensions(session: Session):
    session.configure(10, 12, input="nv12")
    frame = np.random.default_rng(0).integers(0, 256, (15, 12)).astype(np.uint8)
    expected = session.process(frame)
    luma, chroma = np.zeros((40, 48), np.uint8), np.zeros((20, 30, 2), np.uint8)
    session.process((frame[:10], frame[10:].reshape(5, 6, 2)), (luma, chroma[:, :24]))
    np.testing.assert_array_equal(luma, expected[:40])
    np.testing.assert_array_equal(chroma[:, :24].reshape(20, 48), expected[40:])
    with pytest.raises(InputError, match="rows of out must be contiguous"):
        session.process(frame, (luma, np.zeros((20, 48, 2), np.uint8)[:, ::2]))


class Meanwhile:
    """An array that lets another thread do something while a call looks at it."""

    def __init__(self, array: np.ndarray, action) -> None:
        self._array, self._action = array, action
        self.errors: list[str] = []

    def _act(self) -> None:
        try:
            self._action()
        except InputError as error:
            self.errors.append(str(error))

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()

    def __dlpack__(self, **arguments: object) -> object:
        thread = threading.Thread(target=self._act)
        thread.start()
        thread.join()
        return self._array.__dlpack__(**arguments)


def test_no_other_thread_can_change_what_a_call_has_checked(session: Session):
    session.configure(20, 12)
    picture = random_picture(20, 12)
    expected = session.process(picture)
    large = random_picture(400, 12)
    for action in (
        lambda: session.configure(400, 12),
        lambda: session.upscale(large),
        lambda: session.process(picture),
    ):
        source = Meanwhile(picture, action)
        np.testing.assert_array_equal(session.process(source), expected)
        assert source.errors == ["another thread is in a call of this session"]
    sizes: list[int] = []
    session.process(Meanwhile(picture, lambda: sizes.append(session.memory_bytes)))
    assert sizes == [session.memory_bytes]


def test_formats_of_the_same_pixels_agree(session: Session, upscaler: Upscaler):
    check_formats_agree(session, upscaler, 12, 10)


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("value_range", RANGES)
@pytest.mark.parametrize("name", ["nv12", "nv21", "i420", "p010"])
def test_flat_yuv_frames_keep_their_values(name: str, value_range: str, matrix: str):
    session = Session(MODEL, threads=1)
    session.configure(8, 10, input=name, matrix=matrix, value_range=value_range)
    shift = 8 if name == "p010" else 0
    dtype = np.uint16 if name == "p010" else np.uint8
    luma = np.full((8, 10), 120 << shift, dtype)
    if name == "i420":
        planes = (luma, np.full((4, 5), 110, dtype), np.full((4, 5), 135, dtype))
    else:
        planes = (luma, np.tile(np.array([110, 135], dtype) << shift, (4, 5)))
    result = session.process(planes)
    assert result.shape == (48, 40)
    assert result.dtype == dtype
    level = 1 << shift
    chroma = result[32:].reshape(2, -1).T if name == "i420" else result[32:].reshape(-1, 2)
    assert np.abs(result[:32].astype(int) - 120 * level).max() <= 2 * level
    assert np.abs(chroma.astype(int) - np.array([110, 135]) * level).max() <= 2 * level


def test_i420_holds_the_samples_of_nv12(session: Session):
    frame = np.random.default_rng(0).integers(0, 256, (15, 12)).astype(np.uint8)
    chroma = frame[10:].reshape(5, 6, 2)
    session.configure(10, 12, input="nv12")
    expected = session.process(frame)
    session.configure(10, 12, input="nv12", output="nv21")
    vu = session.process(frame)
    session.configure(10, 12, input="i420")
    planar = np.concatenate([frame[:10].ravel(), chroma[..., 0].ravel(), chroma[..., 1].ravel()]).reshape(15, 12)
    result = session.process(planar)
    np.testing.assert_array_equal(result[:40], expected[:40])
    np.testing.assert_array_equal(result[40:].reshape(2, 20, 24), expected[40:].reshape(20, 24, 2).transpose(2, 0, 1))
    np.testing.assert_array_equal(vu[40:].reshape(20, 24, 2)[..., ::-1], expected[40:].reshape(20, 24, 2))
    wide = np.zeros((15, 20), np.uint8)[:, :12]
    with pytest.raises(InputError, match="picture must be contiguous, or three arrays"):
        session.process(wide)


def test_alpha_is_ignored_and_opaque_in_the_result(session: Session, upscaler: Upscaler):
    picture = random_picture(10, 12)
    session.configure(10, 12, input="rgba8", output="bgra8")
    with_alpha = np.concatenate([picture, random_picture(10, 12)[..., :1]], -1)
    result = session.process(with_alpha)
    np.testing.assert_array_equal(result[..., 2::-1], upscaler.upscale(picture))
    assert (result[..., 3] == 255).all()


def test_input_and_output_may_have_different_colours_and_sitings():
    session = Session(MODEL, threads=1)
    session.configure(8, 64, input="nv12", matrix="bt601", value_range="full", output_matrix="bt709",
                      output_range="limited")  # fmt: skip
    red = np.full((12, 64), 76, np.uint8)  # by BT.601 in full range
    red[8:] = np.tile(np.array([85, 255], np.uint8), (4, 32))
    result = session.process(red)
    assert np.abs(result[:32].astype(int) - 63).max() <= 2  # by BT.709 in limited range
    assert np.abs(result[32:].reshape(-1, 2).astype(int) - [102, 240]).max() <= 2
    # An edge of colour moves by half a pixel of the input, as the chroma is taken to lie there.
    edge = np.full((12, 64), 128, np.uint8)
    edge[8:, 32::2] = 160
    middles = []
    for siting in SITINGS:
        session.configure(8, 64, input="nv12", output="rgb_float", siting=siting)
        blue = session.process(edge)[16, :, 2]
        middles.append(np.interp((blue[0] + blue[-1]) / 2, blue, np.arange(len(blue))))
    assert middles[1] - middles[0] == pytest.approx(-2, abs=0.5)


def test_names_are_in_the_order_of_the_header():
    header = (ROOT / "include" / "srdgan" / "session_c.h").read_text(encoding="utf-8")
    names = {name.lower() for name in re.findall(r"\bSRDGAN_([A-Z0-9_]+)[,\s]", header)}
    ranges, sitings = {f"{name}_range" for name in RANGES}, {f"{name}_siting" for name in SITINGS}
    assert {*FORMATS, *MATRICES, *ranges, *sitings} <= names
    first, last = header.index("SRDGAN_RGB8"), header.index("SRDGAN_P010")
    assert [name.lower() for name in re.findall(r"SRDGAN_(\w+)", header[first : last + 11])] == list(FORMATS)


def test_structures_and_the_version_are_those_of_the_header():
    header = (ROOT / "include" / "srdgan" / "session_c.h").read_text(encoding="utf-8")
    code = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    types = {"int32_t": 4, "int64_t": 8, "double": 8, "size_t": 8, "srdgan_parallel_for": 8, "char": 1}
    structures = (_c_api.Status, _c_api.Options, _c_api.YuvColour, _c_api.Config, _c_api.Image)
    names = ("status", "options", "yuv_colour", "config", "image")
    for structure, name in zip(structures, names, strict=True):
        body = re.search(rf"typedef struct \{{([^}}]*)\}} srdgan_{name};", code)[1]
        fields = re.findall(r"(\w+)\s*(\*?)\s*(\w+)(?:\[(\d+)\])?;", body)
        types[f"srdgan_{name}"] = ctypes.sizeof(structure)
        assert [field for _, _, field, _ in fields] == [field[0] for field in structure._fields_]
        sizes = [(8 if pointer else types[kind]) * int(count or 1) for kind, pointer, _, count in fields]
        assert sizes == [ctypes.sizeof(field[1]) for field in structure._fields_]
    version = re.search(r'#define SRDGAN_VERSION "(.*)"', header)[1]
    assert f'version = "{version}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_wrong_arguments_are_one_line(session: Session):
    good = np.zeros((8, 6, 3), np.uint8)
    session.configure(8, 6)
    for call, message in {
        lambda: session.configure(0, 8): "height must be a whole number of at least 1, got 0",
        lambda: session.configure(8, 8, input="yuyv"): "input must be one of rgb8, .*, got 'yuyv'",
        lambda: session.configure(8, 8, input=["rgb8"]): r"input must be one of rgb8, .*, got \['rgb8'\]",
        lambda: session.configure(8, 8, matrix="601"): "matrix must be one of bt601, bt709, bt2020, got '601'",
        lambda: session.configure(7, 8, input="nv12"): "must have an even width and height, got 8 x 7",
        lambda: session.configure(8, 8, roi=(4, 4, 5, 1)): "roi must be a box inside the picture of 8 x 8",
        lambda: session.upscale(good[..., 0]): r"image must be \(H, W, 3\), got \(8, 6\)",
        lambda: session.upscale([good]): "image must be a numpy array, got list",
        lambda: session.upscale(np.full((8, 6, 3), 2, np.float32)): r"must be finite and lie in \[0, 1\], got 2 to 2",
        lambda: session.upscale(np.full((8, 6, 3), np.nan, np.float32)): "must be finite",
        lambda: session.upscale(good, roi=(0, 0, 2, 2, 2.5)): "roi must be four whole numbers",
        lambda: Session(MODEL, threads=0): "threads must be a whole number of at least 1, got 0",
        lambda: Session(MODEL, threads=1025): "threads must be at most 1024, got 1025",
        lambda: Session(MODEL, halo=10001): "halo must be at most 10000, got 10001",
    }.items():
        with pytest.raises(InputError, match=message):
            call()
    with pytest.raises(InputError, match=r"configure\(\) must come before process\(\)"):
        session.process(good)  # the last configure() failed
    session.configure(8, 6)
    read_only = np.zeros((32, 24, 3), np.uint8)
    read_only.flags.writeable = False
    for picture, out, message in (
        (good[:7], None, r"picture must have shape \(8, 6, 3\), got \(7, 6, 3\)"),
        (good.astype(np.uint16), None, "picture must be uint8, got uint16"),
        (np.asfortranarray(good), None, "rows of picture must be contiguous"),
        (None, None, "picture must be an array in main memory, got NoneType"),
        (good, np.zeros((8, 6, 3), np.uint8), r"out must have shape \(32, 24, 3\)"),
        (good, read_only, "out must be writable"),
    ):
        with pytest.raises(InputError, match=message):
            session.process(picture, out)


def test_bad_models_are_one_line(tmp_path: Path, model: Path):
    with pytest.raises(UnknownModelError, match="did you mean 'srdgan-x4-fast'"):
        Session("srdgan-x4-fst")
    with pytest.raises(InputError, match="model must be a name or a path, got None"):
        Session(None)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match=r"fehlt, für immer\.safetensors: no such file"):
        Session(tmp_path / "fehlt, für immer.safetensors")
    with pytest.raises(CheckpointError, match=r"a\.safetensors: File name too long"):
        Session("a" * 300 + ".safetensors")
    with pytest.raises(CheckpointError, match="is not a regular file"):
        Session(tmp_path)
    with pytest.raises(CheckpointError, match="holds no network that enlarges"):
        Session(ROOT / "srdgan_rt" / "weights" / "srdgan-h2l.safetensors")
    net = load_model(model).net
    net.conv_last.weight.data += 1
    save_model(tmp_path / "part.safetensors", net, {}, base=model)
    with pytest.raises(CheckpointError, match="holds only what differs from other weights: save the whole network"):
        Session(tmp_path / "part.safetensors")
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged: the weights do not match their sha256"):
        Session(damaged)


def test_cancel_ends_a_call_in_another_thread(model: Path):
    session = Session(model, threads=1)
    picture = random_picture(900, 900)
    session.configure(900, 900)
    errors = []

    def work() -> None:
        try:
            session.process(picture)
        except CancelledError as error:
            errors.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.02)  # the GIL is free meanwhile
    session.cancel()
    thread.join()
    assert errors == ["cancelled"]
    small = random_picture(8, 8)
    session.configure(8, 8)
    assert session.process(small).any()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_is_told_to_open_its_own(model: Path):
    code = f"""
import os, sys
import numpy as np
from srdgan_rt.errors import InputError
from srdgan_rt.session import Session
session = Session({str(model)!r}, threads=2)
picture = np.zeros((4, 4, 3), np.uint8)
expected = session.upscale(picture)
child = os.fork()
if child == 0:
    try:
        session.process(picture)
    except InputError as error:
        assert "belongs to another process" in str(error)
        del session
        assert (Session({str(model)!r}, threads=2).upscale(picture) == expected).all()
        os._exit(0)
    os._exit(1)
assert os.waitpid(child, 0)[1] == 0
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr


def test_a_limit_of_latency_is_checked_beforehand(session: Session):
    with pytest.raises(LatencyError, match=r"a picture will take about .* ms here, longer than the limit of 0\.001 ms"):
        session.configure(60, 80, max_latency_ms=0.001)
    assert session.estimated_latency_ms > 0.001
    with pytest.raises(InputError, match=r"configure\(\) must come before process\(\)"):
        session.process(random_picture(60, 80))
    session.configure(60, 80, max_latency_ms=1e6)
    assert session.estimated_latency_ms > 0
    for wrong in (0, -1, float("nan"), float("inf"), 10**400, "7", True):
        with pytest.raises(InputError, match="max_latency_ms must be a number above 0, got "):
            session.configure(60, 80, max_latency_ms=wrong)


def test_memory_is_stated(session: Session):
    small = session.configure(64, 64)
    assert session.configure(128, 128) > small > 3 * 4 * 4 * 64 * 64
    assert session.memory_bytes > small
    assert session.scale == 4
