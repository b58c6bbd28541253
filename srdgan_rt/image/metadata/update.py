"""Updates metadata after the pixels were turned or enlarged.

Sizes, positions and resolutions are changed to those of the new pixels; what cannot be updated is removed with a note.
"""

from __future__ import annotations

from dataclasses import replace

from srdgan_rt.image.metadata import exif, iptc
from srdgan_rt.image.metadata.exif_update import update_exif
from srdgan_rt.image.metadata.ifd import DamagedTagsError
from srdgan_rt.image.metadata.transform import GeometricTransform
from srdgan_rt.image.metadata.xmp import DamagedXmpError
from srdgan_rt.image.metadata.xmp_update import update_xmp
from srdgan_rt.image.picture import Metadata

_XMP_TAG, _IPTC_TAG, _PHOTOSHOP_TAG, _ICC_TAG = 0x02BC, 0x83BB, 0x8649, 0x8773


def extract_embedded(metadata: Metadata) -> Metadata:
    """Moves XMP, IPTC and ICC data, which some writers store in EXIF, to their own fields where these are empty."""
    if metadata.exif is None:
        return metadata
    try:
        block, found = exif.take_values(metadata.exif, (_XMP_TAG, _IPTC_TAG, _PHOTOSHOP_TAG, _ICC_TAG))
    except DamagedTagsError:
        return metadata  # update_metadata drops the block with a note
    records = found.get(_IPTC_TAG) or found.get(_PHOTOSHOP_TAG)
    return replace(
        metadata,
        exif=block,
        xmp=metadata.xmp or found.get(_XMP_TAG),
        icc=metadata.icc or found.get(_ICC_TAG),
        iptc=metadata.iptc or (None if records is None else iptc.clean(records)),
    )


def update_metadata(metadata: Metadata, transform: GeometricTransform) -> tuple[Metadata, list[str]]:
    """Updates EXIF, XMP and resolution.

    Args:
        metadata: those of the old picture.
        transform: how the pixels were changed.

    Returns:
        The metadata, and a note for each kind that was removed because it could not be updated.
    """
    block, packet, dpi = metadata.exif, metadata.xmp, metadata.dpi
    notes: list[str] = []
    if block is not None:
        try:
            block, removed = update_exif(block, transform)
            notes += removed
        except DamagedTagsError as error:
            block = None
            notes.append(f"damaged EXIF block dropped ({error})")
    if packet is not None:
        try:
            packet, removed = update_xmp(packet, transform)
            notes += removed
        except DamagedXmpError as error:
            packet = None
            notes.append(f"damaged XMP dropped ({error})")
    if dpi is not None and transform.exchanges_sides:
        dpi = (dpi[1], dpi[0])
    height, width = (round(side) for side in transform.after)
    return replace(metadata, exif=block, xmp=packet, dpi=dpi, described_size=(height, width)), notes
