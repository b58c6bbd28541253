"""The interface of ``RealESRGANer``, for programs that were written for it."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from srdgan_rt.pixels import Pixels, check_pixels


class Upscale(Protocol):
    """Enlarges a picture: :meth:`srdgan_rt.runtime.Upscaler.upscale`."""

    def __call__(self, image: Pixels, *, outscale: float | None) -> Pixels:
        """RGB in, RGB out."""


def enhance(
    upscale: Upscale, bgr: Pixels, outscale: float | None = None, alpha_upsampler: str = "realesrgan"
) -> tuple[Pixels, str]:
    """Does what ``RealESRGANer.enhance`` does, but the dtype decides the depth, not the largest value.

    Args:
        upscale: enlarges RGB pictures.
        bgr: a picture as OpenCV reads it: ``(H, W)`` grey, ``(H, W, 3)`` BGR or ``(H, W, 4)`` BGRA; uint8, uint16, or
            float32 in [0, 1].
        outscale: enlargement of the result; None is the network's own.
        alpha_upsampler: ignored; alpha is always enlarged as :meth:`srdgan_rt.runtime.Upscaler.upscale` does it.

    Returns:
        The enlarged picture in the layout and dtype of ``bgr``, and its mode: ``L``, ``LA``, ``RGB`` or ``RGBA``.

    Raises:
        InputError: the picture or the factor is not valid.
    """
    picture = check_pixels(bgr)
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    if channels < 3:
        return upscale(picture, outscale=outscale), "L" if channels == 1 else "LA"
    order = [2, 1, 0, 3][:channels]
    result = upscale(picture[..., order], outscale=outscale)
    return np.ascontiguousarray(result[..., order]), "RGB" if channels == 3 else "RGBA"
