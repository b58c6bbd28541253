"""PNG's colour chunks, and their conversion to an ICC profile for formats without such chunks."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

Chunks = tuple[tuple[bytes, bytes], ...]
Curve = Callable[[NDArray[Any]], NDArray[Any]]

# Sizes in bytes. mDCv and cLLi are the names that the last two had in drafts of the standard.
COLOUR_CHUNKS = {
    b"cICP": 4,
    b"sRGB": 1,
    b"gAMA": 4,
    b"cHRM": 32,
    b"mDCV": 24,
    b"mDCv": 24,
    b"cLLI": 8,
    b"cLLi": 8,
}
_MASTERING = (b"mDCV", b"mDCv", b"cLLI", b"cLLi")

_D65 = (0.3127, 0.3290)
_SRGB_PRIMARIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_SRGB_GAMMA = 45455  # what PNG files that mean sRGB have in gAMA
# Code points of ITU-T H.273: white, then x and y of red, green and blue.
_PRIMARIES = {
    1: (_D65, _SRGB_PRIMARIES),
    5: (_D65, (0.64, 0.33, 0.29, 0.60, 0.15, 0.06)),
    6: (_D65, (0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    7: (_D65, (0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    9: (_D65, (0.708, 0.292, 0.170, 0.797, 0.131, 0.046)),
    11: ((0.314, 0.351), (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    12: (_D65, (0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
}
_PQ, _HLG = 16, 18
_HDR_NAMES = {_PQ: "PQ", _HLG: "HLG"}
_REFERENCE_WHITE = 203.0  # cd/m2 of ordinary white in a PQ picture (ITU-R BT.2408)
_HLG_REFERENCE = 0.75  # the signal of the same white in HLG
_CURVE_SIZE = 4096


def _decode_srgb(signal: NDArray[Any]) -> NDArray[Any]:
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def _decode_bt709(signal: NDArray[Any]) -> NDArray[Any]:
    return np.where(signal < 0.081, signal / 4.5, ((signal + 0.099) / 1.099) ** (1 / 0.45))


def _decode_pq(signal: NDArray[Any]) -> NDArray[Any]:
    powered = signal ** (1 / 78.84375)
    light = (np.maximum(powered - 0.8359375, 0) / (18.8515625 - 18.6875 * powered)) ** (1 / 0.1593017578125)
    return np.asarray(light * (10_000 / _REFERENCE_WHITE))


def _decode_hlg(signal: NDArray[Any]) -> NDArray[Any]:
    def decode(values: NDArray[Any]) -> NDArray[Any]:
        return np.where(values <= 0.5, values**2 / 3, (np.exp((values - 0.55991073) / 0.17883277) + 0.28466892) / 12)

    return np.asarray(decode(signal) / decode(np.array(_HLG_REFERENCE)))


_TRANSFERS: dict[int, Curve] = {
    **dict.fromkeys((1, 6, 14, 15), _decode_bt709),
    4: lambda signal: signal**2.2,
    5: lambda signal: signal**2.8,
    8: lambda signal: signal,
    13: _decode_srgb,
    _PQ: _decode_pq,
    _HLG: _decode_hlg,
}


def is_valid_colour_chunk(kind: bytes, body: bytes) -> bool:
    """Whether a colour chunk has the size and the values that PNG allows."""
    return len(body) == COLOUR_CHUNKS[kind] and not (kind == b"gAMA" and body == bytes(4))


def make_profile(chunks: Chunks, icc: bytes | None, *, is_grey: bool, format_: str) -> tuple[bytes | None, list[str]]:
    """Makes an ICC profile that describes the same colours, for formats without these chunks.

    Args:
        chunks: kind and body of the colour chunks.
        icc: the file's profile; ``cICP`` has precedence over it, the other chunks have not.
        is_grey: whether the pixels are greyscale.
        format_: named in the notes.

    Returns:
        The profile, None where the colours are sRGB, the default; and notes about what is lost.
    """
    found = dict(chunks)
    notes: list[str] = []
    if b"cICP" in found:
        primaries, transfer, _, full_range = found[b"cICP"]
        if (primaries, transfer, full_range) == (1, 13, 1):
            return None, notes
        if transfer in _HDR_NAMES:
            notes.append(
                f"{format_} has no cICP chunk for {_HDR_NAMES[transfer]} (HDR) colours: "
                "an ICC profile shows them up to ordinary white"
            )
        elif any(kind in found for kind in _MASTERING):
            notes.append(f"{format_} has no place for mDCV and cLLI (mastering display): dropped")
        if icc is not None and transfer in _HDR_NAMES:
            return icc, notes  # the file provides it for readers without support of cICP
        if primaries in _PRIMARIES and transfer in _TRANSFERS and full_range == 1:
            white, red_green_blue = _PRIMARIES[primaries]
            return _build(white, red_green_blue, _TRANSFERS[transfer], is_grey=is_grey), notes
        codes = ", ".join(str(code) for code in found[b"cICP"])
        return icc, [f"colours by cICP {codes} cannot be expressed in {format_}: they may look different"]
    if icc is not None or b"sRGB" in found or not {b"gAMA", b"cHRM"} & found.keys():
        return icc, notes
    return _make_from_gamma(found, is_grey=is_grey), notes


def _make_from_gamma(found: dict[bytes, bytes], *, is_grey: bool) -> bytes | None:
    white, primaries = _D65, _SRGB_PRIMARIES
    if b"cHRM" in found:
        values = tuple(value / 100_000 for value in struct.unpack(">8I", found[b"cHRM"]))
        white, primaries = (values[0], values[1]), values[2:]
    (gamma,) = struct.unpack(">I", found.get(b"gAMA", struct.pack(">I", _SRGB_GAMMA)))
    is_srgb_curve = abs(gamma - _SRGB_GAMMA) <= 1000
    chromaticities, usual = np.array((*white, *primaries)), np.array((*_D65, *_SRGB_PRIMARIES))
    if is_srgb_curve and (is_grey or np.abs(chromaticities - usual).max() < 0.002):
        return None
    if is_srgb_curve and b"gAMA" not in found:
        return _build(white, primaries, _decode_srgb, is_grey=is_grey)
    return _build(white, primaries, lambda signal: signal ** (100_000 / gamma), is_grey=is_grey)


def _build(white: tuple[float, ...], primaries: tuple[float, ...], decode: Curve, *, is_grey: bool) -> bytes | None:
    """A profile by littleCMS; None where the numbers describe no valid colour space."""
    light = np.clip(decode(np.linspace(0, 1, _CURVE_SIZE)), 0, 1)
    curve = np.rint(light * 65535).astype(np.uint16)
    try:
        if is_grey:
            return bytes(imagecodecs.cms_profile("gray", transferfunction=curve))
        coordinates = [value for i in (0, 2, 4) for value in (*primaries[i : i + 2], 1.0)]
        profile = imagecodecs.cms_profile(
            "rgb", whitepoint=(*white, 1.0), primaries=coordinates, transferfunction=curve
        )
        return bytes(profile)
    except (imagecodecs.CmsError, ValueError):
        return None
