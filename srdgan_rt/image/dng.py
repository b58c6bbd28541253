"""DNG raw files, developed by LibRaw through the optional package rawpy."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.picture import Picture
from srdgan_rt.image.size_limit import SizeCheck
from srdgan_rt.image.tiff import read_metadata


def read_dng(path: Path, check_size: SizeCheck) -> Picture:
    """Develops a DNG file to 16-bit sRGB with the camera's white balance and no guessing of brightness, upright.

    See :func:`srdgan_rt.image.read_picture`.
    """
    try:
        rawpy = importlib.import_module("rawpy")
    except ImportError:
        raise ValueError("reading DNG needs the package rawpy: pip install rawpy") from None
    metadata, orientation, _ = read_metadata(path)  # dozens of tags about the raw data have no meaning any more
    with rawpy.imread(str(path)) as raw:
        check_size(raw.sizes.height, raw.sizes.width)
        # LibRaw turns the picture upright itself.
        pixels = raw.postprocess(
            output_bps=16, output_color=rawpy.ColorSpace.sRGB, use_camera_wb=True, no_auto_bright=True
        )
    # A profile in the file would describe its preview.
    metadata = replace(metadata, icc=None)
    notes = ("raw: developed to sRGB with the camera's white balance",)
    return make_upright(Picture(pixels, metadata, "dng", notes), orientation, is_turned=True)
