"""AVIF files: 8 bits and metadata by Pillow; more bits are decoded by imagecodecs, and encoded by OpenCV."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import imagecodecs
import numpy as np
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile

from srdgan_rt.image.depth import expand_bits, reduce_bits
from srdgan_rt.image.metadata.exif import ORIENTATION
from srdgan_rt.image.metadata.exif_edit import remove_tags
from srdgan_rt.image.metadata.ifd import DamagedTagsError, read_header
from srdgan_rt.image.metadata_blocks import list_blocks, make_metadata
from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.picture import Metadata, Picture
from srdgan_rt.image.size_limit import SizeCheck
from srdgan_rt.pixels import Pixels

MAX_SIDE = 32768  # libavif decodes no larger one
_HIGH_DEPTH, _TWELVE_BITS, _MONOCHROME = 0x40, 0x20, 0x10  # flags in the third byte of the box av1C
_FULL_COLOUR_FROM = 90  # quality from which colour keeps its full resolution, as in JPEG files
_SPEED = 6  # Pillow's default
_METADATA = {"exif": cv2.IMAGE_METADATA_EXIF, "icc_profile": cv2.IMAGE_METADATA_ICCP, "xmp": cv2.IMAGE_METADATA_XMP}


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
    # The first configuration of AV1 in the file. It may be that of the alpha channel, which has the same depth.
    flags = data[data.index(b"av1C") + 6]
    if flags & _HIGH_DEPTH and header.n_frames == 1:  # imagecodecs writes beyond its memory on animations
        bits = 12 if flags & _TWELVE_BITS else 10
        return expand_bits(imagecodecs.avif_decode(data), bits)
    pixels = np.array(header)
    has_alpha = pixels.ndim == 3 and pixels.shape[2] == 4
    # Pillow has no grey beside alpha. The colours are compared, because alpha is monochrome in every file.
    if flags & _MONOCHROME and has_alpha and (pixels[..., :2] == pixels[..., 2:3]).all():
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
    """Encodes an AVIF file: grey, RGB or RGBA, with 8 bits from uint8, else with 10 bits, or 12 at quality 100.

    Args:
        file: where to write.
        pixels: grey without alpha, RGB or RGBA.
        metadata: already updated for these pixels; the resolution has no place but EXIF.
        quality: 1..100. With 8 bits colour keeps its full resolution from 90 on, and even 100 is not quite lossless.
            With 10 bits colour has half the resolution; 12 bits are stored without loss.

    Returns:
        What was lost, one line each.
    """
    blocks = list_blocks(metadata)
    if pixels.dtype != np.uint8:
        return _write_deep(file, pixels, blocks, quality)
    options: dict[str, Any] = {"quality": quality, "speed": _SPEED}
    if pixels.ndim == 3:
        options["subsampling"] = "4:4:4" if quality >= _FULL_COLOUR_FROM else "4:2:0"
    if "exif" in blocks:
        blocks["exif"] = _without_orientation(blocks["exif"])
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "AVIF", **options, **blocks)
    return []


def _write_deep(file: BinaryIO, pixels: Pixels, blocks: dict[str, bytes], quality: int) -> list[str]:
    """Encodes with 10 or 12 bits; only OpenCV's encoder takes metadata beside them."""
    is_lossless = quality == 100
    bits = 12 if is_lossless else 10  # not all viewers know 12
    notes = [f"AVIF is written with {bits} bits a channel: converted from {pixels.dtype}"]
    samples = reduce_bits(pixels, bits)
    if samples.ndim == 3:
        samples = samples[..., [2, 1, 0, 3][: samples.shape[2]]]  # OpenCV's order is BGR
        if not is_lossless:  # OpenCV offers no other way
            notes.append("AVIF with 10 bits is written with colour at half the resolution; quality 100 keeps it")
    done, data = cv2.imencodeWithMetadata(
        ".avif",
        np.ascontiguousarray(samples),
        [_METADATA[name] for name in blocks],
        [np.frombuffer(block, np.uint8) for block in blocks.values()],
        [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, quality, cv2.IMWRITE_AVIF_SPEED, _SPEED],
    )
    if not done:
        raise ValueError("OpenCV cannot encode this picture")
    file.write(data.tobytes())
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
