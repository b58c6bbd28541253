"""Which page of a TIFF file is taken for the picture."""

import struct

import cv2
import numpy as np
import pytest
import tifffile

from srdgan_rt.errors import ImageReadError, ImageTooLargeError
from srdgan_rt.image import read_picture


@pytest.fixture
def picture(make_pixels):
    """A picture whose content a small copy shares and another picture does not."""
    pixels = make_pixels(96, 128)
    cv2.circle(pixels, (30, 60), 20, (250, 10, 10), -1)
    cv2.rectangle(pixels, (70, 10), (120, 40), (5, 5, 250), -1)
    return pixels


@pytest.fixture
def small(picture):
    return cv2.resize(picture, (16, 12), interpolation=cv2.INTER_AREA)


@pytest.fixture
def store(tmp_path):
    """Writes pages ``(pixels, options)``, each an IFD of the chain, and reads the file with the code under test."""

    def store_and_read(*pages, **read_options):
        path = tmp_path / "a.tif"
        with tifffile.TiffWriter(path) as file:
            for pixels, options in pages:
                file.write(pixels, metadata=None, **{"photometric": "rgb", **options})
        return read_picture(path, **read_options)

    return store_and_read


def test_reduced_page_first(store, picture, small):
    result = store((small, {"subfiletype": 1}), (picture, {}))
    np.testing.assert_array_equal(result.pixels, picture)
    assert any("number 2 of 2" in note for note in result.notes)


def test_old_tag_for_a_reduced_page(store, picture, small):
    result = store((small, {"extratags": [(255, 3, 1, 2, True)]}), (picture, {}))
    np.testing.assert_array_equal(result.pixels, picture)


def test_picture_in_a_sub_ifd_of_a_reduced_page(store, picture, small):
    medium = np.ascontiguousarray(picture[::2, ::2])
    result = store((small, {"subfiletype": 1, "subifds": 2}), (medium, {"subfiletype": 1}), (picture, {}))
    np.testing.assert_array_equal(result.pixels, picture)
    assert any("number 3 of 3" in note for note in result.notes)


def test_unmarked_smaller_copy_first(store, picture, small):
    result = store((small, {}), (picture, {}))
    np.testing.assert_array_equal(result.pixels, picture)


def test_pyramid_in_sub_ifds(store, picture, small):
    result = store((picture, {"subifds": 1}), (small, {"subfiletype": 1}))
    np.testing.assert_array_equal(result.pixels, picture)
    assert any("first of 2" in note for note in result.notes)


def test_larger_page_with_another_picture_is_not_taken(store, picture, small):
    other = np.ascontiguousarray(picture[::-1, ::-1])
    for page in (other, np.full_like(other, 200), np.ascontiguousarray(other[:50])):
        result = store((small, {}), (page, {}))
        np.testing.assert_array_equal(result.pixels, small)
        assert any("first of 2" in note for note in result.notes)


def test_mask_is_no_picture(store, picture):
    mask = np.zeros((192, 256), bool)
    np.testing.assert_array_equal(
        store((mask, {"subfiletype": 4, "photometric": "mask"}), (picture, {})).pixels, picture
    )
    np.testing.assert_array_equal(
        store((picture, {}), (mask, {"subfiletype": 4, "photometric": "mask"})).pixels, picture
    )


def test_only_reduced_pages(store, small):
    np.testing.assert_array_equal(store((small, {"subfiletype": 1})).pixels, small)


def test_first_page_speaks_for_a_page_without_metadata(store, picture, small, icc_rgb, xmp):
    words = [(271, 2, 6, "Maker", True), (274, 3, 1, 6, True), (700, 1, len(xmp), xmp, True)]
    thumbnail = {"subfiletype": 1, "iccprofile": icc_rgb, "extratags": words, "resolution": (72, 72)}
    result = store((small, thumbnail), (picture, {}))
    assert result.pixels.shape == (128, 96, 3)
    assert b"Maker" in result.metadata.exif
    assert result.metadata.icc == icc_rgb
    assert result.metadata.xmp is not None
    assert result.metadata.dpi is None
    turned = store((small, thumbnail), (picture, {"extratags": [(271, 2, 6, "Other", True), (274, 3, 1, 3, True)]}))
    assert turned.pixels.shape == picture.shape
    assert b"Other" in turned.metadata.exif


def test_limit_holds_for_the_page_that_is_taken(store, picture, small):
    for options in ({"subfiletype": 1}, {}):
        with pytest.raises(ImageTooLargeError, match="128 x 96"):
            store((small, options), (picture, {}), max_pixels=1000)


def test_page_that_cannot_be_read_is_not_replaced_by_its_thumbnail(store, picture, small):
    with pytest.raises(ImageReadError, match="LOGLUV"):
        store((small, {"subfiletype": 1}), (picture, {"photometric": "logluv"}))


def test_directories_that_refer_to_each_other_end(tmp_path, picture, small):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(small, photometric="rgb", metadata=None)
        file.write(picture, photometric="rgb", metadata=None)
    with tifffile.TiffFile(path) as file:
        last = file.pages[1]
        pointer = last.offset + 2 + 12 * len(last.tags)
        first = file.pages.first.offset
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, pointer, first)
    path.write_bytes(data)
    np.testing.assert_array_equal(read_picture(path).pixels, picture)


def test_hostile_chain_of_directories_ends_soon(tmp_path, picture, monkeypatch):
    monkeypatch.setattr("srdgan_rt.image.metadata.ifd._MAX_ENTRIES", 1000)
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for _ in range(100):
            file.write(picture[:2, :2], photometric="rgb", metadata=None)
    notes = read_picture(path).notes
    (num_pages,) = (int(note.split()[-1]) for note in notes if "several pages" in note)
    assert 50 < num_pages < 90
