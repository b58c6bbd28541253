"""The losses of the paper (equations 2 to 6 and 8), in forms that neither overflow nor take the logarithm of zero.

A discriminator gives logits z, and its D is sigmoid(z). So -log D = softplus(-z) and -log(1 - D) = softplus(z), exact
for every z.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from srdgan_rt.metrics.protocol import SCALE


def pixel_loss(result: Tensor, target: Tensor) -> Tensor:
    """Equation 3: squared distance of two colours, mean over the pixels.

    Args:
        result: ``(N, 3, H, W)``.
        target: same shape.

    Returns:
        A scalar: three times the mean squared error, as a pixel is a vector of three.
    """
    return (result - target).square().sum(1).mean()


def mean_distance(result: Tensor, target: Tensor, form: str) -> Tensor:
    """The pixel loss of the low-to-high net, sample by sample: mean over pixels and channels.

    Args:
        result: ``(N, 3, H, W)``.
        target: same shape.
        form: "l1" for the absolute difference (ESRGAN's), "l2" for its square (a third of equation 3).

    Returns:
        ``(N,)``.
    """
    difference = result - target
    return (difference.abs() if form == "l1" else difference.square()).mean((1, 2, 3))


def block_mean_loss(result: Tensor, target: Tensor) -> Tensor:
    """Absolute difference of the means of 4x4 blocks and of 16x16 blocks, against drifts of brightness and colour.

    Args:
        result: ``(N, 3, 4H, 4W)``.
        target: same shape.

    Returns:
        A scalar.
    """
    small = F.avg_pool2d(result - target, SCALE)
    return (small.abs().mean() + F.avg_pool2d(small, SCALE).abs().mean()) / 2


def mesh_loss(result: Tensor, target: Tensor) -> Tensor:
    """The part of the error that repeats every 4 pixels: a mesh on flat areas.

    Args:
        result: ``(N, 3, 4H, 4W)``.
        target: same shape.

    Returns:
        A scalar: the mean deviation of the means of the 16 phases from their own mean.
    """
    blocks: Tensor = (result - target).unflatten(-1, (-1, SCALE)).unflatten(-3, (-1, SCALE))
    phases = blocks.mean((2, 4))  # (N, 3, 4, 4)
    return (phases - phases.mean((2, 3), keepdim=True)).abs().mean()


def feature_loss(result: Tensor, target: Tensor) -> Tensor:
    """Equation 4: absolute difference, mean over the features.

    Args:
        result: features of any shape, from :class:`training.models.features.VGGFeatures`.
        target: same shape.

    Returns:
        A scalar.
    """
    return F.l1_loss(result, target)


def colour_loss(result: Tensor, target: Tensor) -> Tensor:
    """Squared difference of the mean colours, mean over pictures and channels; not in the paper.

    Noise hardly changes the mean of a patch, so this loss detects a shift of the colours that the pixel loss does not.

    Args:
        result: ``(N, 3, H, W)``.
        target: same shape.

    Returns:
        A scalar.
    """
    return (result - target).mean((2, 3)).square().mean()


def generator_loss(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """Equation 5, the generator's adversarial loss: the mean of -log D(fake).

    Args:
        fake: logits of generated pictures, any shape.
        real: logits of real pictures for the relativistic average form of ESRGAN, where D tells whether a picture is
            more real than the other kind is on average; None for the paper's form.

    Returns:
        A scalar.
    """
    if real is None:
        return F.softplus(-fake).mean()
    return F.softplus(real.mean() - fake).mean() + F.softplus(real - fake.mean()).mean()


def discriminator_loss(fake: Tensor, real: Tensor, *, relativistic: bool = False) -> Tensor:
    """Equation 6, negated so that it is minimised: the mean of -log D(real) and that of -log(1 - D(fake)), added.

    Args:
        fake: logits of generated pictures, any shape.
        real: logits of real pictures, any shape.
        relativistic: the form of ESRGAN, see :func:`generator_loss`.

    Returns:
        A scalar; 2 log 2 if the discriminator cannot distinguish the two.
    """
    if relativistic:
        return generator_loss(real, fake)  # the same with fake and real swapped
    return F.softplus(-real).mean() + F.softplus(fake).mean()
