"""``AutoUpscaler``: chooses the model that fits the noise of each picture."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from srdgan_rt.errors import InputError
from srdgan_rt.image.resample import resize_bicubic
from srdgan_rt.pixels import Pixels, check_pixels
from srdgan_rt.runtime.pixels import check_batch, read_colour
from srdgan_rt.runtime.realesrgan import enhance
from srdgan_rt.runtime.source import Source
from srdgan_rt.runtime.upscaler import Upscaler
from srdgan_rt.tiling import Box

AUTO = "auto"
"""The name that stands for the choice, in place of a model's."""

SENSOR, PROCESSED = "srdgan-x4-fast", "srdgan-x4-photo"
"""The models to choose from, by the noise that they are for."""

_SIDE = 64  # pixels of a sample
_MOST_SAMPLES = 3  # on a side of their grid
_SAMPLED_PART = 1 / 8  # of a small picture at most, because both models clean the samples
_BLOCK = 8  # pixels a side
_LUMA = (0.299, 0.587, 0.114)  # BT.601

# Found by PSNR on training samples and evaluation sets (docs/design/runtime.md).
_LEAST_LEFT = 0.3 / 255  # luma noise that one model leaves and the other removes
_LEAST_SHARE = 0.3  # the same, as a share of the luma noise that the first one removes
_MOST_COLOUR, _COLOUR_FLOOR = 0.4, 0.45 / 255  # colour noise, as a share of the luma noise that is left, above a floor


class AutoUpscaler:
    """Two models, of which each picture gets the one that fits its noise.

    It enlarges what :class:`Upscaler` enlarges: pictures, batches of tensors, and pictures of OpenCV.

    The noise of a sensor differs from channel to channel, and ``srdgan-x4-fast`` removes it best. Where a phone or a
    messenger has processed it, or the file is grey, it has lost its colour. ``srdgan-x4-photo`` removes such noise, but
    ``srdgan-x4-fast`` takes it for detail. So both clean a few samples of the picture. If the first leaves luma noise
    there that the second removes, and finds hardly any colour noise, the noise is of the second kind.

    Args:
        options: arguments of :class:`Upscaler` but ``model``; both models get them.

    Raises:
        InputError: ``model`` is among the options.
        SrdganError: see :class:`Upscaler`.

    Attributes:
        name: ``auto``, as in tables; like the names of models, it says which sharpness is in use.
        sharpness: sharpness in use.
        scale: enlargement of both models.
        device: device that both models run on.
        precision: precision that was chosen.
    """

    def __init__(self, **options: Any) -> None:
        if "model" in options:
            raise InputError("AutoUpscaler chooses the model itself; Upscaler takes one")
        self._sensor = Upscaler(SENSOR, **options)
        self._processed = Upscaler(PROCESSED, **options)
        self.name = AUTO + self._sensor.name.removeprefix(SENSOR)
        self.sharpness = self._sensor.sharpness
        self.scale = self._sensor.scale
        self.device = self._sensor.device
        self.precision = self._sensor.precision

    def __repr__(self) -> str:
        names = f"{self._sensor.name} or {self._processed.name}"
        return f"<AutoUpscaler {names}, {self.engine} {self.precision} on {self.device}>"

    @property
    def engine(self) -> str:
        """Name of the engine that runs ``srdgan-x4-fast``. With ``auto`` it may change between two pictures."""
        return self._sensor.engine

    @property
    def fp32_fallbacks(self) -> int:
        """Number of tiles recomputed in fp32 since this object was created."""
        return self._sensor.fp32_fallbacks + self._processed.fp32_fallbacks

    def upscale(self, image: Pixels, **options: Any) -> Pixels:
        """Enlarges a picture with the model that is chosen for it; see :meth:`Upscaler.upscale`."""
        return self.choose(image).upscale(image, **options)

    def __call__(self, x: Tensor) -> Tensor:
        """Enlarges a batch of tensors, each picture with the model chosen for it; see :meth:`Upscaler.__call__`."""
        pictures = check_batch(x).split(1)
        return torch.cat([self._choose(Source.from_tensor(picture))(picture) for picture in pictures])

    def enhance(
        self, bgr: Pixels, outscale: float | None = None, alpha_upsampler: str = "realesrgan"
    ) -> tuple[Pixels, str]:
        """Drop-in for ``RealESRGANer.enhance``; see :func:`srdgan_rt.runtime.realesrgan.enhance`."""
        return enhance(self.upscale, bgr, outscale, alpha_upsampler)

    def choose(self, image: Pixels) -> Upscaler:
        """Chooses the model for a picture.

        Args:
            image: the whole picture, as :meth:`Upscaler.upscale` takes it, also where only a region is wanted.

        Returns:
            What enlarges it best.

        Raises:
            InputError: ``image`` is of the wrong type or shape.
        """
        colour, _ = read_colour(check_pixels(image))
        return self._choose(Source.from_picture(colour))

    def _choose(self, source: Source) -> Upscaler:
        samples = _cut_samples(source)
        by_sensor, by_processed = (_clean(samples, upscaler) for upscaler in (self._sensor, self._processed))
        removed_luma, removed_colour = _measure_noise(samples - by_sensor)
        left_luma, _ = _measure_noise(by_sensor - by_processed)
        is_left = left_luma > max(_LEAST_LEFT, _LEAST_SHARE * removed_luma)
        is_coloured = removed_colour > _MOST_COLOUR * left_luma + _COLOUR_FLOOR
        return self._processed if is_left and not is_coloured else self._sensor


def open_upscaler(model: str, **options: Any) -> Upscaler | AutoUpscaler:
    """Opens a model, or the choice between models where its name is :data:`AUTO`.

    Args:
        model: name or path.
        options: further arguments of :class:`Upscaler`.

    Raises:
        SrdganError: see :class:`Upscaler`.
    """
    return AutoUpscaler(**options) if model == AUTO else Upscaler(model, **options)


def choose_upscaler(opened: Upscaler | AutoUpscaler, image: Pixels) -> tuple[Upscaler, tuple[str, ...]]:
    """What enlarges a picture: the upscaler, or the one that it chooses, with a note if that is the unusual one."""
    if isinstance(opened, Upscaler):
        return opened, ()
    upscaler = opened.choose(image)
    is_usual = upscaler.name.startswith(SENSOR)
    return upscaler, () if is_usual else (f"its noise calls for {upscaler.name}",)


def _cut_samples(source: Source) -> Tensor:
    """Cuts samples that lie evenly spread in one picture.

    Returns:
        ``(N, 3, h, w)`` float32 in [0, 1].
    """
    height, width = source.height, source.width
    per_side = math.isqrt(int(height * width * _SAMPLED_PART)) // _SIDE
    count = min(max(per_side, 1), _MOST_SAMPLES)
    rows, columns = (_spread(length, count) for length in (height, width))
    boxes = [Box(x, y, min(_SIDE, width), min(_SIDE, height)) for y in rows for x in columns]
    return torch.cat([source.read(box) for box in boxes]).clamp(0, 1)


def _spread(length: int, count: int) -> list[int]:
    """Where ``count`` samples begin on an axis: each in the middle of its part, where the axis is long enough."""
    last = max(length - _SIDE, 0)
    return [min(max(length * (2 * i + 1) // (2 * count) - _SIDE // 2, 0), last) for i in range(count)]


def _clean(samples: Tensor, upscaler: Upscaler) -> Tensor:
    """The samples without what a model takes for noise, in their own size."""
    return resize_bicubic(upscaler(samples), *samples.shape[2:])


def _measure_noise(noise: Tensor) -> tuple[float, float]:
    """Root mean square of luma, and of what the channels differ from it by: the medians over all blocks.

    Args:
        noise: ``(N, 3, h, w)``.
    """
    luma = torch.einsum("nchw,c->nhw", noise, noise.new_tensor(_LUMA))[:, None]
    block = min(_BLOCK, *noise.shape[2:])
    squares = (F.avg_pool2d(part.square().mean(1), block) for part in (luma, noise - luma))
    return tuple(float(square.median().sqrt()) for square in squares)  # type: ignore[return-value]
