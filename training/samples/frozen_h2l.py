"""A trained high-to-low net that degrades the pictures of a batch when they are needed (section 3.2)."""

from __future__ import annotations

import os

import torch
from torch import Tensor

from srdgan_rt.checkpoint import load_h2l
from srdgan_rt.errors import InputError
from srdgan_rt.metrics.protocol import SCALE
from training.data.notes import note_net
from training.imaging.random_source import RandomSource


class FrozenH2L:
    """A high-to-low net whose weights do not change.

    Args:
        model: name of a shipped model, or path of a weight file.
        device: where pictures are made.

    Raises:
        CheckpointError: the model cannot be loaded.
        InputError: it reduces by another factor than that of the training.
    """

    def __init__(self, model: str | os.PathLike[str], device: torch.device) -> None:
        loaded = load_h2l(model)
        note_net(os.fspath(model))
        if loaded.net.scale != SCALE:
            raise InputError(f"{model} reduces by {loaded.net.scale}, training needs {SCALE}")
        self._net = loaded.net.requires_grad_(False).to(device)
        self._levels = torch.tensor(loaded.noise_levels, device=device)

    @torch.no_grad()
    def degrade(self, clean: Tensor, random: RandomSource) -> Tensor:
        """Degrades pictures as a camera would (equation 1), each at one of the net's noise levels.

        Args:
            clean: ``(N, 3, 4S, 4S)`` in [0, 1].
            random: draws levels and noise.

        Returns:
            ``(N, 3, S, S)``, neither clipped nor rounded; pixel i lies at pixel 4i + 2 of the picture.
        """
        chosen = random.integers(0, len(self._levels), (len(clean),))
        low: Tensor = self._net(clean, self._levels[chosen, None, None, None] * random.normal(clean.shape))
        return low
