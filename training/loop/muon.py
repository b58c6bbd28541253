"""The optimiser Muon for convolutions: steps whose directions all have the same length."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

_MOMENTUM = 0.95
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


class Muon(torch.optim.Adam):
    """Muon for hidden convolutions, PyTorch's Adam for everything else.

    Muon (Keller Jordan and others, 2024) makes the momentum of a weight matrix orthogonal before it steps along it, so
    that rare directions are learned as fast as common ones. A convolution is a matrix of outputs by inputs x 9. Steps
    are scaled to the size of Adam's, so the learning rates of Adam fit. PyTorch's own ``torch.optim.Muon`` takes
    matrices alone, one by one, in bfloat16, which is slow on most CPUs; this one takes all weights of a shape at once.

    Args:
        groups: dictionaries with ``params``, and ``lr`` if it differs.
        lr: learning rate.
        betas: of Adam.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float, betas: tuple[float, float]) -> None:
        super().__init__(groups, lr, betas, fused=True)

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One step along the gradients that are there. Those of hidden convolutions are gone afterwards."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[nn.Parameter]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None and is_hidden(parameter):
                    shapes.setdefault(parameter.shape, []).append(parameter)
            for weights in shapes.values():
                self._step_together(weights, group["lr"])
                for weight in weights:
                    weight.grad = None  # so that Adam passes over it
        super().step()

    def _step_together(self, weights: list[nn.Parameter], lr: float) -> None:
        """One step of weights of one shape."""
        for weight in weights:
            state = self.state[weight]
            if not state:
                state["step"] = torch.zeros(())  # not used, but Adam asks for it when a state is loaded
                state["momentum"] = torch.zeros_like(weight)
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        momenta = [self.state[weight]["momentum"] for weight in weights]
        torch._foreach_lerp_(momenta, gradients, 1 - _MOMENTUM)
        directions = torch._foreach_lerp(gradients, momenta, _MOMENTUM)
        # Nets in training lie in memory with their channels last. In this order the matrices are views, and all weights
        # change at once; the order of a matrix's columns does not matter.
        matrices = torch.stack([_channels_last(direction).flatten(1) for direction in directions])
        wide = matrices.shape[1] <= matrices.shape[2]
        steps = orthogonalise(matrices if wide else matrices.mT)
        scale = _RMS * max(matrices.shape[1:]) ** 0.5
        views = [_channels_last(weight) for weight in weights]
        steps = (steps if wide else steps.mT).reshape(len(views), *views[0].shape)
        torch._foreach_add_(views, list(steps.unbind()), alpha=-lr * scale)


def _channels_last(weight: Tensor) -> Tensor:  # (O, I, H, W) -> (O, H, W, I)
    return weight.permute(0, 2, 3, 1)
