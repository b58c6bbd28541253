"""Which model ``auto`` chooses for the noise of a picture."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from srdgan_rt.errors import CheckpointError, InputError
from srdgan_rt.image import read_picture
from srdgan_rt.runtime import AUTO, AutoUpscaler, Upscaler, choose_upscaler, open_upscaler
from srdgan_rt.runtime.auto import PROCESSED, SENSOR

HEIGHT, WIDTH = 96, 120


@pytest.fixture(scope="module")
def auto() -> AutoUpscaler:
    return AutoUpscaler(device="cpu")


def add_noise(sigma: float, channels: int) -> np.ndarray:
    """A slope with noise that is the same in all channels, or differs between them."""
    slope = np.linspace(60, 180, WIDTH)[None, :, None] + np.zeros((HEIGHT, 1, 3))
    noise = np.random.default_rng(1).normal(0, sigma, (HEIGHT, WIDTH, channels))
    return (slope + noise).round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("sigma", "channels", "name"), [(8, 3, SENSOR), (8, 1, PROCESSED), (3, 1, PROCESSED), (0, 1, SENSOR)]
)
def test_noise_without_colour_calls_for_another_model(
    auto: AutoUpscaler, sigma: float, channels: int, name: str
) -> None:
    picture = add_noise(sigma, channels)
    assert auto.choose(picture).spec.name == name


def test_depth_and_alpha_do_not_matter(auto: AutoUpscaler) -> None:
    picture = add_noise(8, 1)
    alpha = np.full((HEIGHT, WIDTH, 1), 65535, np.uint16)
    forms = [
        picture[..., 0],
        picture[..., :1],
        picture.astype(np.float32) / 255,
        np.concatenate([picture.astype(np.uint16) * 257, alpha], axis=2),
    ]
    assert [auto.choose(form).spec.name for form in forms] == [PROCESSED] * len(forms)


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (300, 5, 3), (700, 3, 3)])
def test_pictures_of_any_size_have_a_model(auto: AutoUpscaler, shape: tuple[int, ...]) -> None:
    assert auto.choose(np.zeros(shape, np.uint8)).spec.name == SENSOR


def test_what_is_no_picture_is_an_error(auto: AutoUpscaler) -> None:
    with pytest.raises(InputError, match="channels"):
        auto.choose(np.zeros((4, 4, 5), np.uint8))


def test_photographs_of_sensors_and_of_phones_that_processed_them(auto: AutoUpscaler, shared_data: Path) -> None:
    names = {
        file: auto.choose(read_picture(shared_data / file).pixels).spec.name
        for file in ("phone_crops/0_noisy.png", "phone_crops/9_noisy.png", "phone_jpeg/01_iphone4_text.png")
    }
    assert list(names.values()) == [SENSOR, SENSOR, PROCESSED]


def test_a_name_opens_one_model_and_auto_the_choice(auto: AutoUpscaler) -> None:
    picture = add_noise(8, 1)
    opened = open_upscaler(AUTO, device="cpu", sharpness=0.5)
    assert isinstance(opened, AutoUpscaler)
    chosen, notes = choose_upscaler(opened, picture)
    assert chosen.sharpness == 0.5
    assert notes == ("its noise calls for srdgan-x4-photo at sharpness 0.5",)
    alone = open_upscaler(SENSOR, device="cpu")
    assert choose_upscaler(alone, picture) == (alone, ())
    assert isinstance(alone, Upscaler)
    with pytest.raises(CheckpointError, match="no model 'automatic'"):
        open_upscaler("automatic")


def test_each_picture_of_a_batch_gets_its_model(auto: AutoUpscaler) -> None:
    coloured, grey = add_noise(8, 3), add_noise(8, 1)
    batch = torch.from_numpy(np.stack([coloured, grey])).permute(0, 3, 1, 2) / 255
    results = (auto(batch) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    for picture, result, name in zip((coloured, grey), results, (SENSOR, PROCESSED), strict=True):
        assert np.array_equal(result, Upscaler(name, device="cpu").upscale(picture))
    with pytest.raises(InputError, match="N, 3, H, W"):
        auto(batch[0])


def test_it_stands_in_for_an_upscaler(auto: AutoUpscaler) -> None:
    picture = add_noise(8, 1)
    chosen = auto.choose(picture)
    bgr, mode = auto.enhance(picture[..., ::-1], outscale=2)
    assert np.array_equal(bgr[..., ::-1], chosen.upscale(picture, outscale=2))
    assert mode == "RGB"
    assert (auto.scale, auto.sharpness, auto.engine) == (chosen.scale, chosen.sharpness, chosen.engine)
    copy = pickle.loads(pickle.dumps(auto))
    assert copy.choose(picture).name == chosen.name


def test_it_takes_no_model() -> None:
    with pytest.raises(InputError, match="chooses the model itself"):
        AutoUpscaler(model=SENSOR)


def test_its_text_says_what_it_chooses_from() -> None:
    text = repr(AutoUpscaler(device="cpu", engine="torch"))
    assert text == "<AutoUpscaler srdgan-x4-fast or srdgan-x4-photo, torch fp32 on cpu>"
