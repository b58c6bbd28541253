"""What the shipped models promise about pictures, held with their real weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from srdgan_rt import _ext
from srdgan_rt.image import read_picture
from srdgan_rt.runtime import Upscaler
from tests.helpers.shipped_models import shipped_models


@pytest.fixture(scope="module", params=shipped_models())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def upscaler(name: str) -> Upscaler:
    return Upscaler(name, device="cpu")


@pytest.mark.isa
@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_pictures_keep_their_value_up_to_the_edge(upscaler: Upscaler, value: int) -> None:
    result = upscaler.upscale(np.full((20, 24, 3), value, np.uint8))
    assert np.abs(result.astype(int) - value).max() <= 1


@pytest.mark.isa
def test_noise_without_colour_is_removed_by_the_model_for_photographs() -> None:
    grey = np.random.default_rng(0).normal(128, 10, (48, 48, 1)).round().clip(0, 255).astype(np.uint8).repeat(3, 2)
    left = {name: Upscaler(name, device="cpu").upscale(grey).std() for name in ("srdgan-x4-fast", "srdgan-x4-photo")}
    assert left["srdgan-x4-photo"] < left["srdgan-x4-fast"] / 2


@pytest.mark.isa
def test_a_dark_16_bit_picture_stays_dark(upscaler: Upscaler) -> None:
    rng = np.random.default_rng(0)
    dark = rng.integers(0, 256, (24, 24, 3), np.uint16)  # below 1/255 of full scale: all of it would be 0 in 8 bits
    result = upscaler.upscale(dark)
    assert result.dtype == np.uint16
    assert result.mean() < 400


@pytest.mark.parametrize("file", ["phone_crops/4_noisy.png", "Set14/HR/ppt3.png"])
def test_tiles_change_no_pixel_by_more_than_one(name: str, shared_data: Path, file: str) -> None:
    picture = np.ascontiguousarray(read_picture(shared_data / file).pixels[100:172, 100:188])
    whole = Upscaler(name, device="cpu", engine="torch", tile=0).upscale(picture)
    tiled = Upscaler(name, device="cpu", engine="torch", tile=40).upscale(picture)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


@pytest.mark.isa
def test_strips_change_no_bit(shared_data: Path) -> None:
    if (reason := _ext.why_not()) is not None:
        pytest.skip(reason)
    pixels = read_picture(shared_data / "phone_crops/4_noisy.png").pixels[:290, :112]
    picture = np.ascontiguousarray(pixels.astype(np.float32) / 255)
    whole = Upscaler(device="cpu", engine="native", tile=0).upscale(picture)
    for tile in (1, 128):
        assert np.array_equal(Upscaler(device="cpu", engine="native", tile=tile).upscale(picture), whole)


@pytest.mark.isa
def test_a_region_is_the_crop_of_the_whole(upscaler: Upscaler, shared_data: Path) -> None:
    picture = np.ascontiguousarray(read_picture(shared_data / "phone_crops/0_noisy.png").pixels[:96, :96])
    whole, region = upscaler.upscale(picture), upscaler.upscale(picture, roi=(30, 20, 33, 41))
    crop = whole[4 * 20 : 4 * 61, 4 * 30 : 4 * 63].astype(int)
    assert np.abs(crop - region).max() <= 1


@pytest.mark.isa
def test_denoises_phone_crops_as_its_card_says(upscaler: Upscaler, shared_data: Path) -> None:
    from srdgan_rt.metrics import evaluate_data_set, open_data_set

    evaluation = evaluate_data_set(
        open_data_set(shared_data / "phone_crops"), {"model": lambda sample: upscaler.upscale(sample.low)}
    )
    score = evaluation.mean("model")
    assert score is not None
    stated_psnr, stated_ssim = json.loads(upscaler.metadata["scores"])["phone_crops"]
    assert score.psnr == pytest.approx(stated_psnr, abs=0.05)
    assert score.ssim == pytest.approx(stated_ssim, abs=0.002)
