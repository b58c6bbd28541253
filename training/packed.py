"""Batches made on the device itself, from packed data that is decoded once: a step never waits for a picture.

The samples have the same statistics as those of :class:`training.data.PairSampler`; the random numbers are others. A
batch is a function of the seed and the iteration, on one kind of device.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from srdgan_rt.checkpoint import DEFAULT_DEGRADATION
from srdgan_rt.errors import InputError
from srdgan_rt.image.resample import resize_bicubic, shift_half_pixel
from training.config import BatchConfig
from training.data import MARGIN, PHASE, SCALE, Batch
from training.device_camera import Cameras, photograph_frames
from training.device_h2l import DeviceH2L
from training.device_random import chance, uniform
from training.pack import decode

_BLUR_RADIUS = 9  # four times the largest sigma of soften_and_darken


class PhoneNoise:
    """Real frames with their clean twins, and their noise sorted by brightness, all on the device.

    Args:
        clean: ``(F, S, S, 3)`` uint8.
        noisy: ``(F, S, S, 3)`` uint8.
    """

    def __init__(self, clean: Tensor, noisy: Tensor) -> None:
        self.pairs = torch.cat([noisy, clean], -1)  # (F, S, S, 6)
        brightness, order = clean.flatten(1, 2).sum(-1, dtype=torch.int32).sort(stable=True)
        residual = (noisy.short() - clean.short()).flatten(1, 2)
        self._brightness = brightness.float()  # (F, S * S) sum of the clean channels, 0..765
        self._residual = residual.gather(1, order[..., None].expand_as(residual))  # (F, S * S, 3) int16
        spread = self._residual.float().flatten(1).std(1, correction=0)
        self.odds = spread / spread.sum()  # (F,): noisy frames are where the work is

    def resample(self, clean: Tensor, frames: Tensor, generator: torch.Generator) -> Tensor:
        """Gives pictures the noise that frames have at the same brightness, as ``PhoneFrame.resample_noise`` does.

        Args:
            clean: ``(N, 3, H, W)`` in [0, 1].
            frames: ``(N,)`` int64, the frame of each picture.
            generator: picks the pixels.

        Returns:
            ``(N, 3, H, W)`` in [0, 1], rounded to 8 bits.
        """
        levels = (clean * 255).sum(1).flatten(1)  # (N, H * W)
        levels = levels + uniform(levels.shape, -1.5, 1.5, generator)
        centre = torch.searchsorted(self._brightness[frames], levels)
        last = self._brightness.shape[1] - 1
        spread = (last + 1) // 256
        shift = torch.randint(-spread, spread + 1, centre.shape, generator=generator, device=generator.device)
        residual = self._residual[frames[:, None], (centre + shift).clamp(0, last)]  # (N, H * W, 3)
        return _round(clean + residual.mT.reshape(clean.shape) / 255)


class PackedSampler:
    """Makes whole batches on a device.

    Args:
        entries: of the packs, as :func:`training.pack.read_packs` gives them.
        batch: how many samples of each kind; those of ``camera_noise`` cannot be made on a device.
        seed: with the iteration, decides every batch.
        largest_patch: low-resolution pixels a side that will be asked for at most.
        device: where batches are made.
        h2l: the high-to-low net that samples of ``gmsr`` come from: name of a shipped model, or path of a weight file.

    Raises:
        InputError: a kind is asked for that cannot be made, or what is packed is missing or too small.
        CheckpointError: the high-to-low net is needed and cannot be loaded.
    """

    def __init__(
        self,
        entries: Mapping[str, bytes],
        batch: BatchConfig,
        seed: int,
        largest_patch: int,
        device: torch.device,
        h2l: str | os.PathLike[str] = DEFAULT_DEGRADATION,
    ) -> None:
        if batch.camera_noise:
            raise InputError("samples of camera_noise are not made on a device: set batch.camera_noise to 0")
        for prefix in ("photographs/", "frames/"):
            if not any(name.startswith(prefix) for name in entries):
                raise InputError(f"the packs hold no {prefix[:-1]}")
        self._batch = batch
        self._seed = seed
        self._device = device
        self._photographs = torch.from_numpy(decode(entries, "photographs/")).to(device)  # (N, S, S, 3)
        clean, noisy = (torch.from_numpy(decode(entries, "frames/", f"_{kind}.png")) for kind in ("clean", "noisy"))
        self._noise = PhoneNoise(clean.to(device), noisy.to(device))
        self._cameras = Cameras.draw(seed, device) if batch.camera_frame else None
        self._h2l = DeviceH2L(h2l, device) if batch.gmsr else None
        for pictures, needed in ((self._photographs, _padded(largest_patch)), (clean, largest_patch)):
            if pictures.shape[1] < needed:
                raise InputError(f"packed crops have {pictures.shape[1]} pixels a side, patches need {needed}")

    def batch(self, iteration: int, patch: int) -> Batch:
        """The batch of an iteration, with low-resolution patches of ``patch`` x ``patch`` pixels, on the device."""
        rng = np.random.default_rng((self._seed, iteration))
        generator = torch.Generator(self._device).manual_seed(int(rng.integers(2**63)))
        config = self._batch
        noisy_counts = (config.phone_noise, config.camera_frame, config.gmsr)
        counts = (*noisy_counts, config.clean_nearest, config.clean_bicubic)
        clean = self._draw_clean(sum(counts), sum(noisy_counts), patch, generator)
        noisy, frame, gmsr, nearest, bicubic = clean.split(counts)
        pairs = [
            _downsample(noisy, config.sampling),
            _downsample_either(frame, generator),
            _downsample(gmsr, "nearest"),
            _downsample(nearest, "nearest"),
            _downsample_either(bicubic, generator),
        ]
        frames = self._pick_frames(config.phone_noise, generator)
        lows = [low for low, _ in pairs]
        lows[0] = self._noise.resample(lows[0], frames, generator)
        if self._cameras is not None:
            lows[1] = photograph_frames(lows[1], self._cameras, rng, generator)
        if self._h2l is not None:
            lows[2] = self._h2l.photograph(gmsr, generator)
        low, high = _round(_trim(torch.cat(lows), patch)), _trim(torch.cat([high for _, high in pairs]), SCALE * patch)
        frames = self._pick_frames(config.phone_pair, generator)
        real, real_clean = _crop(self._noise.pairs, frames, patch, generator).split(3, 1)
        return Batch(torch.cat([low, real]).contiguous(), high.contiguous(), real_clean.contiguous())

    def _draw_clean(self, count: int, num_noisy: int, patch: int, generator: torch.Generator) -> Tensor:
        """``(N, 3, S, S)``: what pairs are made from, as in ``PairSampler``; the noisy ones come first."""
        size = _padded(patch)
        chosen = torch.randint(len(self._photographs), (count,), generator=generator, device=self._device)
        clean = _crop(self._photographs, chosen, size, generator)
        clean = torch.cat([_soften_and_darken(clean[:num_noisy], generator), clean[num_noisy:]])
        clean = torch.where(chance(count, 0.05, generator), clean.mean(1, keepdim=True), clean)
        colour = uniform((count, 3, 1, 1), 0, 1, generator)
        # Black, white or any grey, each as often; two of five are coloured.
        kind = torch.randint(3, (count, 1, 1, 1), generator=generator, device=self._device)
        grey = torch.where(kind == 2, colour[:, :1], kind.float())
        flat = torch.where(chance(count, 0.4, generator), colour, grey)
        return torch.where(chance(count, 0.03, generator), flat, clean)

    def _pick_frames(self, count: int, generator: torch.Generator) -> Tensor:
        """``(N,)`` int64, noisy ones more often."""
        if count == 0:
            return torch.empty(0, dtype=torch.int64, device=self._device)
        return torch.multinomial(self._noise.odds, count, replacement=True, generator=generator)


def _padded(patch: int) -> int:
    return SCALE * patch + 2 * MARGIN


def _round(pictures: Tensor) -> Tensor:
    """To 8 bits, in [0, 1]; any shape."""
    return (pictures * 255).round().clamp(0, 255) / 255


def _trim(pictures: Tensor, size: int) -> Tensor:
    """The middle ``(N, C, size, size)`` of square pictures."""
    margin = (pictures.shape[-1] - size) // 2
    return pictures[..., margin : margin + size, margin : margin + size]


def _crop(pictures: Tensor, chosen: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """``(N, C, size, size)`` in [0, 1]: random places of pictures ``(M, S, S, C)``, turned and mirrored at random."""
    count, room = len(chosen), pictures.shape[1] - size
    places = torch.randint(room + 1, (2, count, 1), generator=generator, device=generator.device)
    steps = torch.arange(size, device=generator.device)
    mirrored = torch.randint(2, (2, count, 1), generator=generator, device=generator.device).bool()
    y, x = places + torch.where(mirrored, steps.flip(0), steps)  # (N, size) each
    crops = pictures[chosen[:, None, None], y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2) / 255
    return torch.where(chance(count, 0.5, generator), crops.mT, crops)


def _soften_and_darken(clean: Tensor, generator: torch.Generator) -> Tensor:
    """``training.data.soften_and_darken`` for pictures ``(N, 3, S, S)``."""
    count, channels, *sides = clean.shape
    if count == 0:
        return clean
    sigma = uniform((count, 1), 0.4, 2.2, generator)
    steps = torch.arange(-_BLUR_RADIUS, _BLUR_RADIUS + 1, device=clean.device)
    taps = torch.exp(-0.5 * (steps / sigma) ** 2)
    taps = (taps / taps.sum(1, keepdim=True)).repeat_interleave(channels, 0)[:, None, None]  # (3 N, 1, 1, taps)
    planes = F.pad(clean.reshape(1, count * channels, *sides), (_BLUR_RADIUS,) * 4, "reflect")
    soft = F.conv2d(F.conv2d(planes, taps, groups=len(taps)), taps.mT, groups=len(taps)).view_as(clean)
    clean = torch.where(chance(count, 0.7, generator), soft, clean)
    light = uniform((count, 1, 1, 1), 0.2, 1.0, generator)
    return torch.where(chance(count, 0.6, generator), clean * light, clean)


def _downsample(clean: Tensor, sampling: str) -> tuple[Tensor, Tensor]:
    """(low, high) of pictures ``(N, 3, 4S, 4S)``, both in [0, 1], on the centred grid; sampling as in BatchConfig."""
    size = clean.shape[-1] // SCALE
    if sampling == "area":
        return F.avg_pool2d(clean, SCALE), clean
    if sampling == "bicubic":
        return resize_bicubic(clean, size, size).clamp(0, 1), clean
    return clean[..., PHASE::SCALE, PHASE::SCALE], shift_half_pixel(clean).clamp(0, 1)


def _downsample_either(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The same by bicubic, one in five by area."""
    by_area = chance(len(clean), 0.2, generator)
    return torch.where(by_area, _downsample(clean, "area")[0], _downsample(clean, "bicubic")[0]), clean
