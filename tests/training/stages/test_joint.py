from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from training.stages.joint import scale_gradient
from training.stages.l2h import low_samples


def h2l_gradients(stage: Any, folder: Path, factor: float, *, own: bool = True) -> torch.Tensor:
    """The gradient of H2L's weights after one step, with or without its own losses."""
    trainer = stage.trainer(folder, dataclasses.replace(stage.config, h2l_gradient=factor))
    if not own:
        trainer.h2l._weights = dict.fromkeys(trainer.h2l._weights, 0.0) | {"pixel": 1e-30}
        trainer.h2l.discriminator = None
    trainer.step(stage.make_batch(0))
    return torch.cat([p.grad.ravel() for p in trainer.h2l.generator.net.parameters()])


def test_the_gradient_of_equation_8_reaches_the_degradation_as_far_as_it_is_let(
    make_stage: Any, tmp_path: Path
) -> None:
    stage = make_stage("joint")
    none, some, all_of_it = (h2l_gradients(stage, tmp_path / str(f), f, own=False) for f in (0.0, 0.25, 1.0))
    assert none.abs().max() < 1e-20
    assert all_of_it.abs().max() > 1e-4
    torch.testing.assert_close(some, 0.25 * all_of_it, rtol=1e-3, atol=1e-7)


def test_the_restoration_sees_photographs_as_the_degradation_made_them(make_stage: Any, tmp_path: Path) -> None:
    stage = make_stage("joint")
    trainer, batch = stage.trainer(tmp_path), stage.make_batch(0)
    seen = []
    trainer.l2h.generator.net.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    (_, h2l), (_, l2h) = trainer.compare(batch)
    num_photographs = len(batch.both.high)
    assert num_photographs == 2
    torch.testing.assert_close(seen[0][:num_photographs], h2l.fake[0][:num_photographs])
    torch.testing.assert_close(seen[0] * 255, (seen[0] * 255).round(), atol=1e-3, rtol=0)  # as files hold them
    assert len(l2h.target) == num_photographs + len(batch.pairs.high)


def test_targets_are_centred_on_the_samples(make_stage: Any) -> None:
    """Read in the middle of its blocks, the reference is the photograph's samples; half a pixel off is worse."""
    both = make_stage("joint").make_batch(0).both
    samples = both.clean[: len(both.high), :, 2::4, 2::4]

    def error(high: torch.Tensor) -> float:
        return float((low_samples(high) - samples)[..., 3:-3, 3:-3].abs().mean())

    centred = error(both.high)
    for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        assert error(both.high.roll(shift, (-2, -1))) > 1.3 * centred


def test_the_rates_of_layers_are_those_of_the_restoration(make_stage: Any, tmp_path: Path) -> None:
    """Both nets have a ``body``."""
    stage = make_stage("joint")
    config = dataclasses.replace(stage.config, frozen=("body",), conv_body_rate=1e-3)
    trainer = stage.trainer(tmp_path, config)
    nets = {"h2l": trainer.h2l.generator.net, "l2h": trainer.l2h.generator.net}
    before = {name: {key: w.detach().clone() for key, w in net.named_parameters()} for name, net in nets.items()}
    for iteration in range(2):  # at first no gradient reaches the body of H2L
        trainer.step(stage.make_batch(iteration))
    for name, net in nets.items():
        for key, weight in net.named_parameters():
            step = float((weight - before[name][key]).detach().abs().max()) / config.learning_rate
            layer = f"{name}.{key.partition('.')[0]}"
            assert (step == 0) == (layer == "l2h.body"), key
            assert (step < 0.01) == (layer in ("l2h.body", "l2h.conv_body")), key


def test_scaled_gradients_leave_the_values_alone() -> None:
    x = torch.rand(1000, generator=torch.Generator().manual_seed(0), requires_grad=True)
    scaled = scale_gradient(x, 0.3)
    assert torch.equal(scaled, x)
    scaled.sum().backward()
    assert x.grad.tolist() == pytest.approx([0.3] * 1000)
