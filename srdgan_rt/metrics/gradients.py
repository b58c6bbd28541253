"""Gradient statistics: is a result as sharp as the original? PSNR prefers pictures that are not."""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.metrics.measure import Measure


def gradient_magnitudes(picture: NDArray[Any]) -> NDArray[np.float64]:
    """Length of the gradient at each pixel, from the differences to the next pixel to the right and below.

    Args:
        picture: ``(H, W)`` or ``(H, W, C)``.

    Returns:
        ``(H - 1, W - 1)`` or ``(H - 1, W - 1, C)``, in the unit of the picture for each pixel.
    """
    values = picture.astype(np.float64)
    across = values[:-1, 1:] - values[:-1, :-1]
    down = values[1:, :-1] - values[:-1, :-1]
    return np.asarray(np.hypot(across, down))


def gradient_ratio(result: NDArray[Any], reference: NDArray[Any]) -> float:
    """Mean gradient magnitude of a result divided by that of the reference.

    Args:
        result: ``(H, W)`` or ``(H, W, C)``.
        reference: same shape.

    Returns:
        1 where both are equally sharp in the mean, less for a blurred result. Of two flat pictures it is 1; of a flat
        reference alone, infinity.
    """
    ours, theirs = (float(gradient_magnitudes(picture).mean()) for picture in (result, reference))
    if theirs == 0:
        return 1.0 if ours == 0 else math.inf
    return ours / theirs


def gradient_distance(result: NDArray[Any], reference: NDArray[Any]) -> float:
    """Distance of the histograms of gradient magnitudes: the Wasserstein-1 (earth mover's) distance.

    It is the area between the two cumulative histograms, without bins. It finds what the ratio of the means hides, such
    as noise on flat areas that makes up for soft edges.

    Args:
        result: ``(H, W)`` or ``(H, W, C)``.
        reference: same shape.

    Returns:
        At least 0, in the unit of the pictures.
    """
    ours, theirs = (np.sort(gradient_magnitudes(picture), None) for picture in (result, reference))
    return float(np.abs(ours - theirs).mean())


GRADIENT_RATIO = Measure("gradient ratio", lambda pair: gradient_ratio(*pair.planes), fmean, 3)
GRADIENT_DISTANCE = Measure("gradient distance", lambda pair: gradient_distance(*pair.planes), fmean, 3)
