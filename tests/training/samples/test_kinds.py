"""What all kinds of samples keep: shapes, ranges, places, and what they say they do."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from training.data.pictures import DataFolder
from training.imaging.filters import luma
from training.imaging.random_source import RandomSource
from training.samples.kind import weaken_noise_colour
from training.samples.kinds import KINDS
from training.samples.options import SampleOptions
from training.samples.sources import Sources
from training.stages.l2h import low_samples

CPU = torch.device("cpu")
PATCH = 16
COUNT = 24


@pytest.fixture(scope="module")
def sources(training_root: Path) -> Sources:
    return Sources(DataFolder(training_root), PATCH, 0, CPU)


@pytest.fixture(params=list(KINDS))
def made(request: pytest.FixtureRequest, sources: Sources) -> tuple[str, Tensor, Tensor]:
    return (request.param, *make(request.param, sources))


@lru_cache
def make(name: str, sources: Sources) -> tuple[Tensor, Tensor]:
    kind = KINDS[name](sources)
    parts = [kind.make(COUNT // 4, PATCH, RandomSource((1, number), CPU)) for number in range(4)]
    low, target = (torch.cat(part) for part in zip(*parts, strict=True))
    return low, target


def test_shapes_and_ranges(made: tuple[str, Tensor, Tensor]) -> None:
    name, low, target = made
    side = 4 * PATCH if KINDS[name].is_known else PATCH
    assert low.shape == (COUNT, 3, PATCH, PATCH)
    assert target.shape == (COUNT, 3, side, side)
    for tensor in (low, target):
        assert tensor.dtype == torch.float32
        assert tensor.min() >= 0
        assert tensor.max() <= 1


def test_pairs_are_centred(made: tuple[str, Tensor, Tensor]) -> None:
    """The target read in the middle of each block is nearest to the low-resolution sample where it is."""
    name, low, target = made
    inner = (..., slice(2, -2), slice(2, -2))

    def error(shift: tuple[int, int]) -> float:
        moved = target.roll(shift, (-2, -1))
        if KINDS[name].is_known:
            moved = low_samples(moved)
        return float((moved - low)[inner].abs().mean())

    step = 2 if KINDS[name].is_known else 1
    errors = {shift: error(shift) for shift in ((0, 0), (step, 0), (-step, 0), (0, step), (0, -step))}
    assert min(errors, key=lambda shift: errors[shift]) == (0, 0)


def test_only_clean_pictures_are_finer_than_8_bits(made: tuple[str, Tensor, Tensor]) -> None:
    name, low, _ = made
    rounded = ((low * 255).round() / 255 == low).flatten(1).all(1)
    assert rounded.all() != (name in ("clean_nearest", "clean_bicubic"))
    assert rounded.any()


@pytest.mark.parametrize("name", ["phone_noise", "camera_frame", "phone_isp", "grain", "phone_pair"])
def test_some_noisy_samples_are_quite_grey(sources: Sources, name: str) -> None:
    kind = KINDS[name](sources)
    low, target = kind.make(100, 8, RandomSource((0,), CPU))
    grey = (low == low[:, :1]).flatten(1).all(1)
    assert 0.03 < grey.float().mean() < 0.35
    assert torch.equal(target[grey], target[grey][:, :1].expand_as(target[grey]))


@pytest.mark.parametrize(("odds", "least", "most"), [(0.0, 0.0, 0.2), (0.5, 0.35, 0.75), (1.0, 0.75, 1.0)])
def test_part_of_the_noise_has_lost_colour(training_root: Path, odds: float, least: float, most: float) -> None:
    sources = Sources(DataFolder(training_root), 8, 0, CPU, SampleOptions(weak_colour=odds))
    raw = Sources(DataFolder(training_root), 8, 0, CPU, SampleOptions(weak_colour=0, grey=0))
    usual = _colour_of_noise(raw).median()
    assert least <= (_colour_of_noise(sources) < 0.8 * usual).float().mean() <= most


def _colour_of_noise(sources: Sources) -> Tensor:
    """Chroma of the noise of many samples, as a multiple of its luma."""
    noisy, clean = KINDS["phone_pair"](sources).make(200, 8, RandomSource((0,), CPU))
    noise = noisy - clean
    plane = luma(noise)
    return (noise - plane).std((1, 2, 3)) / plane.std((1, 2, 3)).clamp(min=1e-4)


def test_most_of_the_noise_whose_colour_is_weakened_loses_nearly_all_of_it() -> None:
    clean = torch.full((2000, 3, 5, 5), 0.5)
    noise = torch.tensor([0.1, 0.0, -0.1]).reshape(3, 1, 1)  # even, so that blur changes nothing
    weak = weaken_noise_colour(clean + noise, clean, 1.0, RandomSource((5,), CPU)) - clean
    left = (weak[:, 0] - weak[:, 2]).mean((1, 2)) / 0.2
    assert left.mean() == pytest.approx(1 / 3, abs=0.03)  # the mean of the square of a uniform number
    assert left.median() == pytest.approx(1 / 4, abs=0.03)
    assert left.min() >= 0
    assert left.max() <= 1


@pytest.mark.parametrize("name", ["phone_noise", "camera_noise", "camera_frame", "phone_isp", "grain", "phone_pair"])
def test_no_sample_is_grey_where_none_is_wanted(training_root: Path, name: str) -> None:
    low, _ = KINDS[name](Sources(DataFolder(training_root), 8, 0, CPU, SampleOptions(weak_colour=0, grey=0))).make(
        60, 8, RandomSource((0,), CPU)
    )
    assert (low == low[:, :1]).flatten(1).all(1).float().mean() < 0.15  # photographs and flat fields without colour


def test_the_same_numbers_make_the_same_samples(made: tuple[str, Tensor, Tensor], sources: Sources) -> None:
    name, low, _ = made
    kind = KINDS[name](sources)
    again, _ = kind.make(COUNT // 4, PATCH, RandomSource((1, 0), CPU))
    other, _ = kind.make(COUNT // 4, PATCH, RandomSource((2, 0), CPU))
    assert torch.equal(again, low[: COUNT // 4])
    assert not torch.equal(other, again)


@pytest.mark.parametrize("sampling", ["bicubic", "area"])
@pytest.mark.parametrize("name", ["phone_noise", "camera_noise"])
def test_noise_may_follow_a_filter(training_root: Path, name: str, sampling: str) -> None:
    kind = KINDS[name](Sources(DataFolder(training_root), 8, 0, CPU, SampleOptions(sampling)))
    low, high = kind.make(4, 8, RandomSource((0,), CPU))
    assert low.shape == (4, 3, 8, 8)
    assert high.shape == (4, 3, 32, 32)


def test_noise_of_camera_frames_is_spread_over_neighbours(sources: Sources) -> None:
    kind = KINDS["camera_frame"](sources)
    flat = torch.full((8, 3, 160, 160), 0.4)
    noise = torch.cat([kind.degrade(flat, RandomSource((number,), CPU))[0] for number in range(8)]) - 0.4
    noise = noise - noise.mean((2, 3), keepdim=True)
    neighbours = (noise[..., 1:] * noise[..., :-1]).mean((1, 2, 3)) / noise.square().mean((1, 2, 3))
    assert 0.35 < neighbours.median() < 0.75  # of a phone 0.47, of samples 0 (docs/evaluation.md)


# A sensor's noise has mean zero in linear light. The tone curve is concave, so the noisy picture is darker, by 1 to 3
# of 255. The frame of ``training_root`` has noise of mean zero in sRGB, and so have grain and the high-to-low net.
SHIFTS = {
    "phone_noise": (-1.0, 1.0),
    "camera_noise": (-3.5, -0.1),
    "camera_frame": (-4.5, -0.1),
    "phone_isp": (-3.5, -0.1),
    "grain": (-1.0, 1.0),
    "gmsr": (-1.2, 1.2),
    "clean_jpeg": (-0.5, 0.5),
}


@pytest.mark.parametrize("name", SHIFTS)
def test_the_mean_of_flats_moves_as_the_noise_demands(training_root: Path, name: str) -> None:
    """How far the mean of grey flats moves, in 1/255; without a change of the noise's colour."""
    kind = KINDS[name](Sources(DataFolder(training_root), PATCH, 0, CPU, SampleOptions(weak_colour=0, grey=0)))
    least, most = SHIFTS[name]
    for level in (64, 128, 192):
        flat = torch.full((8 if name == "gmsr" else 48, 3, 80, 80), level / 255)
        with torch.no_grad():
            low, _ = kind.degrade(flat, RandomSource((0, level), CPU))
        assert least < float(255 * (low[..., 2:-2, 2:-2] - level / 255).mean()) < most, level
