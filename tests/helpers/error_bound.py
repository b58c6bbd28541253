"""The bound of the CPU ops' rounding errors, by analysis: it does not depend on the accuracy of another library.

Rounding a number v to float32 adds an error of at most u |v|, u = 2^-24, whose variance is at most (u v)^2 / 3. Errors
of different roundings are taken to be independent.

One convolution. Winograd's is A' [sum over C channels of (G w G') * (B' x B)] A (csrc/kernels/cpu/winograd.h), whose
terms are larger than those of the direct sum. If weights and inputs do not correlate, the terms of one output have
together the variance amplification^2 * (sum of w^2 x^2), as a mean over the outputs of a tile; ``amplification`` is
that of one axis. On its way into the output a term is rounded

- once as a weight, and _TRANSFORM_ROUNDINGS times in the transforms of inputs and sums;
- at every step of the sum over the channels, which is half done on average: C / 2 times the whole.

So the error of an output has the standard deviation

    u * amplification * sqrt((C / 2 + 1 + _TRANSFORM_ROUNDINGS) / 3 * conv2d(x^2, w^2))

Where neighbouring inputs correlate, as in pictures, B' makes small differences of them, and the error is smaller.

A network. The reference is run in float64, and to each output of each convolution a random number of that standard
deviation is added. What this changes in the result is the predicted error: activations and residuals pass errors on as
they do in the network itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.overrides import TorchFunctionMode

from benchmarks.winograd_points import transforms

Matrices = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]  # B', G and A' along one axis

_UNIT = 2.0**-24
_TRANSFORM_ROUNDINGS = (
    19  # at most four or five of a number's size along each of two axes, before and after the products
)
_LARGEST = (
    16  # largest error allowed, in units of the predicted root mean square: those at a tile's edge are the largest
)

WINOGRAD = transforms([0, 1, -1, 1 / 2, -1 / 2, 2, -2], 6)
"""B', G and A' of F(6x6, 3x3), as in winograd_points.h; the powers of two there change no rounding."""

TRAINING = transforms([0, 11 / 16, -11 / 16, 3 / 2, -3 / 2], 4)
"""The same of F(4x4, 3x3), by which training computes."""

_UPSAMPLING = (
    np.array([[1, -1, 0], [1, -1, 0], [0, -1, 1], [0, -1, 1], [0, 1, 0]]),
    np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 1], [1, 1, 1]]),
    np.array([[1, 0, 0, 0, 1], [0, 1, 0, 0, 1], [0, 0, 1, 0, 1], [0, 0, 0, 1, 1]]),
)
"""The same of upsample_conv, whose five products make four outputs of three inputs (docs/design/kernels.md)."""


def amplification(matrices: Matrices) -> float:
    """Mean over the outputs of the sum of squares of all terms, over the number of taps.

    The same holds for the gradient of the weights: the mean is then over the taps.
    """
    b, g, a = matrices
    return float(((a**2).sum(0) * (g**2).sum(1) * (b**2).sum(1)).sum() / (len(a) * g.shape[1]))


class RoundedConvolutions(TorchFunctionMode):
    """Adds random errors of the predicted size to the outputs of every convolution, the same at every use."""

    def __init__(self, winograd: Matrices = WINOGRAD) -> None:
        super().__init__()
        self._generator = torch.Generator().manual_seed(0)
        self._winograd = self._matrices = winograd

    def __torch_function__(
        self, function: Callable[..., Any], types: Iterable[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if function is F.interpolate:  # of the reference of upsample_conv
            self._matrices = _UPSAMPLING
        elif function is F.conv2d:
            deviation = predict_deviation(*args[:2], amplification(self._matrices))
            result = result + deviation * torch.randn(result.shape, generator=self._generator, dtype=result.dtype)
            self._matrices = self._winograd
        return result


def predict_deviation(
    x: Tensor,  # (N, C_in, H, W) float64
    weight: Tensor,  # (C_out, C_in, 3, 3) float64
    amplified: float = amplification(WINOGRAD),
) -> Tensor:  # (N, C_out, H, W)
    """The standard deviation of a convolution's rounding errors."""
    return relative_deviation(x.shape[1], amplified) * F.conv2d(x**2, weight**2, padding=1).sqrt()


def relative_deviation(terms: int, amplified: float) -> float:
    """The standard deviation of the rounding errors of a sum of so many terms, over the root of its sum of squares."""
    return _UNIT * amplified * ((terms / 2 + 1 + _TRANSFORM_ROUNDINGS) / 3) ** 0.5


def root_mean_square(x: Tensor) -> float:
    return float(x.double().square().mean().sqrt())


def is_within_rounding(result: Tensor, compute: Callable[[], Tensor], winograd: Matrices = WINOGRAD) -> bool:
    """Whether a result differs from the truth by no more than rounding errors can explain.

    Args:
        result: what an op computed in float32.
        compute: the same by the op's reference, in float64.
        winograd: by what the op computes.
    """
    truth = compute()
    with RoundedConvolutions(winograd):
        predicted = root_mean_square(compute() - truth)
    assert predicted > 0
    return is_within(result, truth, predicted)


def is_within(result: Tensor, truth: Tensor, predicted: float) -> bool:
    """Whether the errors of a result are as small as predicted, the root mean square of an error."""
    error = result.double() - truth
    return root_mean_square(error) <= predicted and float(error.abs().max()) <= _LARGEST * predicted
