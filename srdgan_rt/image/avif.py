"""AVIF files: Pillow (libavif) decodes and encodes 8 bits and metadata, imagecodecs decodes what has more bits."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile

from srdgan_rt.image.depth import convert_depth, expand_bits
from srdgan_rt.image.metadata.exif import ORIENTATION
from srdgan_rt.image.metadata.exif_edit import remove_tags
from srdgan_rt.image.metadata.ifd import DamagedTagsError, read_header
from srdgan_rt.image.metadata_blocks import list_pillow_options, make_metadata
from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.picture import Metadata, Picture
from srdgan_rt.image.size_limit import SizeCheck
from srdgan_rt.pixels import Pixels

MAX_SIDE = 32768  # libavif decodes no larger one
_HIGH_DEPTH, _TWELVE_BITS, _MONOCHROME = 0x40, 0x20, 0x10  # flags in the third byte of the box av1C
_LOSSLESS_COLOUR_FROM = 90  # quality from which colour keeps its full resolution, as in JPEG files


def read_avif(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes an AVIF file, or the first frame of an animation, upright; see :func:`read_picture`."""
    data = path.read_bytes()
    header = AvifImageFile(io.BytesIO(data))  # decodes no pixels yet
    check_size(header.height, header.width)
    pixels = _decode(data, header)
    notes = [f"animated: first of {header.n_frames} frames"] if header.n_frames > 1 else []
    # Where the container turns the picture, Pillow has put the same turn into the EXIF block.
    info = header.info
    metadata = make_metadata(info.get("exif"), info.get("icc_profile"), info.get("xmp"), _read_colour(data))
    return make_upright(Picture(pixels, metadata, "avif", tuple(notes)))


def _decode(data: bytes, header: AvifImageFile) -> Pixels:
    """The first frame: uint16 where it has more than 8 bits, grey where it is."""
    # The first configuration of AV1 in the file; the pictures of a file all have the same depth.
    flags = data[data.index(b"av1C") + 6]
    if flags & _HIGH_DEPTH and header.n_frames == 1:  # imagecodecs writes beyond its memory on animations
        bits = 12 if flags & _TWELVE_BITS else 10
        return expand_bits(imagecodecs.avif_decode(data), bits)
    pixels = np.array(header)
    if flags & _MONOCHROME and pixels.ndim == 3 and pixels.shape[2] == 4:  # Pillow has no grey beside alpha
        return np.ascontiguousarray(pixels[..., 2:])
    return pixels


def _read_colour(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of the colour space by their numbers in CICP."""
    position = data.find(b"colrnclx")
    if position < 0 or len(data) < position + 15:
        return None
    primaries, transfer = (int.from_bytes(data[position + start : position + start + 2], "big") for start in (8, 10))
    return primaries, transfer


def write_avif(file: BinaryIO, pixels: Pixels, metadata: Metadata, quality: int) -> list[str]:
    """Encodes an AVIF file: 8 bits, grey, RGB or RGBA.

    Args:
        file: where to write.
        pixels: any picture of :class:`Picture`.
        metadata: already updated for these pixels; the resolution has no place but EXIF.
        quality: 1..100; colour in full resolution from 90 on. Even 100 is not quite lossless.

    Returns:
        What was lost, one line each.
    """
    notes = []
    if pixels.dtype != np.uint8:
        notes.append(f"AVIF is written with 8 bits a channel: converted from {pixels.dtype}")
        pixels = convert_depth(pixels, np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 2:
        notes.append("AVIF is written without greyscale beside alpha: stored as RGB")
        pixels = pixels[..., [0, 0, 0, 1]]
    options: dict[str, Any] = {"quality": quality}
    if pixels.ndim == 3:
        options["subsampling"] = "4:4:4" if quality >= _LOSSLESS_COLOUR_FROM else "4:2:0"
    options |= list_pillow_options(metadata)
    if "exif" in options:
        options["exif"] = _without_orientation(options["exif"])
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "AVIF", **options)
    return notes


def _without_orientation(block: bytes) -> bytes:
    """The block without the tag, whose value is "upright". Pillow would write a block with this tag anew, and moving
    values breaks maker notes."""
    changed = bytearray(block)
    try:
        layout, first = read_header(changed)
        remove_tags(changed, layout, first, (ORIENTATION,))
    except DamagedTagsError:
        return block
    return bytes(changed)
