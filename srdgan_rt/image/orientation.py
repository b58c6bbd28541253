"""Turns pictures upright, as the orientation in EXIF says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from srdgan_rt.image.metadata import exif
from srdgan_rt.image.metadata.ifd import DamagedTagsError
from srdgan_rt.image.metadata.transform import GeometricTransform
from srdgan_rt.image.metadata.update import extract_embedded, update_metadata
from srdgan_rt.image.picture import Picture
from srdgan_rt.pixels import Pixels


def turn(pixels: Pixels, orientation: int) -> Pixels:
    """Applies an EXIF orientation.

    Args:
        pixels: ``(H, W)`` or ``(H, W, C)`` as stored.
        orientation: 1..8. The names say where the first row and the first column belong: 1 top left,
            2 top right, 3 bottom right, 4 bottom left, 5 left top, 6 right top, 7 right bottom, 8 left bottom.

    Returns:
        The upright picture, contiguous; for 5..8 rows and columns are exchanged.
    """
    transform = GeometricTransform(orientation, (1, 1), (1, 1))
    if transform.exchanges_sides:
        pixels = pixels.swapaxes(0, 1)
    if transform.mirrors_rows:
        pixels = pixels[::-1]
    if transform.mirrors_columns:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def make_upright(picture: Picture, orientation: int | None = None, *, is_turned: bool = False) -> Picture:
    """Turns a picture upright and updates its metadata.

    Args:
        picture: as decoded.
        orientation: 1..8; None takes it from the picture's EXIF.
        is_turned: the pixels are upright already; only the metadata are not updated yet.

    Returns:
        The upright picture. Metadata that cannot be updated are removed, with a note.
    """
    metadata = extract_embedded(picture.metadata)
    if orientation is None:
        orientation = _get_orientation(metadata.exif)
    pixels = picture.pixels if is_turned else turn(picture.pixels, orientation)
    height, width = pixels.shape[:2]
    before = (width, height) if orientation >= 5 else (height, width)
    metadata, notes = update_metadata(metadata, GeometricTransform(orientation, before, (height, width)))
    return replace(picture, pixels=pixels, metadata=metadata, notes=tuple(dict.fromkeys((*picture.notes, *notes))))


def _get_orientation(block: bytes | None) -> int:
    try:
        return 1 if block is None else exif.get_orientation(block)
    except DamagedTagsError:
        return 1
