"""Metadata of a region: sizes are those of the region, places in the whole picture are dropped, the rest stays."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from srdgan_rt.image import Metadata, Picture, crop_metadata, read_picture, write_picture

WIDTH, MAKE, EXIF_IFD, PIXEL_WIDTH, SUBJECT = 0x0100, 0x010F, 0x8769, 0xA002, 0x9214
XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 exif:PixelXDimension="40" exif:SubjectArea="20 10" xmp:Rating="3"/></rdf:RDF></x:xmpmeta>"""


def make_exif():
    exif = Image.Exif()
    exif[WIDTH], exif[MAKE] = 40, "Maker"
    exif[EXIF_IFD] = {PIXEL_WIDTH: 40, SUBJECT: (20, 10)}
    return exif.tobytes().removeprefix(b"Exif\0\0")


def test_places_are_dropped_and_sizes_are_those_of_the_region(tmp_path):
    whole = Picture(np.zeros((30, 40, 3), np.uint8), Metadata(exif=make_exif(), xmp=XMP))
    region = crop_metadata(whole, height=10, width=12)
    assert any("SubjectArea" in note for note in region.notes)
    path = tmp_path / "region.jpg"
    write_picture(path, Picture(np.zeros((40, 48, 3), np.uint8), region.metadata))  # enlarged four times
    exif = Image.open(io.BytesIO(path.read_bytes())).getexif()
    assert exif[MAKE].rstrip("\0") == "Maker"
    assert exif[WIDTH] == 48
    assert exif.get_ifd(EXIF_IFD)[PIXEL_WIDTH] == 48
    assert SUBJECT not in exif.get_ifd(EXIF_IFD)
    packet = read_picture(path).metadata.xmp
    assert b'PixelXDimension="48"' in packet
    assert b"SubjectArea" not in packet
    assert b'Rating="3"' in packet


def test_a_picture_without_places_has_no_notes():
    whole = Picture(np.zeros((30, 40, 3), np.uint8), Metadata(dpi=(72, 72)))
    region = crop_metadata(whole, height=10, width=12)
    assert region.notes == ()
    assert region.metadata.dpi == (72, 72)
