"""GIF: the first frame by Pillow; comments, XMP and ICC profiles from the extension blocks."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL.GifImagePlugin import GifImageFile

from srdgan_rt.image.orientation import make_upright
from srdgan_rt.image.palette import reduce_to_grey
from srdgan_rt.image.picture import Metadata, Picture, Text
from srdgan_rt.image.size_limit import SizeCheck

_COMMENT, _APPLICATION = 0xFE, 0xFF  # labels of extensions
_XMP, _ICC = b"XMP DataXMP", b"ICCRGBG1012"
# XMP is not divided into blocks. These bytes follow it, so that a reader of blocks, wherever it is, finds the end.
_XMP_TRAILER = bytes([1, *range(255, -1, -1), 0])
_ANIMATION = (b"NETSCAPE2.0", b"ANIMEXTS1.0")  # how often to play; dropped without a note


def read_gif(path: Path, check_size: SizeCheck) -> Picture:
    """Decodes the first frame of a GIF file, on its canvas; see :func:`srdgan_rt.image.read_picture`."""
    data = path.read_bytes()
    file = GifImageFile(io.BytesIO(data))
    check_size(file.height, file.width)
    left, top, right, bottom = file.tile[0].extents or (0, 0, *file.size)
    is_whole = (left, top, right, bottom) == (0, 0, *file.size)
    metadata, notes = read_gif_metadata(data)
    mode = "RGBA" if "transparency" in file.info or not is_whole else {"L": "L"}.get(file.mode, "RGB")
    pixels = np.array(file.convert(mode))
    if not is_whole:
        notes.append("the frame does not fill its canvas: the rest is transparent")
        on_canvas = np.zeros_like(pixels)
        on_canvas[top:bottom, left:right] = pixels[top:bottom, left:right]
        pixels = on_canvas
    if file.mode == "P":
        pixels = reduce_to_grey(pixels, metadata)
    if (num_frames := file.n_frames) > 1:
        notes.append(f"animated: first of {num_frames} frames")
    return make_upright(Picture(pixels, metadata, "gif", tuple(notes)))


def read_gif_metadata(data: bytes) -> tuple[Metadata, list[str]]:
    """The metadata of a GIF file, and notes about what is not kept."""
    texts: list[Text] = []
    found: dict[bytes, bytes] = {}
    unknown: list[str] = []
    for label, start, end, blocks in _iterate_extensions(data):
        body = b"".join(blocks[1:])
        name = blocks[0] if blocks else b""
        if label == _COMMENT and blocks:
            texts.append(Text("Comment", b"".join(blocks).decode("utf-8", "replace")))
        elif label == _APPLICATION and name == _XMP:
            found.setdefault(name, data[start + 12 : end].removesuffix(_XMP_TRAILER))
        elif label == _APPLICATION and name == _ICC:
            found.setdefault(name, body)
        elif label == _APPLICATION and name not in _ANIMATION:
            unknown.append(name.decode("ascii", "backslashreplace"))
    notes = [f"GIF extensions not kept: {', '.join(dict.fromkeys(unknown))}"] if unknown else []
    return Metadata(icc=found.get(_ICC), xmp=found.get(_XMP), texts=tuple(texts)), notes


def _iterate_extensions(data: bytes) -> Iterator[tuple[int, int, int, list[bytes]]]:
    """Label, first and last offset, and blocks of each extension, up to the first damage."""
    position = 13 + _measure_palette(data[10:11])
    while position + 2 < len(data):
        kind, label = data[position], data[position + 1]
        if kind == 0x21:
            start = position + 2
            blocks, position = _read_blocks(data, start)
            yield label, start, position, blocks
        elif kind == 0x2C:
            _, position = _read_blocks(data, position + 11 + _measure_palette(data[position + 9 : position + 10]))
        else:
            return


def _measure_palette(flags: bytes) -> int:
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _read_blocks(data: bytes, position: int) -> tuple[list[bytes], int]:
    """The blocks from an offset on, and the offset behind the empty one that ends them."""
    blocks = []
    while position < len(data) and data[position]:
        blocks.append(data[position + 1 : position + 1 + data[position]])
        position += 1 + data[position]
    return blocks, position + 1
