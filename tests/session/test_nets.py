"""A session with networks of other scales, with pixel-unshuffle, and in int8 and bf16: the bits of ``Upscaler``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from srdgan_rt import Session, Upscaler, _ext
from srdgan_rt.checkpoint import save_model
from srdgan_rt.checkpoint.ranges import ranges_path, save_ranges
from srdgan_rt.errors import BackendUnavailableError, CheckpointError, InputError
from srdgan_rt.models import L2HNet
from srdgan_rt.runtime import measure_ranges
from srdgan_rt.runtime.engines import choose_engine
from srdgan_rt.session import PRECISIONS, _c_api
from tests.helpers.lively_net import make_lively_net
from tests.helpers.session_checks import check_formats_agree, random_picture

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

TYPES = (np.uint8, np.uint16, np.float32)
# scale, unshuffle, precision
NETS = [(1, 1, "fp32"), (2, 1, "fp32"), (2, 2, "fp32"), (1, 4, "fp32"), (1, 2, "fp32")]
NETS += [(4, 1, "int8"), (2, 2, "int8"), (4, 1, "bf16")]


def save_net(folder: Path, net: L2HNet, metadata: dict[str, str]) -> Path:
    path = folder / "mine.safetensors"
    save_model(path, net, metadata, dtype=torch.float32)
    pictures = [torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(1))]
    save_ranges(ranges_path(path), measure_ranges(net, pictures), net, {})
    return path


@pytest.fixture(scope="module", autouse=True)
def fast_int8():
    """Elsewhere other instructions compute the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ext, "has_fast_int8", lambda: True)
        patch.setattr(_c_api, "has_fast_int8", lambda: True)
        yield


@pytest.fixture(scope="module", params=NETS, ids=str)
def pair(request, tmp_path_factory, fast_int8) -> tuple[Session, Upscaler]:
    scale, unshuffle, precision = request.param
    net = make_lively_net(scale=scale, unshuffle=unshuffle, seed=unshuffle)
    path = save_net(tmp_path_factory.mktemp("models"), net, {"halo": "7", "border_padding": "3"})
    with pytest.MonkeyPatch.context() as patch:
        if precision == "bf16":
            patch.setattr(_ext, "has_fast_bf16", lambda: True)
            patch.setattr(_c_api, "has_fast_bf16", lambda: True)
        session = Session(path, threads=2, precision=precision)
        assert (session.scale, session.precision) == (scale, precision)
        return session, Upscaler(path, device="cpu", engine="native", precision=precision)


@settings(max_examples=8)
@given(data=st.data())
def test_any_size_depth_and_region_gives_the_bits_of_upscaler(pair, data: st.DataObject):
    session, upscaler = pair
    height, width = data.draw(st.integers(1, 41)), data.draw(st.integers(1, 41))
    roi = None
    if data.draw(st.booleans()):
        x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
        roi = (x, y, data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y)))
    picture = random_picture(height, width, data.draw(st.sampled_from(TYPES)))
    np.testing.assert_array_equal(session.upscale(picture, roi=roi), upscaler.upscale(picture, roi=roi))


def test_strips_and_rows_that_arrive_change_no_bit(pair):
    session, upscaler = pair
    picture = random_picture(401, 23)
    expected = upscaler.upscale(picture)
    session.configure(401, 23, row_streaming=True)
    np.testing.assert_array_equal(session.process(picture), expected)
    assert 0 < session.latency_rows < 401
    chunks = (picture[first : first + 37] for first in range(0, 401, 37))
    np.testing.assert_array_equal(np.concatenate(list(session.stream(chunks))), expected)


def test_formats_of_the_same_pixels_agree(pair):
    check_formats_agree(*pair, 13, 18)


def test_frames_with_chroma_have_the_right_size(pair):
    session, _ = pair
    session.configure(14, 10, input="nv12", roi=(3, 1, 6, 12))
    frame = session.make_input()
    frame[...] = 128
    assert session.process(frame).shape == (session.scale * 12 * 3 // 2, session.scale * 6)


def test_the_default_halo_counts_what_the_network_sees(tmp_path: Path):
    path = save_net(tmp_path, make_lively_net(scale=2, unshuffle=2), {})
    memory = {halo: Session(path, halo=halo).configure(190, 200, roi=(95, 91, 3, 2)) for halo in (None, 32, 64)}
    assert memory[None] == memory[64] > memory[32]


def test_shipped_ranges_are_those_of_upscaler():
    picture = random_picture(21, 34)
    session = Session("srdgan-x4-fast", precision="int8", threads=2)
    expected = Upscaler("srdgan-x4-fast", device="cpu", engine="native", precision="int8").upscale(picture)
    np.testing.assert_array_equal(session.upscale(picture), expected)


@pytest.mark.parametrize("fast", [True, False])
def test_the_default_is_that_of_upscaler(fast: bool, monkeypatch: pytest.MonkeyPatch):
    for module in (_ext, _c_api):
        monkeypatch.setattr(module, "has_fast_bf16", lambda: fast)
    precision = Session("srdgan-x4-fast").precision
    assert precision == choose_engine("native", "cpu").precision == ("bf16" if fast else "fp32")


def test_bf16_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_c_api, "has_fast_bf16", lambda: False)
    with pytest.raises(BackendUnavailableError, match="bf16 needs an Intel processor with AMX, and Linux"):
        Session("srdgan-x4-fast", precision="bf16")


def test_int8_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = save_net(tmp_path, make_lively_net(), {})
    with pytest.raises(InputError, match="precision must be one of fp32, int8, bf16, auto, got 'fp16'"):
        Session(path, precision="fp16")
    save_model(path, make_lively_net(seed=1), {})
    with pytest.raises(CheckpointError, match="ranges for int8: they belong to other weights"):
        Session(path, precision="int8")
    ranges_path(path).unlink()
    with pytest.raises(CheckpointError, match=r"mine\.safetensors: int8 needs activation ranges, in mine\.int8\."):
        Session(path, precision="int8")
    monkeypatch.setattr(_c_api, "has_fast_int8", lambda: False)
    with pytest.raises(BackendUnavailableError, match="int8 needs a processor with VNNI"):
        Session(path, precision="int8")


def test_precisions_are_in_the_order_of_the_header():
    header = (Path(__file__).resolve().parents[2] / "include" / "srdgan" / "session_c.h").read_text(encoding="utf-8")
    assert f"enum {{ {', '.join(f'SRDGAN_{name.upper()}' for name in PRECISIONS)} }};" in header
