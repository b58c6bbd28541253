"""The camera model of ``srdgan_rt.camera`` in tensors: many pictures at once, each with a camera of its own.

The cameras are drawn once, so that a step need not wait for the host.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from srdgan_rt.camera import Camera, random_camera
from srdgan_rt.camera.demosaic import ACROSS, ALONG, BAYER_PATTERNS, GREEN
from srdgan_rt.camera.model import CLIPPED_MEANS, LIMITS
from training.imaging.filters import pad_mirrored
from training.imaging.random_source import RandomSource

_NUM_CAMERAS = 2048
_KERNELS = (GREEN, ALONG, ALONG.T, ACROSS)
_BLOCK = 5  # pixels that demosaicing reads; odd, so that neighbouring samples fall on all four places of the pattern


def _origins(pattern: str) -> list[list[int]]:
    """The origin of the colours at the four places of a pattern: measured (0) or by one of _KERNELS (1 to 4)."""
    origins = []
    for place, letter in enumerate(pattern):
        own = "rgb".index(letter)
        if letter == "g":
            in_row = "rgb".index(pattern[place ^ 1])
            origins.append([{own: 0, in_row: 2, 2 - in_row: 3}[colour] for colour in range(3)])
        else:
            origins.append([{own: 0, 1: 1, 2 - own: 4}[colour] for colour in range(3)])
    return origins


class Cameras:
    """Cameras as tensors on a device.

    Args:
        cameras: what they are.
        device: where frames are made.
    """

    def __init__(self, cameras: Sequence[Camera], device: torch.device) -> None:
        def table(values: npt.ArrayLike) -> Tensor:
            return torch.tensor(np.array(values, np.float32), device=device)

        self._shot, self._read, self._response, self._shoulder = (
            table([getattr(camera, name) for camera in cameras]) for name in ("shot", "read", "response", "shoulder")
        )
        self._gains = table([(camera.white_balance[0], 1.0, camera.white_balance[1]) for camera in cameras])
        self._matrices = table([camera.matrix for camera in cameras])
        self._inverses = table([np.linalg.inv(np.array(camera.matrix)) for camera in cameras])
        self._patterns = torch.tensor([BAYER_PATTERNS.index(camera.pattern) for camera in cameras], device=device)
        places = [["rgb".index(letter) for letter in pattern] for pattern in BAYER_PATTERNS]
        self._colours = torch.tensor(places, device=device).view(-1, 1, 2, 2)
        origins = torch.tensor([_origins(pattern) for pattern in BAYER_PATTERNS], device=device)
        self._origins = origins.mT.reshape(-1, 3, 2, 2)
        self._kernels = table(_KERNELS)[:, None]
        self._means, self._biases = table(CLIPPED_MEANS), table(CLIPPED_MEANS - LIMITS)

    @classmethod
    def draw(cls, seed: int, device: torch.device, tries: int = 1) -> Cameras:
        """Random cameras near the measured phones, each the noisiest of ``tries``."""
        rng = np.random.default_rng(seed)
        cameras = (
            max((random_camera(rng) for _ in range(tries)), key=lambda camera: camera.shot) for _ in range(_NUM_CAMERAS)
        )
        return cls(list(cameras), device)

    def __len__(self) -> int:
        return len(self._patterns)

    def capture(self, clean: Tensor, random: RandomSource, *, mosaic: bool = True) -> Tensor:
        """Captures pictures, each with a camera drawn at random.

        Args:
            clean: ``(N, 3, H, W)`` sRGB in [0, 1].
            random: draws cameras and noise.
            mosaic: as :func:`srdgan_rt.camera.simulate_capture` has it: False for pictures that are point-sampled.

        Returns:
            ``(N, 3, H, W)`` sRGB in [0, 1], not rounded.
        """
        return self.capture_by(clean, random.integers(0, len(self), (len(clean),)), random, mosaic=mosaic)

    def capture_by(self, clean: Tensor, chosen: Tensor, random: RandomSource, *, mosaic: bool = True) -> Tensor:
        """As :meth:`capture`, with the cameras ``chosen``, ``(N,)`` int64."""
        shoulder = self._shoulder[chosen, None, None, None]
        toned = _srgb_to_linear(clean)
        balanced = _mix(self._inverses[chosen], toned / (1 + shoulder - shoulder * toned))
        if mosaic:
            demosaiced = self._expose(balanced, chosen, random)
        else:
            blocks = balanced.repeat_interleave(_BLOCK, 2).repeat_interleave(_BLOCK, 3)
            demosaiced = self._expose(blocks, chosen, random)[..., _BLOCK // 2 :: _BLOCK, _BLOCK // 2 :: _BLOCK]
        linear = _mix(self._matrices[chosen], demosaiced).clamp(0, 1)
        return _linear_to_srgb((1 + shoulder) * linear / (1 + shoulder * linear))

    def _expose(self, balanced: Tensor, chosen: Tensor, random: RandomSource) -> Tensor:
        """Mosaic, noise and demosaicing of white-balanced camera RGB ``(N, 3, H, W)``."""
        shot, read, response = (table[chosen, None, None, None] for table in (self._shot, self._read, self._response))
        colour = _tile(self._colours[self._patterns[chosen]], balanced)  # (N, 1, H, W): what each pixel measures
        signal = balanced.gather(1, colour)
        gain = self._gains[chosen].gather(1, colour.flatten(1)).view_as(signal)
        light = signal.clamp(min=0)
        spread = (gain * shot * light + gain**2 * read + (response * light) ** 2).sqrt()
        black, white = signal.clamp(max=0), signal.clamp(min=1)
        exposed = signal + self._clipping_bias(white - signal, spread) - self._clipping_bias(signal - black, spread)
        measured = torch.clamp(exposed + spread * random.normal(signal.shape), black, white)
        guessed = F.conv2d(pad_mirrored(measured, 2), self._kernels)
        origin = _tile(self._origins[self._patterns[chosen]], balanced)  # (N, 3, H, W)
        return torch.cat([measured, guessed], 1).gather(1, origin)

    def _clipping_bias(self, distance: Tensor, spread: Tensor) -> Tensor:
        """How far clipping at a distance from the signal moves its mean; any shape."""
        deviations = distance / spread.clamp(min=1e-9)
        after = torch.searchsorted(self._means, deviations).clamp(1, len(self._means) - 1)
        start, end = self._means[after - 1], self._means[after]
        part = ((deviations - start) / (end - start)).clamp(0, 1)
        return spread * torch.lerp(self._biases[after - 1], self._biases[after], part)


def _tile(places: Tensor, pictures: Tensor) -> Tensor:
    """``(N, C, 2, 2)`` repeated over pictures: ``(N, C, H, W)``."""
    height, width = pictures.shape[-2:]
    return places.repeat(1, 1, -(-height // 2), -(-width // 2))[..., :height, :width]


def _mix(matrices: Tensor, pictures: Tensor) -> Tensor:
    """Applies a matrix ``(N, 3, 3)`` to the colours of each picture."""
    return (matrices @ pictures.flatten(2)).view_as(pictures)


def _srgb_to_linear(pictures: Tensor) -> Tensor:
    """``camera.model.srgb_to_linear``; any shape."""
    return torch.where(pictures <= 0.04045, pictures / 12.92, ((pictures.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def _linear_to_srgb(pictures: Tensor) -> Tensor:
    """``camera.model.linear_to_srgb``; any shape."""
    return torch.where(
        pictures <= 0.0031308, 12.92 * pictures, 1.055 * pictures.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    )
