"""The optimiser Muon for convolutions: steps whose directions all have the same length."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

_STEPS = 5
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic that moves singular values between 0 and 1 to about 1
_RMS = 0.2  # of a step of Adam, in units of the learning rate
_EPSILON = 1e-7


def is_hidden(weight: Tensor) -> bool:
    """Whether Muon suits a parameter: weights of a convolution from features to features."""
    return weight.ndim == 4 and min(weight.shape[:2]) > 3


@torch.no_grad()
def orthogonalise(matrices: Tensor) -> Tensor:  # (N, M, K) -> (N, M, K)
    """Moves all singular values of each matrix close to 1 (0.7 to 1.2), by Newton-Schulz iterations; M at most K."""
    x: Tensor = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + _EPSILON)
    a, b, c = _COEFFICIENTS
    for _ in range(_STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


class Muon(torch.optim.Optimizer):
    """Muon for hidden convolutions, Adam for everything else.

    Muon (Keller Jordan and others, 2024) makes the momentum of a weight matrix orthogonal before it steps along it, so
    that rare directions are learned as fast as common ones. A convolution is a matrix of outputs by inputs x 9. Steps
    are scaled to the size of Adam's, so the learning rates of Adam fit. PyTorch's own ``torch.optim.Muon`` takes
    matrices alone, one by one, in bfloat16, which is slow on most CPUs; this one takes all weights of a shape at once.

    Args:
        groups: dictionaries with ``params``, and ``lr`` if it differs.
        lr: learning rate.
        betas: of Adam.
        momentum: of Muon, 0 to 1.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], lr: float, betas: tuple[float, float], momentum: float = 0.95
    ) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas, "momentum": momentum, "eps": 1e-8})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step along the gradients that are there."""
        assert closure is None
        for group in self.param_groups:
            shapes: dict[torch.Size, list[nn.Parameter]] = {}
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if is_hidden(parameter):
                    shapes.setdefault(parameter.shape, []).append(parameter)
                else:
                    self._step_by_adam(parameter, group)
            for weights in shapes.values():
                self._step_by_muon(weights, group)

    def _step_by_adam(self, parameter: nn.Parameter, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        state["step"] += 1
        first, second = group["betas"]
        assert parameter.grad is not None
        state["mean"].lerp_(parameter.grad, 1 - first)
        state["square"].lerp_(parameter.grad.square(), 1 - second)
        deviation = (state["square"] / (1 - second ** state["step"])).sqrt_().add_(group["eps"])
        parameter.addcdiv_(state["mean"], deviation, value=-group["lr"] / (1 - first ** state["step"]))

    def _step_by_muon(self, weights: list[nn.Parameter], group: dict[str, Any]) -> None:
        directions = []
        for weight in weights:
            state = self.state[weight]
            if not state:
                state["momentum"] = torch.zeros_like(weight)
            assert weight.grad is not None
            state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
            directions.append(weight.grad.lerp(state["momentum"], group["momentum"]).flatten(1))
        matrices = torch.stack(directions)
        wide = matrices.shape[1] <= matrices.shape[2]
        steps = orthogonalise(matrices if wide else matrices.mT)
        scale = _RMS * max(matrices.shape[1:]) ** 0.5
        for weight, step in zip(weights, steps if wide else steps.mT, strict=True):
            weight.add_(step.reshape(weight.shape), alpha=-group["lr"] * scale)
