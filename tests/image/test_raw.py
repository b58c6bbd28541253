"""Camera raw files: through LibRaw on a small DNG file that the test builds itself, and without rawpy refused."""

import struct
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from dng import write_dng

from srdgan_rt.errors import ImageReadError, ImageTooLargeError
from srdgan_rt.image import read_picture


@pytest.fixture
def dng(tmp_path):
    """A Bayer picture, red on the left and blue on the right, taken by a camera that was turned (orientation 6)."""
    height, width = 64, 96
    mosaic = np.full((height, width), 1000, np.uint16)
    mosaic[0::2, 0::2][:, : width // 4] = 50_000  # red sites
    mosaic[1::2, 1::2][:, width // 4 :] = 50_000  # blue sites
    path = tmp_path / "a.dng"
    write_dng(path, mosaic, orientation=6)
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
    with pytest.raises(ImageReadError, match=r"DNG raw files.*pip install 'srdgan_rt\[raw\]'"):
        read_picture(dng)


def _store_raw(path, make, *, photometric=32803, shape=(48, 64), compression=None, sub_ifd=True):
    """A file as cameras write it: a thumbnail first, the sensor's samples in a SubIFD or on the next page."""
    thumbnail, samples = np.full((12, 16, 3), 90, np.uint8), np.ones(shape, np.uint16)
    with tifffile.TiffWriter(path) as file:
        file.write(
            thumbnail,
            subifds=int(sub_ifd),
            subfiletype=1,
            photometric="rgb",
            metadata=None,
            extratags=[(271, 2, 0, make, True)],
        )
        file.write(samples, photometric=photometric, metadata=None)
    if compression is not None:
        data = bytearray(path.read_bytes())
        entry = data.rindex(struct.pack("<HHI", 259, 3, 1))
        data[entry + 8 : entry + 10] = struct.pack("<H", compression)
        path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        ("NIKON CORPORATION", "Nikon raw"),
        ("SONY", "Sony raw"),
        ("PENTAX Corporation", "Pentax raw"),
        ("SAMSUNG", "Samsung raw"),
        ("Hasselblad", "Hasselblad raw"),
        ("SEIKO EPSON CORP.", "Epson raw"),
        ("EASTMAN KODAK COMPANY", "Kodak raw"),
        ("Unheard Of", "camera raw"),
    ],
)
@pytest.mark.parametrize("sub_ifd", [True, False])
@pytest.mark.parametrize("name_of_file", ["a.nef", "a.tif"])
def test_raw_file_is_told_by_its_tags(make, name, sub_ifd, name_of_file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    _store_raw(tmp_path / name_of_file, make, sub_ifd=sub_ifd)
    with pytest.raises(ImageReadError, match=rf"{name} files cannot be read without rawpy.*TIFF or JPEG"):
        read_picture(tmp_path / name_of_file)


@pytest.mark.parametrize(
    "options", [{"photometric": 34892, "shape": (48, 64, 3)}, {"photometric": "minisblack", "compression": 34713}]
)
def test_other_signs_of_a_raw_file(options, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    _store_raw(tmp_path / "a.tif", "NIKON", **options)
    with pytest.raises(ImageReadError, match="Nikon raw"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("head", [b"FUJIFILMCCD-RAW", b"IIRO\x08\0\0\0", b"FOVb", b"\0\0\0\x18ftypcrx "])
def test_raw_files_that_are_no_tiff(head, save, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(ImageReadError, match=r"raw files cannot be read without rawpy"):
        read_picture(save("a.jpg", head + bytes(500)))


def test_libraw_that_cannot_read_a_file_is_one_line(save):
    pytest.importorskip("rawpy")
    with pytest.raises(ImageReadError, match=r"LibRaw cannot read this Fujifilm raw file \(") as caught:
        read_picture(save("a.raf", b"FUJIFILMCCD-RAW" + bytes(5000)))
    assert "\n" not in str(caught.value)


def test_exif_of_a_raw_file_that_is_no_tiff_comes_from_its_preview(save, encode, make_exif, make_pixels, monkeypatch):
    """With a stand-in for rawpy, because nothing writes such files."""
    developed = make_pixels(20, 30, 3, np.uint16)
    preview = encode(make_pixels(6, 8), "JPEG", exif=b"Exif\0\0" + make_exif(6))

    class Raw:
        sizes = SimpleNamespace(height=20, width=30)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def postprocess(self, **_):
            return developed

        def extract_thumb(self):
            return SimpleNamespace(format="jpeg", data=preview)

    stand_in = SimpleNamespace(
        imread=lambda path: Raw(),
        LibRawError=RuntimeError,
        ThumbFormat=SimpleNamespace(JPEG="jpeg"),
        ColorSpace=SimpleNamespace(sRGB=1),
    )
    monkeypatch.setitem(sys.modules, "rawpy", stand_in)
    picture = read_picture(save("a.raf", b"FUJIFILMCCD-RAW" + bytes(500)))
    np.testing.assert_array_equal(picture.pixels, developed)
    assert picture.format == "raw"
    assert b"Phone 1" in picture.metadata.exif
    with pytest.raises(ImageTooLargeError, match="30 x 20"):
        read_picture(save("a.raf", b"FUJIFILMCCD-RAW" + bytes(500)), max_pixels=100)
