"""BMP: its many headers and layouts, and its ICC profiles."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srdgan_rt.errors import ImageReadError, ImageTooLargeError
from srdgan_rt.image import read_picture
from srdgan_rt.image.bmp import read_bmp_metadata

MASKS_8888 = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def _bmp(width, height, bits, data, *, compression=0, masks=(), header_size=40, palette=b""):
    """A BMP file; masks lie behind a header of 40 bytes and in larger ones."""
    header = struct.pack("<IiiHHIIiiII", header_size, width, height, 1, bits, compression, 0, 11811, 5906, 0, 0)
    packed = struct.pack(f"<{len(masks)}I", *masks)
    header += packed.ljust(header_size - 40, b"\0")
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + header + palette + data


@pytest.fixture
def bgra():
    return np.random.default_rng(0).integers(1, 255, (3, 5, 4), np.uint8)


@pytest.mark.parametrize("height", [3, -3])
def test_fourth_byte_means_nothing_in_a_plain_file(height, save, bgra):
    picture = read_picture(save("a.bmp", _bmp(5, height, 32, bgra.tobytes())))
    upright = bgra[::-1] if height > 0 else bgra
    np.testing.assert_array_equal(picture.pixels, upright[..., 2::-1])
    assert picture.metadata.dpi == pytest.approx((300, 150), abs=0.1)
    assert picture.notes == ()


@pytest.mark.parametrize(("compression", "header_size"), [(3, 56), (3, 108), (3, 124), (6, 40)])
def test_alpha(compression, header_size, save, bgra):
    options = {"compression": compression, "masks": MASKS_8888, "header_size": header_size}
    picture = read_picture(save("a.bmp", _bmp(5, -3, 32, bgra.tobytes(), **options)))
    np.testing.assert_array_equal(picture.pixels, bgra[..., [2, 1, 0, 3]])
    bgra[..., 3] = 0
    picture = read_picture(save("a.bmp", _bmp(5, -3, 32, bgra.tobytes(), **options)))
    np.testing.assert_array_equal(picture.pixels, bgra[..., 2::-1])
    assert any("opaque" in note for note in picture.notes)


@pytest.mark.parametrize(
    ("masks", "full"),
    [
        ((), (31, 31, 31)),
        ((0xF800, 0x7E0, 0x1F), (31, 63, 31)),
        ((0xF00, 0xF0, 0xF), (15, 15, 15)),
        ((0x7C00, 0x3E0, 0x1F, 0x8000), (31, 31, 31, 1)),
    ],
)
def test_16_bits(masks, full, save):
    values = np.random.default_rng(0).integers(0, 1 << 16, (3, 5), np.uint16)
    options = {"compression": 3 if masks else 0, "masks": masks, "header_size": 108 if len(masks) == 4 else 40}
    rows = np.pad(values, ((0, 0), (0, 1)))  # to whole words of 32 bits
    pixels = read_picture(save("a.bmp", _bmp(5, -3, 16, rows.tobytes(), **options))).pixels
    for channel, (mask, most) in enumerate(zip(masks or (0x7C00, 0x3E0, 0x1F), full, strict=True)):
        expected = np.rint((values & mask) // (mask & -mask) * (255 / most))
        np.testing.assert_array_equal(pixels[..., channel], expected)


def test_ten_bits_a_channel_stay_deep(save):
    values = np.array([[0x3FF00000, 0xFFC00, 0x3FF, 0]], np.uint32)
    data = _bmp(4, 1, 32, values.tobytes(), compression=3, masks=(0x3FF00000, 0xFFC00, 0x3FF))
    assert read_picture(save("a.bmp", data)).pixels.tolist() == [[[65535, 0, 0], [0, 65535, 0], [0, 0, 65535], [0] * 3]]


@pytest.mark.parametrize("bits", [8, 24])
def test_os2(bits, save):
    palette = bytes(range(256)) * 3 if bits == 8 else b""
    data = bytes([1, 2, 3, 0, 4, 5, 6, 0])
    start = 26 + len(palette)
    head = b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + struct.pack("<IHHHH", 12, 1, 2, 1, bits)
    pixels = read_picture(save("a.bmp", head + palette + data)).pixels
    expected = [[[14, 13, 12]], [[5, 4, 3]]] if bits == 8 else [[[6, 5, 4]], [[3, 2, 1]]]
    assert pixels.tolist() == expected


@pytest.mark.parametrize(
    ("bits", "compression", "data"),
    [
        (8, 1, bytes([4, 1, 0, 0, 0, 3, 0, 1, 0, 0, 1, 1, 0, 1])),
        (4, 2, bytes([4, 0x11, 0, 0, 0, 4, 0x01, 0x01, 0, 1])),
    ],
)
def test_run_lengths(bits, compression, data, save):
    palette = bytes([10, 20, 30, 0, 40, 50, 60, 0] + [0, 0, 0, 0] * ((1 << bits) - 2))
    pixels = read_picture(save("a.bmp", _bmp(4, 2, bits, data, compression=compression, palette=palette))).pixels
    assert pixels[..., 0].tolist() == [[30, 60, 30, 60], [60, 60, 60, 60]]


def test_truncated_bmp_and_its_limit(save, bgra):
    data = _bmp(5, 3, 32, bgra.tobytes(), compression=3, masks=MASKS_8888, header_size=108)
    with pytest.raises(ImageReadError, match="truncated"):
        read_picture(save("a.bmp", data[:-1]))
    with pytest.raises(ImageTooLargeError, match="5 x 3"):
        read_picture(save("a.bmp", data), max_pixels=14)
    with pytest.raises(ImageReadError, match="mask"):
        read_picture(save("a.bmp", data.replace(struct.pack("<I", 0xFF00), struct.pack("<I", 0xF0F0))))


def _bmp_with_profile(pixels, space, tail=b""):
    height, width = pixels.shape[:2]
    rows = np.pad(pixels[::-1, :, ::-1].reshape(height, -1), ((0, 0), (0, -width * 3 % 4))).tobytes()
    head = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(rows), 0, 0, 0, 0) + bytes(16) + space
    head += bytes(48) + struct.pack("<IIII", 4, 124 + len(rows), len(tail), 0)
    return b"BM" + struct.pack("<IHHI", 14 + 124 + len(rows) + len(tail), 0, 0, 138) + head + rows + tail


def test_bmp_profile_is_kept(maker, save, icc_rgb):
    picture = read_picture(save("a.bmp", _bmp_with_profile(maker.pixels, b"DEBM", icc_rgb)))
    assert picture.metadata.icc == icc_rgb
    np.testing.assert_array_equal(picture.pixels, maker.pixels)


@pytest.mark.parametrize(("space", "num_notes"), [(b"BGRs", 0), (bytes(4), 0), (b"KNIL", 1), (b"DEBM", 1)])
def test_bmp_colours_that_cannot_be_kept_are_noted(space, num_notes, maker, save):
    picture = read_picture(save("a.bmp", _bmp_with_profile(maker.pixels, space)))
    assert picture.metadata.icc is None
    assert len(picture.notes) == num_notes


@given(st.binary(max_size=300))
def test_damaged_headers_raise_nothing(data):
    read_bmp_metadata(b"BM" + bytes(12) + struct.pack("<I", 124) + data)
