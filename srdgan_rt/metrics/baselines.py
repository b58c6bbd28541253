"""Baselines: methods without training, scored beside the models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from srdgan_rt.metrics.bicubic import enlarge_bicubic
from srdgan_rt.metrics.datasets import Sample

Method = Callable[[Sample], NDArray[np.uint8]]
"""Enlarges ``sample.low`` by four: ``(H, W[, 3])`` -> ``(4H, 4W[, 3])``, 8 bits."""

_NLM_STRENGTH = 10  # OpenCV's h, for luminance and for colour
_NLM_TEMPLATE = 7
_NLM_SEARCH = 21


def denoise_nlm(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Non-local means of OpenCV with h = 10, patches of 7x7, search in 21x21.

    Args:
        picture: ``(H, W, 3)`` RGB or ``(H, W)``.

    Returns:
        Same shape.
    """
    if picture.ndim == 2:
        denoised = cv2.fastNlMeansDenoising(picture, None, _NLM_STRENGTH, _NLM_TEMPLATE, _NLM_SEARCH)
    else:
        # OpenCV expects blue as the first channel. The published figure of this baseline was measured with red first,
        # and this result is comparable with it; docs/evaluation.md has the figures for both orders.
        denoised = cv2.fastNlMeansDenoisingColored(
            picture, None, _NLM_STRENGTH, _NLM_STRENGTH, _NLM_TEMPLATE, _NLM_SEARCH
        )
    return np.asarray(denoised, dtype=np.uint8)


BASELINES: Mapping[str, Method] = MappingProxyType(
    {
        "bicubic": lambda sample: enlarge_bicubic(sample.low),
        "nlm": lambda sample: enlarge_bicubic(denoise_nlm(sample.low)),
        "bicubic-clean": lambda sample: enlarge_bicubic(sample.low_clean),
    }
)
"""``bicubic``; ``nlm``: non-local means, then bicubic; ``bicubic-clean``: bicubic of the samples without noise."""
