from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from srdgan_rt.errors import InputError
from training.models.discriminator import NoiseDiscriminator, PictureDiscriminator

LEVEL = torch.tensor([0.05])


def test_one_logit_judges_one_window() -> None:
    discriminator = NoiseDiscriminator(4).eval()
    side = NoiseDiscriminator.WINDOW
    x = torch.rand(1, 3, side + 2, side + 2, generator=torch.Generator().manual_seed(0))
    logits = discriminator(x, LEVEL)
    assert logits.shape == (1, 1, 3, 3)
    x[..., -1, :] += 0.1
    changed = discriminator(x, LEVEL)
    assert torch.equal(changed[..., :2, :], logits[..., :2, :])
    assert not torch.allclose(changed[..., 2, :], logits[..., 2, :])


def test_nothing_pulls_the_mean_colour() -> None:
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0), requires_grad=True)
    NoiseDiscriminator(4)(x, LEVEL).mean().backward()
    per_channel = x.grad.sum((0, 2, 3)).abs()
    assert (per_channel < 1e-4 * x.grad.abs().sum((0, 2, 3))).all()


def test_it_learns_how_noise_depends_on_brightness() -> None:
    """Equal variance over all, once more in the bright and once more in the dark: only together do they tell."""
    torch.manual_seed(0)
    discriminator = NoiseDiscriminator(8)
    optimiser = torch.optim.Adam(discriminator.parameters(), 2e-3)
    generator = torch.Generator().manual_seed(1)
    level = LEVEL.expand(4)
    ramp = torch.linspace(0.2, 0.8, 32).expand(4, 3, 32, 32)

    def draw(real: bool) -> torch.Tensor:
        return ramp + 0.08 * (ramp if real else 1 - ramp) * torch.randn(ramp.shape, generator=generator)

    for _ in range(150):
        loss = (
            F.softplus(-discriminator(draw(True), level)).mean() + F.softplus(discriminator(draw(False), level)).mean()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 1.0  # 1.386 is what guessing costs


def test_twice_the_noise_at_twice_the_level_looks_the_same() -> None:
    """But for what it knows of the level itself."""
    torch.manual_seed(0)
    discriminator = NoiseDiscriminator(4).eval()
    torch.nn.init.zeros_(discriminator.convs[0].parametrizations.weight.original)
    with torch.no_grad():
        discriminator.convs[0].parametrizations.weight.original[:, :3] = 0.1  # it listens to the deviation alone
    noise = torch.randn(1, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    once, twice = (discriminator(0.5 + level * noise, torch.tensor([level])) for level in (0.04, 0.08))
    torch.testing.assert_close(once, twice, rtol=1e-4, atol=1e-4)


def test_rejects_what_cannot_be_judged() -> None:
    with pytest.raises(InputError, match="num_features must be at least 1, got 0"):
        NoiseDiscriminator(0)
    with pytest.raises(InputError, match=r"must have at least 13 pixels a side, got \(12, 40\)"):
        NoiseDiscriminator(4)(torch.zeros(1, 3, 12, 40), LEVEL)


@pytest.mark.parametrize("num_halvings", [0, 2, 3])
def test_one_logit_judges_one_window_of_a_picture(num_halvings: int) -> None:
    discriminator = PictureDiscriminator(4, num_halvings)
    side = discriminator.window
    assert discriminator(torch.rand(1, 3, side, side)).shape == (1, 1, 1, 1)
    with pytest.raises(InputError, match=rf"must have at least {side} pixels a side, got \({side - 1}, {side}\)"):
        discriminator(torch.rand(1, 3, side - 1, side))


def test_rejects_sizes_of_no_discriminator() -> None:
    with pytest.raises(InputError, match="num_features must be at least 1, got 0"):
        PictureDiscriminator(0)
    with pytest.raises(InputError, match="num_halvings must be at least 0, got -1"):
        PictureDiscriminator(4, -1)
