"""DNG through LibRaw, on a small raw file that the test builds itself."""

import sys

import numpy as np
import pytest
import tifffile

from srdgan_rt.errors import ImageReadError, ImageTooLargeError
from srdgan_rt.image import read_picture


@pytest.fixture
def dng(tmp_path):
    """A Bayer picture, red on the left and blue on the right, taken by a camera that was turned (orientation 6)."""
    height, width = 64, 96
    mosaic = np.full((height, width), 1000, np.uint16)
    mosaic[0::2, 0::2][:, : width // 4] = 50_000  # red sites
    mosaic[1::2, 1::2][:, width // 4 :] = 50_000  # blue sites
    matrix = [32405, -15372, -4985, -9693, 18760, 416, 556, -2040, 10572]  # XYZ to linear sRGB
    rational = [number for value in matrix for number in (value, 10000)]
    tags = [
        (271, 2, 6, "Maker", True),
        (272, 2, 8, "Phone 1", True),
        (274, 3, 1, 6, True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes([0, 1, 1, 2]), True),
        (50706, 1, 4, bytes([1, 4, 0, 0]), True),
        (50707, 1, 4, bytes([1, 1, 0, 0]), True),
        (50708, 2, 14, "Maker Phone 1", True),
        (50714, 4, 1, 0, True),
        (50717, 4, 1, 65535, True),
        (50721, 10, 9, rational, True),
        (50728, 5, 3, (1, 1, 1, 1, 1, 1), True),
        (50778, 3, 1, 21, True),
    ]
    path = tmp_path / "a.dng"
    tifffile.imwrite(path, mosaic, photometric="cfa", extratags=tags, software=False, metadata=None)
    return path


def test_dng_is_developed_upright(dng, read_exif):
    pytest.importorskip("rawpy")
    picture = read_picture(dng)
    assert picture.format == "dng"
    assert picture.pixels.dtype == np.uint16
    assert picture.pixels.shape == (96, 64, 3)
    top, bottom = picture.pixels[20, 32].astype(int), picture.pixels[76, 32].astype(int)
    assert top[0] > 2 * top[2]  # turned clockwise, the left side is on top
    assert bottom[2] > 2 * bottom[0]
    found = read_exif(picture.metadata.exif)
    assert found["Model"].rstrip("\0") == "Phone 1"
    assert found.get("Orientation", 1) == 1
    assert any("raw" in note for note in picture.notes)


def test_size_limit_holds(dng):
    pytest.importorskip("rawpy")
    with pytest.raises(ImageTooLargeError, match="96 x 64"):
        read_picture(dng, max_pixels=1000)


def test_truncated_dng_is_an_error(dng):
    pytest.importorskip("rawpy")
    data = dng.read_bytes()
    for end in (len(data) // 4, len(data) // 2, len(data) - 100):
        dng.write_bytes(data[:end])
        with pytest.raises(ImageReadError):
            read_picture(dng)


def test_without_rawpy_the_error_says_what_to_install(dng, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(ImageReadError, match=r"DNG raw files.*pip install srdgan_rt\[raw\]"):
        read_picture(dng)
