"""EXIF blocks are patched where they lie."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srdgan_rt.image.metadata import exif, exif_update
from srdgan_rt.image.metadata.ifd import DamagedTagsError
from srdgan_rt.image.metadata.transform import GeometricTransform

ORDERS = pytest.mark.parametrize("order", ["<", ">"])


def _enlarge(block, height, width, orientation=1, before=(3000, 4000)):
    return exif_update.update_exif(block, GeometricTransform(orientation, before, (height, width)))


@ORDERS
def test_patches_change_only_their_own_bytes(order, make_exif):
    block = make_exif(6, order, thumbnail=False)
    assert exif.get_orientation(block) == 6
    patched, notes = _enlarge(block, 3000, 4000)
    assert (len(patched), notes, exif.get_orientation(patched)) == (len(block), [], 1)
    assert sum(a != b for a, b in zip(block, patched, strict=True)) == 1
    patched, _ = _enlarge(block, 12_000, 16_000)
    assert len(patched) == len(block)
    assert sum(a != b for a, b in zip(block, patched, strict=True)) <= 5


@ORDERS
@pytest.mark.parametrize(("height", "width"), [(12_000, 16_000), (70_000, 100_000)])
def test_dimensions_are_brought_up_to_date(order, height, width, make_exif, read_exif):
    found = read_exif(_enlarge(make_exif(1, order), height, width)[0])
    assert (found["ExifImageHeight"], found["ExifImageWidth"]) == (height, width)


@ORDERS
def test_thumbnail_is_cut_off(order, make_exif, read_exif):
    block = make_exif(1, order)
    assert b"this is the thumbnail" in block
    assert read_exif(block)["thumbnail"]
    fitted, _ = _enlarge(block, 10, 10)
    assert len(fitted) < len(block)
    assert b"this is the thumbnail" not in fitted
    assert read_exif(fitted)["thumbnail"] == {}


def test_thumbnail_before_other_data_is_blanked_without_moving_these(make_exif, read_exif):
    block = make_exif() + b"a preview that the maker note points to"
    fitted, _ = _enlarge(block, 10, 10)
    assert len(fitted) == len(block)
    assert b"this is the thumbnail" not in fitted
    assert fitted.endswith(b"a preview that the maker note points to")


@ORDERS
def test_maker_note_stays_at_its_offset(order, make_exif):
    block = make_exif(8, order)
    fitted, _ = _enlarge(block, 10, 10)
    assert fitted.index(b"MAKER") == block.index(b"MAKER")


@ORDERS
def test_resolution_is_read_and_added(order, make_exif, read_exif):
    block = make_exif(1, order)
    assert exif.get_dpi(block) == (300.0, 300.0)
    assert exif.with_dpi(block, (72.0, 72.0)) == block
    assert exif.get_dpi(exif.with_dpi(None, (72.0, 96.5))) == (72.0, 96.5)
    unit = [struct.pack(order + "HHIH", 0x0128, 3, 1, value) for value in range(4)]
    in_centimetres = block.replace(unit[2], unit[3])
    assert exif.get_dpi(in_centimetres) == (762.0, 762.0)
    without_unit = block.replace(unit[2], unit[1])
    assert exif.get_dpi(without_unit) is None
    added = exif.with_dpi(without_unit, (150.0, 100.0))
    assert exif.get_dpi(added) == (150.0, 100.0)
    assert read_exif(added)["GPS"] == read_exif(block)["GPS"]
    assert added.index(b"MAKER") == block.index(b"MAKER")


@given(st.binary(max_size=200))
def test_random_bytes_never_raise_anything_else(data):
    for prefix in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"):
        for function in (exif.get_orientation, exif.get_dpi, lambda block: exif.take_values(block, (700,))):
            try:
                function(prefix + data)
            except DamagedTagsError:
                continue
        try:
            exif_update.update_exif(prefix + data, GeometricTransform(6, (3, 4), (16, 12)))
        except DamagedTagsError:
            continue
