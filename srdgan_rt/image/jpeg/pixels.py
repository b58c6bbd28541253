"""Pixels of JPEG files, complete or not at all.

Decoders fill in what is missing, and libjpeg's one message about bytes that are left over stands for two very
different files: one with a few stray bytes after its last pixel, and one whose second half is zeros, which also decode
to pixels, but to fewer bytes of them. Hence, where something is left over, the last byte that the pixels need is
looked for, and the bytes around it tell which of the two it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import imagecodecs
import numpy as np
import simplejpeg  # type: ignore[import-untyped]

from srdgan_rt.image.depth import map_rows
from srdgan_rt.image.jpeg.stream import JpegStream
from srdgan_rt.pixels import Pixels, white_level

_COLOUR_SPACES = {1: "GRAY", 3: "RGB", 4: "CMYK"}
_MAX_INTERVALS = 1 << 16  # bounds the time for hostile files; a photograph has some hundreds
_MAX_STRAY_BYTES = 32  # of arbitrary content at the end of a scan
_FILLER = b"\xa5\x3c\x5a\xc3" * 16


def decode_pixels(stream: JpegStream) -> tuple[Pixels, int]:
    """Decodes a JPEG stream.

    Returns:
        ``(H, W)`` grey, ``(H, W, 3)`` RGB or ``(H, W, 4)`` CMYK as stored, uint8 or, from more than 8 bits a sample,
        uint16 over its full range; and the number of stray bytes that were found after the pixels.

    Raises:
        ValueError: some pixels are missing, or the file is damaged otherwise.
    """
    decoder = _choose_decoder(stream)
    try:
        pixels = decoder.decode(stream.data)
        if decoder.is_strict:
            return pixels, 0
    except ValueError:
        if not decoder.is_strict:
            raise
    whole, num_stray = _drop_stray_bytes(stream, decoder)
    if num_stray or decoder.is_strict:
        pixels = decoder.decode(whole.data)
    return pixels, num_stray


@dataclass(frozen=True)
class _Decoder:
    """A decoder, and a way to find out whether it has to make up pixels for want of data.

    Attributes:
        decode: pixels of a stream.
        find_lack: what is missing from a scan if it ends at the given position of a stream; "" if nothing is.
        is_strict: whether ``decode`` itself raises ValueError wherever libjpeg warns.
    """

    decode: Callable[[bytes], Pixels]
    find_lack: Callable[[JpegStream, int], str]
    is_strict: bool


def _choose_decoder(stream: JpegStream) -> _Decoder:
    if stream.precision == 8 and _has_named_sampling(stream):
        return _strict_decoder(_COLOUR_SPACES.get(stream.num_components, "RGB"))
    return _filling_decoder(stream.precision)


def _has_named_sampling(stream: JpegStream) -> bool:
    """Whether TurboJPEG has a name for the sampling factors; it decodes no others."""
    try:
        simplejpeg.decode_jpeg_header(stream.data)
    except ValueError as error:
        if "subsampling" in str(error):
            return False
        raise
    except KeyError:  # simplejpeg decodes this one, but does not know its name
        return True
    return True


def _strict_decoder(colour_space: str) -> _Decoder:
    def decode(data: bytes) -> Pixels:
        pixels: Pixels = simplejpeg.decode_jpeg(data, colorspace=colour_space, strict=True)
        return pixels[..., 0] if colour_space == "GRAY" else pixels

    def find_lack(stream: JpegStream, end: int) -> str:
        try:
            simplejpeg.decode_jpeg(stream.cut_off(end), colorspace=colour_space, min_factor=8, strict=True)
        except ValueError as error:
            return "" if "extraneous bytes before marker 0xd9" in str(error) else str(error)
        return ""

    return _Decoder(decode, find_lack, is_strict=True)


def _filling_decoder(precision: int) -> _Decoder:
    """libjpeg without its warnings: where pixels are missing, they change with the bytes that follow."""

    def decode(data: bytes) -> Pixels:
        pixels: Pixels = imagecodecs.jpeg8_decode(data)
        return pixels

    def find_lack(stream: JpegStream, end: int) -> str:
        is_whole = np.array_equal(decode(stream.cut_off(end)), decode(stream.cut_off(end, _FILLER)))
        return "" if is_whole else "truncated: JPEG pixels are missing"

    return _Decoder(lambda data: _to_full_range(decode(data), precision), find_lack, is_strict=False)


def _to_full_range(pixels: Pixels, bits: int) -> Pixels:
    if bits in (8, 16):
        return pixels
    dtype = np.uint8 if bits < 8 else np.uint16
    scale = white_level(dtype) / ((1 << bits) - 1)
    return map_rows(pixels, lambda block: np.rint(block.astype(np.float64) * scale), pixels.shape, dtype)


def _drop_stray_bytes(stream: JpegStream, decoder: _Decoder) -> tuple[JpegStream, int]:
    """Takes out the bytes at the end of each scan that its pixels do not need, if they are no sign of missing data."""
    whole = stream
    for index in range(len(stream.scans)):
        inner = whole.list_intervals(index)[:-1]
        if len(stream.scans) == 1 and len(inner) < _MAX_INTERVALS:
            for begin, end in reversed(inner):  # from the last on, so that positions stay true
                piece = whole.extract_interval(begin, end)
                needed = _find_needed_end(piece, *piece.scans[0], decoder) - piece.scans[0][0]
                whole = _drop_after(whole, begin, begin + needed, end)
        begin, end = whole.list_intervals(index)[-1]
        whole = _drop_after(whole, begin, _find_needed_end(whole, begin, end, decoder), end)
    return whole, len(stream.data) - len(whole.data)


def _drop_after(stream: JpegStream, begin: int, needed: int, end: int) -> JpegStream:
    """The stream without the bytes after ``needed`` of a run of entropy-coded data."""
    if needed < end and not _is_harmless(stream.data[begin:needed], stream.data[needed:end]):
        raise ValueError(f"damaged: {end - needed:,} bytes are left over after JPEG pixels")
    return stream.without(needed, end)


def _find_needed_end(stream: JpegStream, begin: int, end: int, decoder: _Decoder) -> int:
    """The least end of a scan with which nothing is missing."""
    if lack := decoder.find_lack(stream, end):
        raise ValueError(lack)
    enough, short, step = end, end - 1, 1
    while short > begin and not decoder.find_lack(stream, short):  # ever longer steps back
        step *= 4
        enough, short = short, max(begin, end - step)
    while enough - short > 1:
        middle = (enough + short) // 2
        if decoder.find_lack(stream, middle):
            short = middle
        else:
            enough = middle
    return enough


def _is_harmless(needed: bytes, stray: bytes) -> bool:
    """Whether bytes after the pixels are mere padding or a few strays.

    A file whose end was overwritten with one value, mostly zero, has this value on both sides of the last byte needed:
    the first ones were taken for pixels.
    """
    is_padding = stray.count(stray[:1]) == len(stray)
    return (is_padding or len(stray) <= _MAX_STRAY_BYTES) and not needed.endswith(stray[:1])
