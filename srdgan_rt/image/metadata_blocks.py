"""Metadata of WebP, AVIF and HEIC files, which all have them as three blocks: EXIF, ICC, XMP."""

from __future__ import annotations

from srdgan_rt.image.metadata import exif
from srdgan_rt.image.metadata.ifd import DamagedTagsError
from srdgan_rt.image.picture import Metadata

# Primaries and transfer of CICP that mean sRGB in practice: BT.709 or unspecified; sRGB, BT.709, BT.601 or unspecified.
_SRGB_PRIMARIES, _SRGB_TRANSFERS = (1, 2), (1, 2, 6, 13)


def make_metadata(
    exif_block: bytes | None, icc: bytes | None, xmp: bytes | None, colour: tuple[int, int] | None = None
) -> Metadata:
    """Metadata of a file.

    Args:
        exif_block: as stored, with or without its prefix.
        icc: ICC profile.
        xmp: XMP packet.
        colour: primaries and transfer by their numbers in CICP, which count where there is no profile.
    """
    block = exif.strip_prefix(exif_block) if exif_block is not None else None
    try:
        dpi = exif.get_dpi(block) if block is not None else None
    except DamagedTagsError:
        dpi = None
    return Metadata(block, icc, xmp, dpi, png_colour=_describe_colour(colour) if icc is None else ())


def list_blocks(metadata: Metadata) -> dict[str, bytes]:
    """The blocks that there are, by the names of Pillow's options for them; the resolution is in EXIF.

    Args:
        metadata: already updated for the pixels.
    """
    block = exif.with_dpi(metadata.exif, metadata.dpi) if metadata.dpi is not None else metadata.exif
    blocks = {"exif": block, "icc_profile": metadata.icc, "xmp": metadata.xmp}
    return {name: value for name, value in blocks.items() if value is not None}


def _describe_colour(colour: tuple[int, int] | None) -> tuple[tuple[bytes, bytes], ...]:
    """The colour space as PNG's chunk for it; nothing for sRGB."""
    if colour is None or max(colour) > 255:
        return ()
    primaries, transfer = colour
    if primaries in _SRGB_PRIMARIES and transfer in _SRGB_TRANSFERS:
        return ()
    return ((b"cICP", bytes([primaries, transfer, 0, 1])),)
