"""The noise that a DNG file states, against noise that is really in the developed picture."""

import numpy as np
import pytest
from dng import write_dng

from srdgan_rt.image import measure_stated_noise, read_picture

pytest.importorskip("rawpy")

BLACK, WHITE = 2000, 65535
SLOPE, OFFSET = 4e-4, 2e-6


def measure(path):
    return measure_stated_noise(path, read_picture(path).pixels)


def tag(*numbers):
    return (51041, 12, len(numbers), numbers, True)


def draw_scene(height=96, width=128):
    """Samples of a scene from dark to bright, without noise, in [0, 1]."""
    ramp = np.linspace(0.02, 0.6, width) ** 2 + np.linspace(0, 0.1, height)[:, None]
    ramp[0::2, 0::2] *= 0.7  # red sites
    return ramp


def to_samples(values):
    return np.rint(BLACK + values * (WHITE - BLACK)).clip(0, WHITE).astype(np.uint16)


def make_noisy(values, slope=SLOPE, offset=OFFSET, seed=5):
    return values + np.random.default_rng(seed).standard_normal(values.shape) * np.sqrt(slope * values + offset)


@pytest.mark.parametrize("slope", [SLOPE, SLOPE / 100])
def test_it_is_the_noise_of_the_developed_picture(slope, tmp_path):
    scene = draw_scene()
    write_dng(tmp_path / "clean.dng", to_samples(scene), black=BLACK)
    write_dng(tmp_path / "noisy.dng", to_samples(make_noisy(scene, slope)), tag(slope, OFFSET), black=BLACK)
    clean, noisy = (read_picture(tmp_path / name).pixels.astype(float) for name in ("clean.dng", "noisy.dng"))
    real = np.sqrt(np.mean((noisy - clean) ** 2)) / 65535
    assert measure(tmp_path / "noisy.dng") == pytest.approx(real, rel=0.2)


def test_numbers_for_each_colour(tmp_path):
    samples = to_samples(draw_scene())
    levels = []
    for numbers in ((SLOPE, OFFSET), (SLOPE, OFFSET) * 3, (0, 0, 0, 0, SLOPE, OFFSET)):
        write_dng(tmp_path / "a.dng", samples, tag(*numbers), black=BLACK)
        levels.append(measure(tmp_path / "a.dng"))
    assert levels[0] == levels[1]
    assert 0 < levels[2] < 0.8 * levels[0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("black", "highest"), [(BLACK, 1), (WHITE, 0)])
def test_absurd_numbers_do_no_harm(black, highest, tmp_path):
    write_dng(tmp_path / "a.dng", to_samples(draw_scene()), tag(1e300, 0), black=black)
    assert (measure(tmp_path / "a.dng") or 0) <= highest


def test_no_noise_is_stated_as_none_at_all(tmp_path):
    write_dng(tmp_path / "a.dng", to_samples(draw_scene()), tag(0, 0), black=BLACK)
    assert measure(tmp_path / "a.dng") == 0


@pytest.mark.parametrize("numbers", [(), (1e-4,), (1e-4, -1e-6), (float("nan"), 0), (1e-4, 1e-6) * 2])
def test_files_without_a_usable_tag_state_nothing(numbers, tmp_path):
    write_dng(tmp_path / "a.dng", to_samples(draw_scene()), *([tag(*numbers)] if numbers else []), black=BLACK)
    assert measure(tmp_path / "a.dng") is None


def test_a_picture_that_is_clipped_everywhere_states_nothing(tmp_path):
    write_dng(tmp_path / "a.dng", np.full((32, 32), WHITE, np.uint16), tag(SLOPE, OFFSET), black=BLACK)
    assert measure(tmp_path / "a.dng") is None
