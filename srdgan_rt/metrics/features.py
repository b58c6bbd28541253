"""Distance of the features of VGG16: how different two pictures look.

It is LPIPS (Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", 2018) without the
weights that were learned from people's answers: all channels and layers count the same. Its values are not LPIPS's.
"""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from srdgan_rt.errors import InputError
from srdgan_rt.metrics.measure import Measure
from srdgan_rt.models.vgg import STAGES, VGG

LAYERS = tuple(f"conv{stage}_{count}" for stage, count in enumerate(STAGES["vgg16"], 1))
"""The last convolution of each stage of VGG16, taken after its activation."""

_SMALLEST = 1 << (len(LAYERS) - 1)  # pixels a side: halved between the stages


class FeatureDistance:
    """Compares pictures by the features of VGG16.

    Args:
        path: ``.npz`` file of the net, as ``training.convert_vgg`` writes it.

    Raises:
        InputError: the file cannot be read, or is of another net.
    """

    def __init__(self, path: Path) -> None:
        self._net = VGG(path, LAYERS)
        self._last: tuple[NDArray[Any], list[Tensor]] | None = None

    def __call__(self, result: NDArray[Any], reference: NDArray[Any]) -> float:
        """Distance of a result from a reference, whose features are kept for the next call.

        Args:
            result: ``(H, W, 3)`` RGB or ``(H, W)`` grey, values in 0..255, at least 16x16.
            reference: same shape.

        Returns:
            0..2; 0 for equal pictures. At each place of each layer the features are divided by their length, and their
            difference is squared and summed over the channels. This is averaged over the places, then over the layers.

        Raises:
            InputError: the shapes differ, or the pictures are too small.
        """
        if result.shape != reference.shape:
            raise InputError(f"result and reference must be of one shape, got {result.shape} and {reference.shape}")
        if min(result.shape[:2]) < _SMALLEST:
            height, width = result.shape[:2]
            raise InputError(
                f"the feature distance needs at least {_SMALLEST}x{_SMALLEST} pixels, got {width}x{height}"
            )
        if self._last is None or not np.array_equal(self._last[0], reference):
            self._last = reference, self._extract(reference)
        pairs = zip(self._extract(result), self._last[1], strict=True)
        return fmean(float((ours - theirs).square().sum(1).mean()) for ours, theirs in pairs)

    @torch.no_grad()
    def _extract(self, picture: NDArray[Any]) -> list[Tensor]:
        """Activated features of each layer, ``(1, C, H', W')``, of length 1 at each place."""
        pixels = torch.from_numpy(np.atleast_3d(picture).astype(np.float32) / 255)
        features = self._net(pixels.movedim(-1, 0)[None].expand(-1, 3, -1, -1))
        return [F.normalize(F.relu(features[layer]), dim=1, eps=1e-10) for layer in LAYERS]


def feature_measure(path: Path) -> Measure:
    """The column of :class:`FeatureDistance`; arguments and errors are its own."""
    distance = FeatureDistance(path)
    return Measure("feature distance", lambda pair: distance(*pair.pictures), fmean, 4)
