"""HEIC and HEIF files, as iPhones write them: decoded by libheif through the optional package pillow_heif."""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from srdgan_rt.image.depth import expand_bits
from srdgan_rt.image.metadata_blocks import make_metadata
from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.picture import Picture
from srdgan_rt.image.size_limit import SizeCheck
from srdgan_rt.pixels import Pixels


def read_heic(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes the primary picture of a HEIC file, upright; see :func:`srdgan_rt.image.read_picture`."""
    pillow_heif = importlib.import_module("pillow_heif")
    container = pillow_heif.open_heif(io.BytesIO(path.read_bytes()), convert_hdr_to_8bit=False)
    primary = container[container.primary_index]  # decodes no pixels yet
    width, height = primary.size
    check_size(height, width)
    info = primary.info
    notes = []
    if len(container) > 1:
        notes.append(f"the primary one of {len(container)} pictures was taken")
    if info.get("aux") or info.get("depth_images"):
        notes.append("HEIC: auxiliary pictures (HDR gain map, depth) were left out")
    colour = info.get("nclx_profile") or {}
    metadata = make_metadata(
        info.get("exif"),
        info.get("icc_profile"),
        info.get("xmp"),
        (colour.get("color_primaries", 2), colour.get("transfer_characteristics", 2)),
    )
    # libheif turns the picture as the container says; EXIF's orientation only repeats that.
    return make_upright(Picture(_decode(primary), metadata, "heic", tuple(notes)), is_turned=True)


def _decode(primary: Any) -> Pixels:
    """uint16 where the file has more than 8 bits, grey where it is."""
    pixels = np.array(primary)
    bits = int(primary.info["bit_depth"])
    return expand_bits(pixels >> (16 - bits), bits) if pixels.dtype == np.uint16 else pixels
