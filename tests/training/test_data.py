from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from srdgan_rt.errors import ImageReadError, InputError
from srdgan_rt.image import Picture, write_picture
from training.config import BatchConfig
from training.data import PairSampler, load_phone_frames, low_samples, read_frames, read_rgb


def make_sampler(root: Path, batch: BatchConfig, seed: int = 0) -> PairSampler:
    return PairSampler(root, batch, seed, largest_patch=16)


def test_batches_are_a_function_of_seed_and_iteration(training_root: Path) -> None:
    first, second = make_sampler(training_root, BatchConfig()), make_sampler(training_root, BatchConfig())
    first.batch(0, 16)  # what was drawn before must not matter
    assert torch.equal(first.batch(7, 16).low, second.batch(7, 16).low)
    assert not torch.equal(first.batch(7, 16).low, first.batch(8, 16).low)
    assert not torch.equal(first.batch(7, 16).low, make_sampler(training_root, BatchConfig(), 1).batch(7, 16).low)


def test_shapes_and_range(training_root: Path) -> None:
    batch = make_sampler(training_root, BatchConfig(2, 1, 3, 1, 1)).batch(0, 12)
    assert batch.low.shape == (8, 3, 12, 12)
    assert batch.high.shape == (5, 3, 48, 48)
    assert batch.low_clean.shape == (3, 3, 12, 12)
    for tensor in (batch.low, batch.high, batch.low_clean):
        assert tensor.dtype == torch.float32
        assert tensor.min() >= 0
        assert tensor.max() <= 1


@pytest.mark.parametrize("kind", ["clean_nearest", "clean_bicubic"])
def test_clean_pairs_are_centred(training_root: Path, kind: str) -> None:
    """The reference read in the middle of each block is the low-resolution sample; half a pixel off is worse."""
    batch = make_sampler(training_root, BatchConfig(**{**_NONE, kind: 8})).batch(3, 16)
    inner = (..., slice(3, -3), slice(3, -3))

    def error(high: torch.Tensor) -> float:
        return float((low_samples(high) - batch.low)[inner].abs().mean())

    centred = error(batch.high)
    assert centred < 0.01
    for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        assert error(batch.high.roll(shift, (-2, -1))) > 1.3 * centred


_NONE = {"phone_noise": 0, "camera_noise": 0, "phone_pair": 0, "clean_nearest": 0, "clean_bicubic": 0}


@pytest.mark.parametrize(
    ("kind", "sampling"),
    [("camera_noise", "nearest"), ("camera_noise", "bicubic"), ("camera_noise", "area"), ("camera_frame", "nearest")],
)
def test_noisy_pairs_are_centred_however_they_are_sampled(training_root: Path, kind: str, sampling: str) -> None:
    batch = make_sampler(training_root, BatchConfig(**{**_NONE, kind: 8}, sampling=sampling)).batch(3, 16)
    inner = (..., slice(3, -3), slice(3, -3))
    errors = {
        shift: float((low_samples(batch.high.roll(shift, (-2, -1))) - batch.low)[inner].abs().mean())
        for shift in ((0, 0), (2, 0), (-2, 0), (0, 2), (0, -2))
    }
    assert min(errors, key=errors.get) == (0, 0)


class GreyPairs:
    def crop(self, patch: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        value = np.float32(rng.random())
        return np.full((patch, patch, 3), value), np.full((4 * patch, 4 * patch, 3), value)


def test_generated_pairs_need_nothing_else(tmp_path: Path) -> None:
    sampler = PairSampler(tmp_path, BatchConfig(**{**_NONE, "gmsr": 3}), 0, 8, GreyPairs())
    batch = sampler.batch(0, 8)
    torch.testing.assert_close(batch.high.mean((1, 2, 3)), batch.low.mean((1, 2, 3)))
    assert len(set(batch.low[:, 0, 0, 0].tolist())) == 3
    with pytest.raises(InputError, match=r"batch\.gmsr is 3, so a folder of generated pairs is needed"):
        PairSampler(tmp_path, BatchConfig(**{**_NONE, "gmsr": 3}), 0, 8)


def test_any_picture_becomes_rgb_of_8_bits(tmp_path: Path) -> None:
    write_picture(tmp_path / "grey.png", Picture(np.full((4, 5), 65535, np.uint16)))
    write_picture(tmp_path / "alpha.png", Picture(np.full((4, 5, 4), 7, np.uint8)))
    assert read_rgb(tmp_path / "grey.png").tolist() == np.full((4, 5, 3), 255).tolist()
    assert read_rgb(tmp_path / "alpha.png").tolist() == np.full((4, 5, 3), 7).tolist()


def test_resampled_noise_has_the_frame_s_variance_at_each_brightness(training_root: Path) -> None:
    (frame,) = load_phone_frames(training_root)
    rng = np.random.default_rng(0)
    for level in (64, 128, 192):
        clean = np.full((200, 200, 3), level / 255, np.float32)
        noise = (frame.resample_noise(clean, rng) - clean) * 255
        assert noise.std() == pytest.approx(5 + level / 16, rel=0.1)
        assert abs(noise.mean()) < 1


@pytest.mark.parametrize(("folder", "message"), [("train_photos", "no pictures"), ("phone_pairs", "no noisy frames")])
def test_missing_data_are_named(training_root: Path, tmp_path: Path, folder: str, message: str) -> None:
    for name in ("train_photos", "phone_pairs"):
        if not folder.startswith(name):
            (tmp_path / name).symlink_to(training_root / name)
    with pytest.raises(InputError, match=message):
        make_sampler(tmp_path, BatchConfig())


def test_a_damaged_photograph_is_named(training_root: Path, tmp_path: Path) -> None:
    (tmp_path / "phone_pairs").symlink_to(training_root / "phone_pairs")
    (tmp_path / "train_photos").mkdir()
    (tmp_path / "train_photos" / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(ImageReadError, match=r"broken\.jpg"):
        make_sampler(tmp_path, BatchConfig())


def test_whole_frames_are_sampled_in_the_middle_of_their_blocks(tmp_path: Path) -> None:
    folder = tmp_path / "pairs" / "train"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    clean, noisy = (rng.integers(0, 256, (40, 48, 3), np.uint8) for _ in range(2))
    for kind, image in (("clean", clean), ("noisy", noisy)):
        write_picture(folder / f"scene_00_{kind}.png", Picture(image))
    ((low_clean, low_noisy),) = read_frames(tmp_path, "train")
    assert np.array_equal(low_clean, clean[2::4, 2::4])
    assert np.array_equal(low_noisy, noisy[2::4, 2::4])
    with pytest.raises(InputError, match="at least 44 pixels a side"):
        read_frames(tmp_path, "train", 11)
    with pytest.raises(InputError, match="no noisy frames with clean twins"):
        read_frames(tmp_path, "test")
