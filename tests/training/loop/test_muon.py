"""The optimiser Muon."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from srdgan_rt.errors import InputError
from training.config import L2HConfig
from training.loop import run
from training.loop.muon import Muon, is_hidden, orthogonalise


@pytest.fixture
def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 12, 3), nn.Conv2d(12, 8, 1), nn.Conv2d(8, 3, 3))


def make_gradients(net: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def test_singular_values_become_one() -> None:
    matrices = torch.randn(5, 8, 72, dtype=torch.float64) * torch.tensor([1e-6, 1e-2, 1, 10, 1e5])[:, None, None]
    singular = torch.linalg.svdvals(orthogonalise(matrices))
    assert 0.6 < singular.min() < singular.max() < 1.3
    assert not orthogonalise(torch.zeros(1, 4, 36)).any()


def test_singular_vectors_stay() -> None:
    matrix = torch.randn(8, 72, dtype=torch.float64)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.T @ orthogonalise(matrix[None])[0] @ right.T
    torch.testing.assert_close(found, found.diagonal().diag(), atol=1e-9, rtol=0)


def test_hidden_weights_are_those_between_features(net: nn.Sequential) -> None:
    assert [name for name, weight in net.named_parameters() if is_hidden(weight)] == ["1.weight", "2.weight"]


def test_steps_have_the_size_of_adams(net: nn.Sequential) -> None:
    before = {name: weight.detach().clone() for name, weight in net.named_parameters()}
    optimiser = Muon([{"params": list(net.parameters())}], 0.01, (0.9, 0.99))
    make_gradients(net, 0)
    optimiser.step()
    for name, weight in net.named_parameters():
        step = (weight.detach() - before[name]).square().mean().sqrt().item()
        expected = 0.002 if is_hidden(weight) else 0.01  # the first step of Adam is the sign of the gradient
        assert step == pytest.approx(expected, rel=0.25), name


def test_all_other_weights_move_as_by_adam(net: nn.Sequential) -> None:
    others = [weight for weight in net.parameters() if not is_hidden(weight)]
    copies = [nn.Parameter(weight.detach().clone()) for weight in others]
    ours = Muon([{"params": list(net.parameters())}], 0.01, (0.9, 0.99))
    adam = torch.optim.Adam(copies, 0.01, betas=(0.9, 0.99))
    for seed in range(5):
        make_gradients(net, seed)
        for weight, copy in zip(others, copies, strict=True):
            copy.grad = weight.grad
        ours.step()
        adam.step()
    torch.testing.assert_close(others, copies, atol=1e-6, rtol=1e-5)


def test_weights_of_one_shape_do_not_mix() -> None:
    torch.manual_seed(0)
    first, second = nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3)
    make_gradients(first, 0)
    make_gradients(second, 1)
    alone = nn.Parameter(second.weight.detach().clone())
    alone.grad = second.weight.grad
    for parameters in ([first.weight, second.weight], [alone]):
        Muon([{"params": parameters}], 0.01, (0.9, 0.99)).step()
    torch.testing.assert_close(alone, second.weight)


def test_a_resumed_run_equals_an_uninterrupted_one(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("l2h")
    config = dataclasses.replace(stage.config, optimiser="muon")
    whole, part = (stage.trainer(tmp_path / name, config) for name in ("whole", "part"))
    run.run(whole, stage.make_batch)
    part.step(stage.make_batch(part.iteration))
    part.save()
    resumed = stage.trainer(tmp_path / "part", config)
    assert resumed.iteration == 1
    run.run(resumed, stage.make_batch)
    for one, other in zip(
        whole.gans[0].generator.net.parameters(), resumed.gans[0].generator.net.parameters(), strict=True
    ):
        assert torch.equal(one, other)


def test_an_optimiser_that_is_not_known_is_one_line() -> None:
    with pytest.raises(InputError, match="optimiser must be adam or muon, got 'sgd'"):
        L2HConfig(name="a", iterations=1, optimiser="sgd")
