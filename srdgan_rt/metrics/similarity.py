"""PSNR and SSIM."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from srdgan_rt.errors import InputError

SSIM_WINDOW = 11
"""Pixels a side of the window of SSIM."""
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03


def psnr(result: NDArray[Any], reference: NDArray[Any], *, peak: float = 255) -> float:
    """Peak signal-to-noise ratio.

    Args:
        result: ``(H, W)`` or ``(H, W, C)``; values in 0..peak.
        reference: same shape.
        peak: the largest value that a sample can take.

    Returns:
        Decibels; infinity where both are equal.

    Raises:
        InputError: the shapes differ, or there are no pixels.
    """
    _check_shapes(result, reference)
    error = float(np.mean(np.square(result.astype(np.float64) - reference.astype(np.float64))))
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)


def ssim(result: NDArray[Any], reference: NDArray[Any], *, peak: float = 255) -> float:
    """Structural similarity of Wang et al. (2004), reference [34] of the paper.

    Gaussian window of 11x11 with sigma 1.5, K1 = 0.01, K2 = 0.03; mean over the windows that lie inside the picture.

    Args:
        result: ``(H, W)`` or ``(H, W, C)``, both sides at least 11; values in 0..peak.
        reference: same shape.
        peak: the largest value that a sample can take.

    Returns:
        At most 1, for equal pictures; the mean over C.

    Raises:
        InputError: the shapes differ or are smaller than the window.
    """
    _check_shapes(result, reference)
    if min(result.shape[:2]) < SSIM_WINDOW:
        raise InputError(
            f"SSIM needs at least {SSIM_WINDOW}x{SSIM_WINDOW} pixels, got {result.shape[1]}x{result.shape[0]}"
        )
    x, y = result.astype(np.float64), reference.astype(np.float64)
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variance_x = _window_mean(x * x) - mean_x**2
    variance_y = _window_mean(y * y) - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return float(np.mean(luminance * structure))


def _window_mean(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian mean of each window that lies inside the picture."""
    kernel = cv2.getGaussianKernel(SSIM_WINDOW, _SIGMA, cv2.CV_64F)
    margin = SSIM_WINDOW // 2
    filtered: NDArray[np.float64] = np.asarray(cv2.sepFilter2D(plane, cv2.CV_64F, kernel, kernel))
    return filtered[margin:-margin, margin:-margin]


def _check_shapes(result: NDArray[Any], reference: NDArray[Any]) -> None:
    if result.shape != reference.shape:
        raise InputError(f"result and reference must be of one shape, got {result.shape} and {reference.shape}")
    if result.size == 0:
        raise InputError(f"there is nothing to compare in pictures of shape {result.shape}")
