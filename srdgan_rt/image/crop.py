"""Metadata of a region of a picture."""

from __future__ import annotations

from dataclasses import replace

from srdgan_rt.image.metadata.transform import GeometricTransform
from srdgan_rt.image.metadata.update import update_metadata
from srdgan_rt.image.picture import Picture


def crop_metadata(picture: Picture, height: int, width: int) -> Picture:
    """Updates the metadata of a picture for a region that is cut out of it; the pixels stay as they are.

    Sizes become those of the region. Places in the whole picture (faces, the subject, a panorama) are dropped.

    Args:
        picture: the whole picture.
        height: rows of the region.
        width: columns of the region.

    Returns:
        The picture with new metadata, and a note for each kind that was dropped.
    """
    size = (height, width)
    metadata, notes = update_metadata(picture.metadata, GeometricTransform(1, size, size, is_crop=True))
    return replace(picture, metadata=metadata, notes=tuple(dict.fromkeys((*picture.notes, *notes))))
