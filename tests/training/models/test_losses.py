"""The equations against numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from training.models.losses import (
    block_mean_loss,
    discriminator_loss,
    feature_loss,
    generator_loss,
    mesh_loss,
    pixel_loss,
)

LOG_3 = math.log(3)  # sigmoid(log 3) = 3/4 and sigmoid(-log 3) = 1/4


def logits(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_pixel_loss_is_equation_3() -> None:
    result, target = torch.zeros(1, 3, 1, 2), torch.zeros(1, 3, 1, 2)
    result[0, :, 0, 0] = torch.tensor([1.0, 2.0, 2.0])  # squared distance 9, and 0 for the other pixel
    assert pixel_loss(result, target).item() == pytest.approx(4.5)


def test_feature_loss_is_equation_4() -> None:
    assert feature_loss(logits(1.0, -2.0, 3.0), logits(0.0, 0.0, 3.0)).item() == pytest.approx(1.0)


def test_generator_loss_is_equation_5() -> None:
    # D is 3/4 and 1/4: (log 4/3 + log 4) / 2
    expected = (math.log(4 / 3) + math.log(4)) / 2
    assert generator_loss(logits(LOG_3, -LOG_3)).item() == pytest.approx(expected)


def test_discriminator_loss_is_equation_6() -> None:
    # D(real) = 3/4, D(fake) = 1/2: log 4/3 + log 2
    assert discriminator_loss(logits(0.0), logits(LOG_3)).item() == pytest.approx(math.log(4 / 3) + math.log(2))
    assert discriminator_loss(logits(0.0), logits(0.0)).item() == pytest.approx(2 * math.log(2))


def test_relativistic_average() -> None:
    fake, real = logits(0.0, 0.0), logits(LOG_3, LOG_3)
    # real is log 3 above fake: D(real, fake) = 3/4 and D(fake, real) = 1/4
    assert discriminator_loss(fake, real, relativistic=True).item() == pytest.approx(2 * math.log(4 / 3))
    assert generator_loss(fake, real).item() == pytest.approx(2 * math.log(4))
    # It is the mean of the other kind that counts, sample by sample of one's own.
    fake, real = logits(-LOG_3, LOG_3), logits(0.0, 0.0)
    of_fake = (math.log(4) + math.log(4 / 3)) / 2  # -log sigmoid(fake - 0)
    assert generator_loss(fake, real).item() == pytest.approx(of_fake + math.log(2))


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_logits_stay_finite(size: float) -> None:
    """log(sigmoid(-10000)) is minus infinity when it is computed in two steps."""
    fake = torch.tensor([size], requires_grad=True)
    loss = generator_loss(fake) + discriminator_loss(fake, -fake)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(fake.grad).all()
    assert generator_loss(torch.tensor([size])).item() == pytest.approx(max(0.0, -size))


def test_a_mesh_is_found_and_nothing_else() -> None:
    target = torch.rand(2, 3, 16, 16)
    assert mesh_loss(target + 0.1, target).item() == pytest.approx(0, abs=1e-6)
    mesh = torch.zeros(4, 4)
    mesh[1, 2] = 0.16
    result = target + mesh.repeat(4, 4)
    # One phase lies 0.15 above the mean of all, the fifteen others 0.01 below.
    assert mesh_loss(result, target).item() == pytest.approx(0.3 / 16, rel=1e-4)


def test_block_means_see_shifts_and_no_texture() -> None:
    target = torch.rand(2, 3, 32, 32)
    assert block_mean_loss(target + 0.25, target).item() == pytest.approx(0.25, rel=1e-4)
    checks = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(16, 16)
    assert block_mean_loss(target + checks, target).item() == pytest.approx(0, abs=1e-6)
