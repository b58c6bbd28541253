"""Ranges of the features: measured, kept beside the weights, and used by the engine that computes in int8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from srdgan_rt import _ext, ops
from srdgan_rt.checkpoint import available_models, load_model, ranges_path, save_model, save_ranges
from srdgan_rt.errors import BackendUnavailableError, CheckpointError, InputError
from srdgan_rt.metrics import evaluate_data_set, open_data_set
from srdgan_rt.models import L2HNet
from srdgan_rt.runtime import Upscaler, measure_ranges
from tests.helpers.shipped_models import shipped_models

NEEDS_EXTENSION = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))


@pytest.fixture
def net() -> L2HNet:
    torch.manual_seed(3)
    return L2HNet(num_blocks=1, num_features=8, growth_channels=4).eval()


@pytest.fixture
def model(net: L2HNet, tmp_path: Path) -> Path:
    path = tmp_path / "mine.safetensors"
    save_model(path, net, {}, dtype=torch.float32)
    return path


@pytest.fixture
def _vnni(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor with VNNI; elsewhere other instructions compute the same."""
    monkeypatch.setattr(_ext, "has_fast_int8", lambda: True)


def make_pictures() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(1, 3, 24, 32, generator=generator), torch.rand(2, 3, 16, 12, generator=generator)]


def test_ranges_are_the_largest_magnitudes(net: L2HNet) -> None:
    pictures = make_pictures()
    ranges = measure_ranges(net, pictures, cut=1e9, margin=1)
    assert [tuple(block.shape) for block in ranges] == [(37, 8 + 4 * 4)] * 3
    # The first block's own input is what conv_first makes.
    inputs = [net.conv_first(picture) for picture in pictures]
    deviations = torch.cat([ops.reference.measure_deviations(x) for x in inputs], 1).mean(1).sqrt()
    torch.testing.assert_close(ranges[0][36], torch.cat([deviations, torch.zeros(16)]))
    points = torch.cat(
        [ops.reference.transform_features(x)[0] / ops.reference.measure_spreads(x, deviations) for x in inputs], 2
    )
    largest = points.abs().amax(2)
    torch.testing.assert_close(ranges[0][:36, :8], largest)
    cut = measure_ranges(net, pictures, cut=2.0, margin=1.25)
    torch.testing.assert_close(cut[0][:36, :8], torch.minimum(1.25 * largest, 2 * points.square().mean(2).sqrt()))
    assert not net.body[0].rdb1.conv5._forward_pre_hooks  # the network is left as it was


def test_no_pictures_are_an_error(net: L2HNet) -> None:
    with pytest.raises(InputError, match="ranges are measured on pictures, got none"):
        measure_ranges(net, [])


def test_ranges_come_back_from_their_file(net: L2HNet, model: Path) -> None:
    ranges = measure_ranges(net, make_pictures())
    assert ranges_path(model) == model.with_name("mine.int8.safetensors")
    save_ranges(ranges_path(model), ranges, net, {"date": "today"})
    for loaded, saved in zip(load_model(model, with_ranges=True).ranges, ranges, strict=True):
        torch.testing.assert_close(loaded, saved, rtol=1e-3, atol=1e-6)


def test_each_network_between_a_pair_has_ranges_of_its_own(net: L2HNet, model: Path) -> None:
    torch.manual_seed(4)
    sharp = model.with_name("mine.sharp.safetensors")
    save_model(sharp, L2HNet(num_blocks=1, num_features=8, growth_channels=4), {}, dtype=torch.float32)
    save_ranges(ranges_path(model), measure_ranges(net, make_pictures()), net, {})
    with pytest.raises(
        CheckpointError,
        match=r"mine\.sharp0\.25\.int8\.safetensors: no such file: .*calibrate_int8 --sharpness 0\.25 measures them",
    ):
        load_model(model, sharpness=0.25, with_ranges=True)
    for sharpness in (0.25, 1.0):
        between = load_model(model, sharpness=sharpness).net
        ranges = measure_ranges(between, make_pictures())
        save_ranges(ranges_path(model, sharpness), ranges, between, {})
        loaded = load_model(model, sharpness=sharpness, with_ranges=True)
        torch.testing.assert_close(loaded.ranges[0], ranges[0], rtol=1e-3, atol=1e-6)
    assert ranges_path(model, 1) == ranges_path(sharp)
    assert load_model(sharp, with_ranges=True).ranges is not None
    assert load_model(model, with_ranges=True).ranges is not None
    ranges_path(model, 0.25).rename(ranges_path(model, 0.5))  # of another sharpness, thus of other weights
    with pytest.raises(CheckpointError, match=r"belongs to other weights: .* --sharpness 0\.5"):
        load_model(model, sharpness=0.5, with_ranges=True)


def test_what_is_wrong_with_ranges_is_said(net: L2HNet, model: Path) -> None:
    with pytest.raises(CheckpointError, match=r"mine\.int8\.safetensors: no such file: int8 needs activation ranges"):
        load_model(model, with_ranges=True)
    ranges = measure_ranges(net, make_pictures())
    with pytest.raises(CheckpointError, match="not finite"):
        save_ranges(ranges_path(model), [block * 1e9 for block in ranges], net, {})
    save_ranges(ranges_path(model), ranges, L2HNet(1, 8, 4), {})
    with pytest.raises(CheckpointError, match="belongs to other weights"):
        load_model(model, with_ranges=True)


def test_ranges_are_no_model() -> None:
    assert not any(name.endswith("int8") for name in available_models())


@pytest.mark.isa
@NEEDS_EXTENSION
@pytest.mark.usefixtures("_vnni")
def test_upscaler_computes_in_int8(net: L2HNet, model: Path) -> None:
    save_ranges(ranges_path(model), measure_ranges(net, make_pictures()), net, {})
    image = np.random.default_rng(0).random((70, 110, 3), np.float32)
    up = Upscaler(model, precision="int8", tile=0)
    assert (up.engine, up.precision) == ("native", "int8")
    result, exact = up.upscale(image), Upscaler(model, precision="fp32").upscale(image)
    error = float(np.sqrt(np.mean((result - exact) ** 2)))
    assert 0 < error < 0.01
    # In strips, too, and in each of them the same.
    assert np.array_equal(Upscaler(model, precision="int8", tile=24).upscale(image), result)


@NEEDS_EXTENSION
@pytest.mark.usefixtures("_vnni")
def test_int8_between_a_pair(net: L2HNet, model: Path) -> None:
    torch.manual_seed(4)
    other = L2HNet(num_blocks=1, num_features=8, growth_channels=4)
    save_model(model.with_name("mine.sharp.safetensors"), other, {}, dtype=torch.float32)
    save_ranges(ranges_path(model), measure_ranges(net, make_pictures()), net, {})
    with pytest.raises(CheckpointError, match=r"mine\.sharp0\.5\.int8\.safetensors: no such file"):
        Upscaler(model, precision="int8", sharpness=0.5)
    between = load_model(model, sharpness=0.5).net
    save_ranges(ranges_path(model, 0.5), measure_ranges(between, make_pictures()), between, {})
    image = np.random.default_rng(0).random((16, 24, 3), np.float32)
    result = Upscaler(model, precision="int8", sharpness=0.5).upscale(image)
    exact, faithful = (Upscaler(model, sharpness=share, device="cpu").upscale(image) for share in (0.5, 0))
    error, difference = (float(np.abs(result - one).mean()) for one in (exact, faithful))
    assert 0 < error < 0.1 * difference


@NEEDS_EXTENSION
@pytest.mark.usefixtures("_vnni")
def test_a_network_without_a_file_has_no_ranges(net: L2HNet) -> None:
    with pytest.raises(BackendUnavailableError, match="int8 needs activation ranges"):
        Upscaler(net, precision="int8")


@NEEDS_EXTENSION
def test_int8_is_offered_where_it_is_fast(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ext, "has_fast_int8", lambda: False)
    with pytest.raises(BackendUnavailableError, match="cannot be used: int8 needs a processor with VNNI"):
        Upscaler(model, precision="int8")


@pytest.mark.isa
@NEEDS_EXTENSION
@pytest.mark.usefixtures("_vnni")
@pytest.mark.parametrize("name", ["Set5", pytest.param("phone_crops", marks=pytest.mark.slow)])
def test_the_shipped_model_loses_little(shared_data: Path, name: str) -> None:
    ups = {precision: Upscaler(device="cpu", precision=precision) for precision in ("fp32", "int8")}
    evaluation = evaluate_data_set(
        open_data_set(shared_data / name),
        {precision: (lambda sample, up=up: up.upscale(sample.low)) for precision, up in ups.items()},
    )
    scores = {precision: evaluation.mean(precision) for precision in ups}
    assert scores["int8"].psnr > scores["fp32"].psnr - 0.05


@pytest.mark.isa
@NEEDS_EXTENSION
@pytest.mark.usefixtures("_vnni")
@pytest.mark.parametrize("name", shipped_models())
def test_flat_pictures_stay_flat_in_int8(name: str) -> None:
    up = Upscaler(name, device="cpu", precision="int8")
    for value in (0, 37, 128, 255):
        assert np.unique(up.upscale(np.full((32, 32, 3), value, np.uint8))).tolist() == [value]
