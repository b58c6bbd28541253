"""Alpha: laying a picture on white, undoing associated alpha, and the colours of transparent pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from srdgan_rt.errors import InputError
from srdgan_rt.image.depth import map_rows
from srdgan_rt.pixels import Pixels, white_level


def bleed_colour(rgb: Pixels, alpha: Pixels) -> Pixels:
    """Gives fully transparent pixels the colour of the nearest pixel that is not.

    The stored colour of transparent pixels is arbitrary, mostly black. An enlarging filter would mix it into the
    visible edge as a halo.

    Args:
        rgb: ``(H, W, 3)`` RGB or ``(H, W)`` grey, any dtype, alpha not multiplied in.
        alpha: ``(H, W)``, 0 where fully transparent.

    Returns:
        Colours of the same shape and dtype, unchanged wherever alpha is above 0; ``rgb`` itself where nothing or
        everything is transparent.

    Raises:
        InputError: the two are not of the same size.
    """
    if alpha.ndim != 2 or rgb.shape[:2] != alpha.shape:
        raise InputError(f"alpha must be (H, W) of the picture's size, got {alpha.shape} for {rgb.shape}")
    is_transparent = alpha == 0
    if not is_transparent.any() or is_transparent.all():
        return rgb
    # Every visible pixel becomes a source with a label of its own; each transparent one gets the nearest label.
    _, labels = cv2.distanceTransformWithLabels(
        is_transparent.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    source_of_label = np.zeros(int(labels.max()) + 1, np.int64)
    visible = np.flatnonzero(~is_transparent)
    source_of_label[labels.reshape(-1)[visible]] = visible
    hidden = np.flatnonzero(is_transparent)
    filled: Pixels = rgb.copy()
    colours = filled.reshape(alpha.size, -1)
    colours[hidden] = colours[source_of_label[labels.reshape(-1)[hidden]]]
    return filled


def flatten_on_white(pixels: Pixels) -> tuple[Pixels, bool]:
    """Lays a picture with alpha on white.

    Args:
        pixels: ``(H, W, 2)`` or ``(H, W, 4)``, alpha not multiplied in.

    Returns:
        ``(H, W)`` or ``(H, W, 3)`` of the same dtype, and whether anything was transparent at all.
    """
    colours = pixels.shape[2] - 1
    full = white_level(pixels.dtype)
    if bool((pixels[..., -1] == full).all()):
        flat = pixels[..., 0] if colours == 1 else pixels[..., :3]
        return np.ascontiguousarray(flat), False

    def flatten(block: NDArray[Any]) -> NDArray[Any]:
        colour, alpha = block[..., :colours].astype(np.float64), block[..., colours:].astype(np.float64) / full
        flat = colour * alpha + full * (1 - alpha)
        flat = flat if pixels.dtype.kind == "f" else np.rint(flat)
        return flat[..., 0] if colours == 1 else flat

    shape = pixels.shape[:2] if colours == 1 else (*pixels.shape[:2], 3)
    return map_rows(pixels, flatten, shape, pixels.dtype), True


def divide_by_alpha(pixels: Pixels) -> Pixels:
    """Takes a multiplied-in ("associated") alpha out of the colours of ``(H, W, 2 or 4)``."""
    full = white_level(pixels.dtype)

    def divide(block: NDArray[Any]) -> NDArray[Any]:
        colour, alpha = block[..., :-1].astype(np.float64), block[..., -1:].astype(np.float64)
        colour = np.minimum(np.divide(colour * full, alpha, out=np.zeros_like(colour), where=alpha > 0), full)
        colour = colour if pixels.dtype.kind == "f" else np.rint(colour)
        return np.concatenate([colour, alpha], axis=-1)

    return map_rows(pixels, divide, pixels.shape, pixels.dtype)
