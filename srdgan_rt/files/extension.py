"""Formats of results."""

from __future__ import annotations

import enum


class Extension(str, enum.Enum):
    """Formats of results, as ``--ext`` names them; ``auto`` keeps that of the picture where it can be written."""

    AUTO = "auto"
    PNG = "png"
    JPG = "jpg"
    TIFF = "tiff"
    WEBP = "webp"
    AVIF = "avif"
