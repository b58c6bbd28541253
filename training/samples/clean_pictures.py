"""The clean pictures that samples are made from: photographs, and a few synthetic ones."""

from __future__ import annotations

import torch
from torch import Tensor

from training.imaging.filters import gaussian_blur
from training.imaging.random_source import RandomSource
from training.samples.patterns import draw_flats, draw_patterns
from training.samples.picture_store import PictureStore

_BLUR_RADIUS = 7  # three times the largest sigma of soften_and_darken
_FLAT_ODDS = 0.04
_PATTERN_ODDS = 0.08  # only in clean samples: under strong noise they teach a net to see hatching everywhere


class CleanPictures:
    """Draws clean pictures.

    Args:
        photographs: to take crops from.
    """

    def __init__(self, photographs: PictureStore) -> None:
        self._photographs = photographs
        # Large pictures have more content, but their detail is softer.
        self._odds = photographs.sides.prod(1).float().sqrt()

    def draw(self, count: int, size: int, random: RandomSource, *, noisy: bool) -> Tensor:
        """Draws pictures, a few of them flat fields or patterns.

        Args:
            count: how many.
            size: pixels a side, a multiple of 4.
            random: draws them.
            noisy: whether noise will be added; such pictures are softened and darkened at random.

        Returns:
            ``(count, 3, size, size)`` in [0, 1].
        """
        clean = self.draw_photographs(count, size, random, noisy=noisy)
        clean = torch.where(random.chance(count, 0.05), clean.mean(1, keepdim=True), clean)
        pattern_odds = 0.0 if noisy else _PATTERN_ODDS
        odds = [_FLAT_ODDS, pattern_odds, 1 - _FLAT_ODDS - pattern_odds]
        num_flats, num_patterns, _ = random.host.multinomial(count, odds)
        drawn = [draw_flats(int(num_flats), size, random), draw_patterns(int(num_patterns), size, random)]
        pictures = torch.cat([*drawn, clean[num_flats + num_patterns :]])
        # In any order: some kinds treat the first ones in another way.
        return pictures[torch.randperm(count, generator=random.generator, device=pictures.device)]

    def draw_photographs(self, count: int, size: int, random: RandomSource, *, noisy: bool) -> Tensor:
        """As :meth:`draw`, but only photographs, unchanged."""
        chosen = torch.multinomial(self._odds, count, replacement=True, generator=random.generator)
        clean = self._photographs.crop(chosen, size, random)
        return soften_and_darken(clean, random) if noisy else clean


def soften_and_darken(clean: Tensor, random: RandomSource) -> Tensor:
    """Makes web-sized photographs ``(N, 3, S, S)`` more like what a phone takes before noise is added."""
    count = len(clean)
    soft = gaussian_blur(clean, random.uniform((count,), 0.4, 2.2), _BLUR_RADIUS)  # at full resolution they are softer
    clean = torch.where(random.chance(count, 0.7), soft, clean)
    light = random.uniform((count, 1, 1, 1), 0.2, 1.0)
    return torch.where(random.chance(count, 0.6), clean * light, clean)
