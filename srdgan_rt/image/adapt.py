"""Fits metadata to the format of the result: what the format cannot store is moved to another field or reported."""

from __future__ import annotations

from dataclasses import replace

from srdgan_rt.image.jpeg.segments import MAX_EXIF
from srdgan_rt.image.metadata.exif import MAX_DPI
from srdgan_rt.image.metadata.exif_text import store_texts
from srdgan_rt.image.metadata.exif_update import MAX_BLOCK
from srdgan_rt.image.metadata.ifd import DamagedTagsError
from srdgan_rt.image.metadata.xmp_update import set_format
from srdgan_rt.image.picture import Metadata
from srdgan_rt.image.png.colour import make_profile

# Dots per inch: 16 bits in JFIF; 31 bits per metre in PNG; EXIF's and TIFF's fractions.
_MAX_DPI = {"jpeg": 65_535, "png": 54_546_000, "tiff": MAX_DPI, "webp": MAX_DPI, "avif": MAX_DPI}


def adapt(metadata: Metadata, format_: str, channels: int) -> tuple[Metadata, list[str]]:
    """Fits metadata to a format.

    Args:
        metadata: updated for the pixels by :func:`srdgan_rt.image.metadata.update.update_metadata`.
        format_: "jpeg", "png", "tiff", "webp" or "avif".
        channels: 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA).

    Returns:
        Metadata that the format's writer can store; and notes, one line for each kind of metadata that is lost.
    """
    name, notes = {"webp": "WebP"}.get(format_, format_.upper()), []
    if format_ != "png":
        if metadata.png_colour:
            icc, lost = make_profile(metadata.png_colour, metadata.icc, is_grey=channels <= 2, format_=name)
            metadata = replace(metadata, icc=icc, png_colour=())
            notes += lost
        metadata, lost_texts = _move_texts(metadata, format_)
        if lost_texts:
            named = ", ".join(lost_texts[:5]) + (", ..." if len(lost_texts) > 5 else "")
            notes.append(f"{name} has no place for texts: {named} dropped")
    if metadata.xmp is not None:
        metadata = replace(metadata, xmp=set_format(metadata.xmp, f"image/{format_}"))
    if format_ in ("webp", "avif") and metadata.iptc is not None:
        metadata = replace(metadata, iptc=None)
        notes.append(f"{name} has no place for IPTC: dropped")
    if metadata.dpi is not None:
        metadata, lost = _limit_dpi(metadata, metadata.dpi, _MAX_DPI[format_], name)
        notes += lost
    return metadata, notes


def _move_texts(metadata: Metadata, format_: str) -> tuple[Metadata, list[str]]:
    """Moves texts to EXIF; JPEG files keep comments as they are. Returns the keywords of the texts that are lost."""
    is_kept = [format_ == "jpeg" and text.keyword == "Comment" for text in metadata.texts]
    kept = tuple(text for text, keep in zip(metadata.texts, is_kept, strict=True) if keep)
    moved = tuple(text for text, keep in zip(metadata.texts, is_kept, strict=True) if not keep)
    if not moved:
        return metadata, []
    max_size = MAX_EXIF if format_ == "jpeg" else MAX_BLOCK
    try:
        block, lost = store_texts(metadata.exif, moved, max_size)
    except DamagedTagsError:
        block, lost = metadata.exif, moved
    return replace(metadata, exif=block, texts=kept), list(dict.fromkeys(text.keyword for text in lost))


def _limit_dpi(metadata: Metadata, dpi: tuple[float, float], limit: int, name: str) -> tuple[Metadata, list[str]]:
    if not all(value > 0 for value in dpi):  # NaN is not above 0 either
        return replace(metadata, dpi=None), [f"resolution dropped: it must be above 0, got {dpi[0]:g} x {dpi[1]:g} dpi"]
    if max(dpi) <= limit:
        return metadata, []
    limited = (min(dpi[0], limit), min(dpi[1], limit))
    return replace(metadata, dpi=limited), [
        f"resolution of {max(dpi):,.0f} dpi reduced to {limit:,}: {name} holds no more"
    ]
