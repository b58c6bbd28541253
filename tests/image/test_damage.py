"""Files that are cut, damaged or lie about themselves: an error of one line, never half a picture in silence."""

import io
import os
import struct
import tracemalloc
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from srdgan_rt.errors import ImageReadError, ImageTooLargeError, InputError
from srdgan_rt.image import DEFAULT_MAX_PIXELS, read_picture


def _noise(dtype=np.uint8):
    rng = np.random.default_rng(0)
    return rng.integers(0, np.iinfo(dtype).max, (64, 80, 3), dtype)


def _by_pillow(format_, mode="RGB", **options):
    stream = io.BytesIO()
    Image.fromarray(_noise()).convert(mode).save(stream, format_, **options)
    return stream.getvalue()


def _by_tifffile(pixels, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, photometric="rgb", rowsperstrip=16, **options)
    return stream.getvalue()


FILES = {
    "jpeg": _by_pillow("JPEG", quality=90),
    "jpeg_progressive": _by_pillow("JPEG", quality=90, progressive=True),
    "jpeg_grey": _by_pillow("JPEG", "L", quality=90),
    "jpeg_cmyk": _by_pillow("JPEG", "CMYK", quality=90),
    "png": _by_pillow("PNG"),
    "png_16": imagecodecs.png_encode(_noise(np.uint16)),
    "webp": _by_pillow("WEBP", quality=80),
    "webp_lossless": _by_pillow("WEBP", lossless=True),
    "webp_metadata": _by_pillow("WEBP", quality=80, xmp=b"<x/>" * 100),
    "avif": _by_pillow("AVIF", quality=80),
    "bmp": _by_pillow("BMP"),
    "gif": _by_pillow("GIF", "P"),
    "tiff": _by_tifffile(_noise()),
    "tiff_deflate": _by_tifffile(_noise(), compression="zlib"),
    "tiff_deflate_16": _by_tifffile(_noise(np.uint16), compression="zlib", predictor=True),
    "tiff_lzw": _by_pillow("TIFF", compression="tiff_lzw"),
    "tiff_jpeg": _by_pillow("TIFF", compression="jpeg"),
}


@pytest.mark.parametrize("name", FILES)
def test_whole_file_is_read(name, save):
    assert read_picture(save("a.bin", FILES[name])).pixels.shape[:2] == (64, 80)


@pytest.mark.parametrize("name", FILES)
def test_truncated_file_is_an_error_or_complete(name, save):
    data = FILES[name]
    whole = read_picture(save("whole.bin", data)).pixels
    ends = {len(data) - n for n in (1, 2, 3, 4, 8, 12, 13, 20, 40)} | {len(data) * n // 24 for n in range(24)}
    num_errors = 0
    for end in sorted(ends):
        path = save("cut.bin", data[:end])
        try:
            pixels = read_picture(path).pixels
        except ImageReadError as error:
            num_errors += str(error).startswith(f"{path}: ") and "\n" not in str(error)
        else:  # only the end marker after the pixels was cut
            np.testing.assert_array_equal(pixels, whole)
            num_errors += len(data) - end <= 2
    assert num_errors == len(ends)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("jpeg")])
@pytest.mark.parametrize("filler", [b"", bytes(500)])
def test_cut_jpeg_with_an_end_marker_is_an_error(name, filler, save):
    data = FILES[name]
    path = save("a.jpg", data[: len(data) // 2] + filler + b"\xff\xd9")
    with pytest.raises(ImageReadError):
        read_picture(path)


def _overwrite_middle(data):
    middle = len(data) // 2
    return data[:middle] + bytes(64) + data[middle + 64 :]


@pytest.mark.parametrize("name", ["png", "png_16", "tiff_deflate", "tiff_deflate_16", "jpeg_progressive"])
def test_overwritten_middle_is_an_error(name, save):
    with pytest.raises(ImageReadError):
        read_picture(save("a.bin", _overwrite_middle(FILES[name])))


def test_png_with_too_few_rows_is_an_error(save, make_png):
    for bits, samples in ((8, 3), (16, 6)):
        with pytest.raises(ImageReadError):
            read_picture(save("a.png", make_png(5, 4, bits, 2, bytes(1 + 5 * samples) * 3)))


def test_damaged_side_chunk_of_png_is_skipped(save, make_png):
    data = make_png(2, 1, 8, 0, b"\0\x10\x20", ((b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),))
    assert read_picture(save("a.png", data)).metadata.dpi == (72.0, 72.0)
    damaged = data.replace(struct.pack(">I", 2835), struct.pack(">I", 9999), 1)
    picture = read_picture(save("a.png", damaged))
    assert picture.metadata.dpi is None
    assert picture.notes == ("damaged pHYs chunk dropped (wrong checksum)",)
    assert picture.pixels.tolist() == [[0x10, 0x20]]


def test_damaged_profile_of_png_is_dropped_and_noted(save, make_png):
    picture = read_picture(save("a.png", make_png(2, 1, 8, 0, b"\0\x10\x20", ((b"iCCP", b"p\0\0not deflated"),))))
    assert picture.metadata.icc is None
    assert "iCCP" in picture.notes[0]


def test_profile_bomb_of_png_is_dropped(save, make_png, monkeypatch):
    monkeypatch.setattr("srdgan_rt.image.png.metadata._MAX_PROFILE", 1 << 16)
    bomb = zlib.compress(bytes(1 << 17))
    picture = read_picture(save("a.png", make_png(2, 1, 8, 0, b"\0\x10\x20", ((b"iCCP", b"p\0\0" + bomb),))))
    assert picture.metadata.icc is None


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_is_dropped_and_noted(save, encode):
    picture = read_picture(save("a.jpg", encode(_noise(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\0\0")))
    assert picture.metadata.exif is None
    assert any("EXIF" in note for note in picture.notes)


def test_tiff_with_missing_strips_is_an_error(save):
    data = FILES["tiff_deflate"]
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        counts = file.pages.first.tags["StripByteCounts"]
    emptied = bytearray(data)
    size = counts.valuebytecount // counts.count
    emptied[counts.valueoffset + size : counts.valueoffset + 2 * size] = bytes(size)
    with pytest.raises(ImageReadError, match="strip"):
        read_picture(save("a.tif", bytes(emptied)))


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"hello, this is no picture at all", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0"]
)
def test_other_files_are_an_error(content, save):
    with pytest.raises(ImageReadError):
        read_picture(save("a.jpg", content))


def test_missing_file_and_folder_are_errors(tmp_path):
    with pytest.raises(ImageReadError, match="No such file"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(ImageReadError, match="directory"):
        read_picture(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_an_error_not_a_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageReadError, match="not a regular file"):
        read_picture(tmp_path / "pipe.png")


def test_png_bomb_is_refused_before_decoding(save, make_png):
    path = save("bomb.png", make_png(60_000, 60_000, 8, 2, b""))
    tracemalloc.start()
    with pytest.raises(ImageTooLargeError) as caught:
        read_picture(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    message = str(caught.value)
    for part in ("60000 x 60000", "3,600,000,000", f"{DEFAULT_MAX_PIXELS:,} (max_pixels)"):
        assert part in message


@pytest.mark.parametrize("name", FILES)
def test_limit_holds_for_every_format_and_can_be_lifted(name, save):
    path = save("a.bin", FILES[name])
    with pytest.raises(ImageTooLargeError, match="80 x 64"):
        read_picture(path, max_pixels=64 * 80 - 1)
    assert read_picture(path, max_pixels=64 * 80).pixels.shape[:2] == (64, 80)
    assert read_picture(path, max_pixels=None).pixels.shape[:2] == (64, 80)


def test_limits_of_the_libraries_do_not_get_in_the_way(save, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow's own guard would refuse or warn
    for name, data in FILES.items():
        assert read_picture(save(name, data), max_pixels=None).pixels.shape[:2] == (64, 80)


def test_nonsense_limit_is_refused(save):
    with pytest.raises(InputError, match="max_pixels"):
        read_picture(save("a.png", FILES["png"]), max_pixels=0)
