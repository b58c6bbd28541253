"""The engine ``onnxruntime`` gives what the reference gives, from files of any size, in tiles of one shape."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from srdgan_rt import _ext
from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.models import L2HNet
from srdgan_rt.runtime import Upscaler, list_engines

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def largest_difference(one, other):
    return int(np.abs(one.astype(int) - other.astype(int)).max())


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (37, 61)])
@pytest.mark.parametrize("tile", [None, 16])
def test_equals_the_reference(random_net, size, tile):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    options = {"device": "cpu", "halo": 32, "border_padding": 32}
    expected = Upscaler(random_net, engine="torch", tile=0, **options).upscale(image)
    result = Upscaler(random_net, engine="onnxruntime", tile=tile, **options).upscale(image)
    assert largest_difference(result, expected) <= 1


@pytest.mark.skipif(not _ext.is_available(), reason="the compiled extension cannot be used")
def test_equals_native(random_net):
    image = np.random.default_rng(1).integers(0, 256, (33, 50, 3), np.uint8)
    options = {"device": "cpu", "halo": 32, "border_padding": 32}
    expected = Upscaler(random_net, engine="native", **options).upscale(image)
    assert largest_difference(Upscaler(random_net, engine="onnxruntime", **options).upscale(image), expected) <= 1


@pytest.mark.parametrize("tile", [None, 7])
def test_equals_the_reference_with_pixel_unshuffle(tile):
    torch.manual_seed(0)
    net = L2HNet(1, 8, 4, scale=2, unshuffle=2)
    image = np.random.default_rng(0).integers(0, 256, (21, 34, 3), np.uint8)
    options = {"device": "cpu", "halo": 60, "border_padding": 60}
    expected = Upscaler(net, engine="torch", tile=0, **options).upscale(image)
    assert largest_difference(Upscaler(net, engine="onnxruntime", tile=tile, **options).upscale(image), expected) <= 1


def test_all_tiles_have_one_shape(random_net, monkeypatch):
    up = Upscaler(random_net, engine="onnxruntime", device="cpu", tile=24, halo=8)
    shapes = set()
    run = up._engines.current._backend.run
    monkeypatch.setattr(up._engines.current._backend, "run", lambda x: (shapes.add(tuple(x.shape)), run(x))[1])
    for size in ((60, 57), (120, 81), (57, 90)):
        up.upscale(np.zeros((*size, 3), np.uint8))
    assert shapes == {(1, 3, 24 + 16 + 2 * 8, 24 + 16 + 2 * 8)}


def test_a_folder_of_pictures_of_many_sizes_opens_one_session(monkeypatch):
    import onnxruntime

    opened = []
    session = onnxruntime.InferenceSession

    def open_session(*arguments, **options):
        opened.append(1)
        return session(*arguments, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", open_session)
    torch.manual_seed(0)
    up = Upscaler(L2HNet(1, 4, 2, scale=1), engine="onnxruntime", device="cpu", tile=16, halo=8)
    for side in range(5, 25):
        assert up.upscale(np.zeros((side + 20, side, 3), np.uint8)).shape == (side + 20, side, 3)
    assert opened == [1]


class Fail(Exception):  # noqa: N818, as onnxruntime's own, which derives from Exception, too
    pass


def fail_beyond(up, pixels, message, monkeypatch):
    """Makes the session of an upscaler fail on larger inputs."""
    backend = up._engines.current._backend
    session = backend._session

    def run(names, feeds):
        if feeds["input"].shape[2] * feeds["input"].shape[3] > pixels:
            raise Fail(message)
        return session.run(names, feeds)

    monkeypatch.setattr(backend, "_session", SimpleNamespace(run=run))


@pytest.mark.parametrize(
    "message",
    ["[ONNXRuntimeError] : 1 : FAIL : Failed to allocate memory for requested buffer of size 9", "bad allocation"],
)
def test_goes_on_with_smaller_tiles_when_memory_runs_out(nearest_net, monkeypatch, message):
    image = np.random.default_rng(0).integers(0, 256, (60, 50, 3), np.uint8)
    up = Upscaler(nearest_net, engine="onnxruntime", device="cpu", halo=4)
    expected = up.upscale(image)
    fail_beyond(up, 40 * 40, message, monkeypatch)
    assert np.array_equal(up.upscale(image), expected)


def test_other_failures_are_one_line(nearest_net, monkeypatch):
    up = Upscaler(nearest_net, engine="onnxruntime", device="cpu")
    fail_beyond(up, 0, "Non-zero status code\nmore", monkeypatch)
    with pytest.raises(BackendUnavailableError, match=r"^onnxruntime failed: Non-zero status code$"):
        up.upscale(np.zeros((20, 20, 3), np.uint8))


def test_errors_are_raised_and_not_printed_as_well(capfd):
    up = Upscaler(L2HNet(1, 4, 2, scale=2, unshuffle=2), engine="onnxruntime", device="cpu")
    with pytest.raises(BackendUnavailableError, match="onnxruntime failed"):
        up._engines.current.run(torch.zeros(1, 3, 5, 7))  # no multiples of the pixel-unshuffle
    assert capfd.readouterr().err == ""


def test_says_what_is_missing(nearest_net, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BackendUnavailableError, match=r"onnxruntime is not installed: pip install 'srdgan_rt\[onnx\]'"):
        Upscaler(nearest_net, engine="onnxruntime", device="cpu")


def test_low_precision_on_the_cpu_is_refused():
    reasons = {status.name: status.reason for status in list_engines("cpu", "fp16")}
    assert reasons["onnxruntime"] == "the onnxruntime engine computes in fp32 on cpu"


def test_a_device_that_onnxruntime_lacks_is_named(monkeypatch):
    from srdgan_rt.runtime.engines import onnxruntime as engine

    assert engine.why_not(torch.device("cuda"), "fp16") == (
        "the installed onnxruntime is for the CPU only: install onnxruntime-gpu"
    )
