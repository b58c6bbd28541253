"""The forms of folders, and what becomes of their pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from srdgan_rt.errors import ImageReadError, InputError
from srdgan_rt.image.resample import shift_half_pixel
from srdgan_rt.metrics import (
    BENCHMARK,
    FULL_RESOLUTION,
    REAL_NOISE,
    downsample_bicubic,
    make_noise_sample,
    open_data_set,
)

SavePicture = Callable[[str, "NDArray[np.generic]"], Path]


def make_picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_benchmark_with_low_resolution(save: SavePicture, tmp_path: Path) -> None:
    high, low = make_picture(18, 23), make_picture(4, 5)
    save("HR/b.png", high)
    save("HR/a.png", make_picture(8, 8))
    save("LRx4/b.png", low)
    save("LRx4/a.png", make_picture(2, 2))
    (tmp_path / "HR" / "readme.txt").write_text("not a picture")
    data_set = open_data_set(tmp_path)
    assert (data_set.name, data_set.protocol) == (tmp_path.name, BENCHMARK)
    assert list(data_set.samples) == ["a", "b"]
    sample = data_set.samples["b"]()
    np.testing.assert_array_equal(sample.low, low)
    np.testing.assert_array_equal(sample.reference, high[:16, :20])  # cropped to multiples of 4
    assert sample.reference.dtype == np.float64


def test_benchmark_without_low_resolution_makes_it(save: SavePicture, tmp_path: Path) -> None:
    high = make_picture(18, 23)
    save("HR/a.png", high)
    sample = open_data_set(tmp_path).samples["a"]()
    np.testing.assert_array_equal(sample.low, downsample_bicubic(high[:16, :20]))


def test_grey_stays_grey(save: SavePicture, tmp_path: Path) -> None:
    save("HR/a.png", make_picture(16, 16)[..., 0])
    sample = open_data_set(tmp_path).samples["a"]()
    assert (sample.low.shape, sample.reference.shape) == ((4, 4), (16, 16))


def test_a_picture_without_a_whole_block_is_an_error(save: SavePicture, tmp_path: Path) -> None:
    save("HR/a.png", make_picture(3, 16))
    with pytest.raises(InputError, match="at least 4 pixels a side, got 16x3"):
        open_data_set(tmp_path).samples["a"]()


def test_alpha_is_left_out(save: SavePicture, tmp_path: Path) -> None:
    colour = make_picture(16, 16)
    save("HR/a.png", np.dstack([colour, np.full((16, 16), 255, np.uint8)]))
    np.testing.assert_array_equal(open_data_set(tmp_path).samples["a"]().reference, colour)


@pytest.mark.parametrize(("clean", "noisy"), [("clean", "noisy"), ("mean", "real")])
def test_pairs(save: SavePicture, tmp_path: Path, clean: str, noisy: str) -> None:
    clean_picture, noisy_picture = make_picture(21, 26, 1), make_picture(21, 26, 2)
    save(f"0_x_{clean}.png", clean_picture)
    save(f"0_x_{noisy}.png", noisy_picture)
    data_set = open_data_set(tmp_path)
    assert data_set.protocol == REAL_NOISE
    assert list(data_set.samples) == ["0_x"]
    sample = data_set.samples["0_x"]()
    assert sample.low.shape == (5, 6, 3)
    for row, column in ((0, 0), (4, 5), (2, 3)):
        np.testing.assert_array_equal(sample.low[row, column], noisy_picture[4 * row + 2, 4 * column + 2])
        np.testing.assert_array_equal(sample.low_clean[row, column], clean_picture[4 * row + 2, 4 * column + 2])
    planes = torch.from_numpy(clean_picture[:20, :24] / 255).movedim(-1, 0)
    expected = shift_half_pixel(planes).clamp(0, 1).movedim(0, -1).numpy() * 255
    np.testing.assert_allclose(sample.reference, expected, rtol=0, atol=1e-10)


def test_pairs_at_full_resolution(save: SavePicture, tmp_path: Path) -> None:
    clean, noisy = make_picture(21, 26, 1), make_picture(21, 26, 2)
    save("0_clean.png", clean)
    save("0_noisy.png", noisy)
    data_set = open_data_set(tmp_path, full_resolution=True)
    assert (data_set.name, data_set.protocol) == (tmp_path.name, FULL_RESOLUTION)
    sample = data_set.samples["0"]()
    for picture, expected in ((sample.low, noisy), (sample.low_clean, clean), (sample.reference, clean)):
        np.testing.assert_array_equal(picture, expected)


def test_a_benchmark_has_no_full_resolution(save: SavePicture, tmp_path: Path) -> None:
    save("HR/a.png", make_picture(16, 16))
    with pytest.raises(InputError, match="must hold pairs"):
        open_data_set(tmp_path, full_resolution=True)


def test_low_resolution_samples_lie_in_the_middle_of_their_blocks() -> None:
    # On a ramp the value tells the place: the mean of a block is the value in its middle.
    ramp = np.broadcast_to(np.arange(10, 10 + 48, dtype=np.uint8), (48, 48))
    sample = make_noise_sample(ramp, ramp)
    blocks = sample.reference.reshape(12, 4, 12, 4).mean((1, 3))
    np.testing.assert_allclose(blocks[2:-2, 2:-2], sample.low[2:-2, 2:-2], rtol=0, atol=1e-10)


def test_the_reference_is_clipped_and_not_rounded() -> None:
    edge = np.zeros((16, 16), np.uint8)
    edge[:, 8:] = 255
    reference = make_noise_sample(edge, edge).reference
    assert (reference.min(), reference.max()) == (0, 255)
    assert not np.array_equal(reference, np.rint(reference))


def test_a_missing_low_resolution_picture_fails_alone(save: SavePicture, tmp_path: Path) -> None:
    for name in ("HR/a.png", "HR/b.png"):
        save(name, make_picture(16, 16))
    save("LRx4/b.png", make_picture(4, 4))
    samples = open_data_set(tmp_path).samples
    with pytest.raises(ImageReadError, match=r"LRx4.a\.png"):
        samples["a"]()
    samples["b"]()


def test_a_pair_without_partner_fails_alone(save: SavePicture, tmp_path: Path) -> None:
    for name in ("a_clean.png", "b_clean.png", "b_noisy.png", "c_noisy.png", "c_mean.png"):
        save(name, make_picture(16, 16))
    samples = open_data_set(tmp_path).samples
    assert list(samples) == ["a", "b", "c"]
    with pytest.raises(InputError, match=r"a_clean\.png: has no partner"):
        samples["a"]()
    with pytest.raises(InputError, match="has no partner"):
        samples["c"]()
    samples["b"]()


def test_sizes_that_do_not_fit(save: SavePicture, tmp_path: Path) -> None:
    save("HR/a.png", make_picture(16, 16))
    save("LRx4/a.png", make_picture(4, 5))
    with pytest.raises(InputError, match=r"a\.png: must be a quarter of \(16, 16, 3\).*got \(4, 5, 3\)"):
        open_data_set(tmp_path).samples["a"]()
    save("pairs/a_clean.png", make_picture(16, 16))
    save("pairs/a_noisy.png", make_picture(16, 20))
    with pytest.raises(InputError, match=r"a_noisy\.png: must be of shape \(16, 16, 3\)"):
        open_data_set(tmp_path / "pairs").samples["a"]()


def test_16_bits_are_refused(save: SavePicture, tmp_path: Path) -> None:
    save("HR/a.png", np.zeros((16, 16), np.uint16))
    with pytest.raises(InputError, match=r"a\.png: pictures are scored at 8 bits, got uint16"):
        open_data_set(tmp_path).samples["a"]()


def test_unknown_forms(save: SavePicture, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        open_data_set(tmp_path / "nowhere")
    save("folder/a.png", make_picture(8, 8))
    with pytest.raises(InputError, match=r"folder: must hold pictures in HR/ .* or pairs \*_clean and \*_noisy or"):
        open_data_set(tmp_path / "folder")
    (tmp_path / "empty" / "HR").mkdir(parents=True)
    with pytest.raises(InputError, match="empty: must hold pictures in HR/"):
        open_data_set(tmp_path / "empty")


def test_pictures_of_one_name_are_refused(save: SavePicture, tmp_path: Path) -> None:
    save("bench/HR/a.png", make_picture(16, 16))
    save("bench/HR/a.bmp", make_picture(16, 16))
    with pytest.raises(InputError, match="HR: two pictures are called a"):
        open_data_set(tmp_path / "bench")
    for name in ("a_clean.png", "a_noisy.png", "a_noisy.bmp"):
        save(f"pairs/{name}", make_picture(16, 16))
    with pytest.raises(InputError, match="pairs: two pictures are called a_noisy"):
        open_data_set(tmp_path / "pairs")
