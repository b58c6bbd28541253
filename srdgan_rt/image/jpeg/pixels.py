"""Decodes the pixels of JPEG files; missing pixels are an error.

libjpeg gives the same warning, about bytes that are left over, for two different files. One has a few stray bytes after
its last pixel. In the other the second half was overwritten with zeros; these decode to pixels, too, but fewer bytes
are needed. Therefore the last byte that the pixels need is searched, and the bytes around it tell the two apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import imagecodecs
import numpy as np
import simplejpeg  # type: ignore[import-untyped]

from srdgan_rt.image.depth import expand_bits
from srdgan_rt.image.jpeg.stream import JpegStream
from srdgan_rt.pixels import Pixels

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
    """A decoder, and a test for missing data.

    Attributes:
        decode: pixels of a stream.
        find_missing: the error if a scan of the stream ends at the given position; "" if no pixels are missing.
        is_strict: whether ``decode`` itself raises ValueError wherever libjpeg warns.
    """

    decode: Callable[[bytes], Pixels]
    find_missing: Callable[[JpegStream, int], str]
    is_strict: bool


def _choose_decoder(stream: JpegStream) -> _Decoder:
    if stream.precision == 8 and _has_named_sampling(stream):
        return _strict_decoder(_COLOUR_SPACES.get(stream.num_components, "RGB"))
    return _lenient_decoder(stream.precision)


def _has_named_sampling(stream: JpegStream) -> bool:
    """Whether TurboJPEG supports the sampling factors."""
    try:
        simplejpeg.decode_jpeg_header(stream.data)
    except ValueError as error:
        if "subsampling" in str(error):
            return False
        raise
    except KeyError:  # simplejpeg has no name for it, but decodes it
        return True
    return True


def _strict_decoder(colour_space: str) -> _Decoder:
    def decode(data: bytes) -> Pixels:
        pixels: Pixels = simplejpeg.decode_jpeg(data, colorspace=colour_space, strict=True)
        return pixels[..., 0] if colour_space == "GRAY" else pixels

    def find_missing(stream: JpegStream, end: int) -> str:
        try:
            simplejpeg.decode_jpeg(stream.cut_off(end), colorspace=colour_space, min_factor=8, strict=True)
        except ValueError as error:
            return "" if "extraneous bytes before marker 0xd9" in str(error) else str(error)
        return ""

    return _Decoder(decode, find_missing, is_strict=True)


def _lenient_decoder(precision: int) -> _Decoder:
    """libjpeg without its warnings. Missing pixels show, because they depend on the bytes that follow the scan."""

    def decode(data: bytes) -> Pixels:
        pixels: Pixels = imagecodecs.jpeg8_decode(data)
        return pixels

    def find_missing(stream: JpegStream, end: int) -> str:
        is_whole = np.array_equal(decode(stream.cut_off(end)), decode(stream.cut_off(end, _FILLER)))
        return "" if is_whole else "truncated: JPEG pixels are missing"

    return _Decoder(lambda data: expand_bits(decode(data), precision), find_missing, is_strict=False)


def _drop_stray_bytes(stream: JpegStream, decoder: _Decoder) -> tuple[JpegStream, int]:
    """Removes stray bytes at the end of each scan; raises ValueError where they are a sign of missing pixels."""
    whole = stream
    for index in range(len(stream.scans)):
        inner = whole.list_intervals(index)[:-1]
        if len(stream.scans) == 1 and len(inner) < _MAX_INTERVALS:
            for begin, end in reversed(inner):  # backwards, so that earlier positions stay valid
                piece = whole.extract_interval(begin, end)
                needed = _find_needed_end(piece, *piece.scans[0], decoder) - piece.scans[0][0]
                whole = _drop_after(whole, begin, begin + needed, end)
        begin, end = whole.list_intervals(index)[-1]
        whole = _drop_after(whole, begin, _find_needed_end(whole, begin, end, decoder), end)
    return whole, len(stream.data) - len(whole.data)


def _drop_after(stream: JpegStream, begin: int, needed: int, end: int) -> JpegStream:
    """The stream without the bytes from ``needed`` to ``end`` of its entropy-coded data."""
    if needed < end and not _is_harmless(stream.data[begin:needed], stream.data[needed:end]):
        raise ValueError(f"damaged: {end - needed:,} bytes are left over after JPEG pixels")
    return stream.without(needed, end)


def _find_needed_end(stream: JpegStream, begin: int, end: int, decoder: _Decoder) -> int:
    """The smallest end position of a scan with which no pixels are missing."""
    if lack := decoder.find_missing(stream, end):
        raise ValueError(lack)
    enough, short, step = end, end - 1, 1
    while short > begin and not decoder.find_missing(stream, short):  # step back, each step four times longer
        step *= 4
        enough, short = short, max(begin, end - step)
    while enough - short > 1:
        middle = (enough + short) // 2
        if decoder.find_missing(stream, middle):
            short = middle
        else:
            enough = middle
    return enough


def _is_harmless(needed: bytes, stray: bytes) -> bool:
    """Whether bytes after the pixels are only padding or a few stray bytes.

    If the end of a file was overwritten with one value, mostly zero, the last byte needed has this value, too: some of
    the overwritten bytes were decoded to pixels.
    """
    is_padding = stray.count(stray[:1]) == len(stray)
    return (is_padding or len(stray) <= _MAX_STRAY_BYTES) and not needed.endswith(stray[:1])
