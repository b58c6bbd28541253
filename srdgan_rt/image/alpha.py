"""Fills colours under full transparency, which an enlarging filter would mix into the edges."""

from __future__ import annotations

import cv2
import numpy as np

from srdgan_rt.errors import InputError
from srdgan_rt.image.picture import Pixels


def bleed_colour(rgb: Pixels, alpha: Pixels) -> Pixels:
    """Gives fully transparent pixels the colour of the nearest pixel that is not.

    Their stored colour is arbitrary, mostly black. Enlarged as it is, it bleeds into the visible edge as a halo.

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
