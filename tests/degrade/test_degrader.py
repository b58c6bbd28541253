"""The degrader gives what the network gives, whatever the size, tile, depth and channels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from srdgan_rt.checkpoint import save_model
from srdgan_rt.degrade import Degrader
from srdgan_rt.errors import CheckpointError, InputError
from srdgan_rt.models import H2LNet


def make_net(num_blocks=2, num_features=8, perturbed=True):
    """A fresh net samples ``clean + noise``; a perturbed one looks at its whole receptive field."""
    torch.manual_seed(4)
    net = H2LNet(num_blocks, num_features)
    if perturbed:
        with torch.no_grad():
            net.conv_last.weight += 0.1 * torch.randn_like(net.conv_last.weight)
    return net


def make_picture(height, width, channels=3, dtype=np.float32):
    pixels = np.random.default_rng(1).random((height, width, channels)).astype(np.float32)
    if dtype != np.float32:
        pixels = (pixels * np.iinfo(dtype).max).astype(dtype)
    return pixels if channels > 1 else pixels[..., 0]


def test_a_fresh_net_without_noise_samples_the_middle_of_each_block():
    picture = make_picture(16, 24, dtype=np.uint8)
    low = Degrader(make_net(perturbed=False)).degrade(picture, noise_level=0)
    np.testing.assert_array_equal(low, picture[2::4, 2::4])


def test_noise_has_the_level_that_was_asked_for_and_no_structure():
    picture = np.full((400, 400, 3), 0.5, np.float32)
    noise = Degrader(make_net(perturbed=False)).degrade(picture, noise_level=0.07, seed=3) - 0.5
    assert abs(noise.mean()) < 0.002
    assert abs(noise.std() / 0.07 - 1) < 0.02
    assert abs((noise[1:] * noise[:-1]).mean()) / noise.var() < 0.03
    assert abs((noise[..., 0] * noise[..., 1]).mean()) / noise.var() < 0.03


def test_autocast_of_the_program_changes_nothing():
    degrader, picture = Degrader(make_net()), make_picture(32, 40)
    expected = degrader.degrade(picture)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        np.testing.assert_array_equal(degrader.degrade(picture), expected)


def test_numpy_numbers_are_numbers():
    degrader, picture = Degrader(make_net()), make_picture(8, 8)
    expected = degrader.degrade(picture, seed=3, noise_level=0.5)
    np.testing.assert_array_equal(degrader.degrade(picture, seed=np.int64(3), noise_level=np.float32(0.5)), expected)


@pytest.mark.parametrize("tile", [4, 20, 36, 1000])
def test_result_does_not_depend_on_the_tile(tile):
    net = make_net()
    picture = make_picture(52, 76)
    whole = Degrader(net, tile=10_000).degrade(picture, noise_level=0.05, seed=1)
    # Clipping at 0 and 1 could hide differences: most values must lie between.
    assert ((whole > 0) & (whole < 1)).mean() > 0.5
    np.testing.assert_allclose(Degrader(net, tile=tile).degrade(picture, noise_level=0.05, seed=1), whole, atol=1e-6)


def test_one_tile_is_the_network_itself():
    net = make_net()
    picture = make_picture(32, 40)
    clean = torch.from_numpy(picture).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = net(clean, torch.zeros_like(clean)).clamp(0, 1)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(Degrader(net).degrade(picture, noise_level=0), expected, atol=1e-6)


def test_seeds_repeat_and_differ():
    degrader = Degrader(make_net())
    picture = make_picture(16, 16)
    first = degrader.degrade(picture, seed=5)
    np.testing.assert_array_equal(first, degrader.degrade(picture, seed=5))
    assert not np.array_equal(first, degrader.degrade(picture, seed=6))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_depth_and_channels_stay(dtype, channels):
    picture = make_picture(20, 28, channels, dtype)
    low = Degrader(make_net(perturbed=False)).degrade(picture, noise_level=0)
    assert low.dtype == dtype
    np.testing.assert_allclose(low, picture[2::4, 2::4], rtol=1e-6)


def test_grey_stays_grey_and_keeps_its_axis():
    picture = make_picture(12, 12, 1, np.uint8)
    degrader = Degrader(make_net())
    low = degrader.degrade(picture, seed=2)
    assert low.shape == (3, 3)
    np.testing.assert_array_equal(degrader.degrade(picture[..., None], seed=2), low[..., None])


def test_sizes_are_cropped_to_multiples():
    degrader = Degrader(make_net())
    picture = make_picture(19, 22)
    low = degrader.degrade(picture, noise_level=0)
    assert low.shape == (4, 5, 3)
    np.testing.assert_array_equal(low, degrader.degrade(picture[:16, :20], noise_level=0))


def test_levels_come_from_the_file_and_are_drawn_by_seed(tmp_path):
    save_model(tmp_path / "my-h2l.safetensors", make_net(), {"noise_levels": "0.01, 0.02,0.09"})
    degrader = Degrader(tmp_path / "my-h2l.safetensors")
    assert degrader.name == "my-h2l"
    assert degrader.digest == degrader.metadata["sha256"]
    assert degrader.noise_levels == (0.01, 0.02, 0.09)
    assert {degrader.draw_level(seed) for seed in range(40)} == {0.01, 0.02, 0.09}
    picture = make_picture(16, 16)
    drawn = degrader.degrade(picture, seed=7)
    np.testing.assert_array_equal(drawn, degrader.degrade(picture, noise_level=degrader.draw_level(7), seed=7))


@pytest.mark.parametrize("text", ["", "0.1,,0.2", "-0.1", "nan", "much"])
def test_bad_levels_in_the_file_are_one_line(tmp_path, text):
    save_model(tmp_path / "h2l.safetensors", make_net(), {"noise_levels": text})
    with pytest.raises(CheckpointError, match=f"noise_levels in the metadata must be numbers .*, got {text!r}$"):
        Degrader(tmp_path / "h2l.safetensors")


@pytest.mark.parametrize(
    ("shape", "arguments", "message"),
    [
        ((3, 8, 3), {}, r"image must be at least 4 x 4 pixels, got shape \(3, 8, 3\)"),
        ((8, 8, 3), {"noise_level": -0.1}, "noise_level must be a number of at least 0, got -0.1"),
        ((8, 8, 3), {"noise_level": float("nan")}, "noise_level must be .*, got nan"),
        ((8, 8, 3), {"noise_level": "0.1"}, "noise_level must be .*, got '0.1'"),
        ((8, 8, 3), {"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ((8, 8, 5), {}, "image must be"),
    ],
)
def test_bad_arguments_are_one_line(shape, arguments, message):
    with pytest.raises(InputError, match=message):
        Degrader(make_net()).degrade(np.zeros(shape, np.float32), **arguments)


def test_tile_must_hold_a_result():
    with pytest.raises(InputError, match="tile must be a whole number of at least 4, got 3"):
        Degrader(make_net(), tile=3)
