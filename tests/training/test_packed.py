from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from srdgan_rt.errors import InputError
from training.config import BatchConfig
from training.data import load_phone_frames, low_samples
from training.pack import PackOptions, decode, read_packs, unpack_validation, write_packs
from training.packed import PackedSampler, PhoneNoise

OPTIONS = PackOptions(megabytes=1, crop=88, frame=128)
_NONE = {"phone_noise": 0, "camera_noise": 0, "phone_pair": 0, "clean_nearest": 0, "clean_bicubic": 0}


@pytest.fixture(scope="module")
def packs(training_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    write_packs(training_root, folder, OPTIONS)
    return folder


@pytest.fixture(scope="module")
def entries(packs: Path) -> Mapping[str, bytes]:
    return read_packs(packs)


def make_sampler(entries: Mapping[str, bytes], **kinds: int) -> PackedSampler:
    return PackedSampler(entries, BatchConfig(**(_NONE | kinds)), 0, 16, torch.device("cpu"))


def test_packs_are_deterministic(packs: Path, training_root: Path, tmp_path: Path) -> None:
    write_packs(training_root, tmp_path / "again", OPTIONS)
    for path in packs.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_every_photograph_comes_before_second_crops(training_root: Path, tmp_path: Path) -> None:
    counts = write_packs(training_root, tmp_path / "all", OPTIONS)
    assert counts["frames"] == 2
    size = sum(path.stat().st_size for path in (tmp_path / "all").iterdir())
    write_packs(training_root, tmp_path / "few", PackOptions(megabytes=size / 1e6 - 0.03, crop=88, frame=128))
    few = [name for name in read_packs(tmp_path / "few") if name.startswith("photographs/")]
    assert 2 <= len(few) < counts["photographs"]
    assert {name.split("/")[1][0] for name in few} == {"a", "b"}


def test_validation_pictures_come_back_as_they_were(training_root: Path, tmp_path: Path) -> None:
    content = next((training_root / "train_photos").glob("*.png")).read_bytes()
    data = tmp_path / "data"
    for name in ("train_photos", "phone_pairs"):
        data.mkdir(exist_ok=True)
        (data / name).symlink_to(training_root / name)
    for number in range(3):
        for kind in ("clean", "noisy"):
            (data / "phone_crops").mkdir(exist_ok=True)
            (data / "phone_crops" / f"{number}_{kind}.png").write_bytes(content)
    write_packs(data, tmp_path / "packs", PackOptions(megabytes=1, crop=88, frame=128, validation=2))
    unpack_validation(read_packs(tmp_path / "packs"), tmp_path / "out")
    written = sorted(path.name for path in (tmp_path / "out" / "phone_crops").iterdir())
    assert written == ["0_clean.png", "0_noisy.png", "1_clean.png", "1_noisy.png"]
    assert (tmp_path / "out" / "phone_crops" / "0_clean.png").read_bytes() == content


def test_damaged_packs_are_one_line(packs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no packs"):
        read_packs(tmp_path)
    for path in packs.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    pack = tmp_path / "pack_00.safetensors"
    pack.write_bytes(pack.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="damaged"):
        read_packs(tmp_path)


def test_packing_says_what_is_wrong(training_root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no room for photographs"):
        write_packs(training_root, tmp_path / "a", PackOptions(megabytes=0.01, crop=88, frame=128))
    with pytest.raises(InputError, match="has 999 pixels"):
        write_packs(training_root, tmp_path / "b", PackOptions(crop=999, frame=128))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is not empty"):
        write_packs(training_root, tmp_path, OPTIONS)


def test_batches_are_a_function_of_seed_and_iteration(entries: Mapping[str, bytes]) -> None:
    kinds = {"phone_noise": 2, "phone_pair": 1, "clean_nearest": 1, "clean_bicubic": 1, "camera_frame": 2, "gmsr": 2}
    first, second = make_sampler(entries, **kinds), make_sampler(entries, **kinds)
    first.batch(0, 12)
    batch = first.batch(7, 12)
    assert torch.equal(batch.low, second.batch(7, 12).low)
    assert not torch.equal(batch.low, first.batch(8, 12).low)
    assert batch.low.shape == (9, 3, 12, 12)
    assert batch.high.shape == (8, 3, 48, 48)
    assert batch.low_clean.shape == (1, 3, 12, 12)
    for tensor in (batch.low, batch.high, batch.low_clean):
        assert tensor.min() >= 0
        assert tensor.max() <= 1
    assert torch.equal((batch.low * 255).round() / 255, batch.low)


@pytest.mark.parametrize("kind", ["clean_nearest", "clean_bicubic", "phone_noise", "camera_frame", "gmsr"])
def test_pairs_are_centred(entries: Mapping[str, bytes], kind: str) -> None:
    batch = make_sampler(entries, **{kind: 32}).batch(3, 16)
    inner = (..., slice(3, -3), slice(3, -3))

    def error(high: torch.Tensor) -> float:
        return float(((low_samples(high) - batch.low)[inner]).square().mean())

    for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        assert error(batch.high.roll(shift, (-2, -1))) > error(batch.high)


def test_noise_is_that_of_the_cpu(entries: Mapping[str, bytes], training_root: Path) -> None:
    """Mean and variance at several values against the sampler that works pixel by pixel in NumPy."""
    clean, noisy = (torch.from_numpy(decode(entries, "frames/", f"_{kind}.png")) for kind in ("clean", "noisy"))
    noise = PhoneNoise(clean, noisy)
    (whole,) = load_phone_frames(training_root)
    y = slice(64, 192)
    assert np.array_equal(clean[0].numpy(), whole.clean[y, y])
    for value in (0.35, 0.5, 0.65):
        ours = noise.resample(torch.full((2, 3, 96, 96), value), torch.zeros(2, dtype=torch.int64), torch.Generator())
        theirs = whole.resample_noise(np.full((96, 96, 3), value, np.float32), np.random.default_rng(0))
        assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=0.08)
        assert float(ours.mean()) == pytest.approx(float(theirs.mean()), abs=0.006)


def test_what_is_not_packed_is_refused(entries: Mapping[str, bytes]) -> None:
    with pytest.raises(InputError, match="camera_noise"):
        make_sampler(entries, camera_noise=1)
    with pytest.raises(InputError, match="need 176"):
        PackedSampler(entries, BatchConfig(**(_NONE | {"clean_nearest": 1})), 0, 40, torch.device("cpu"))
