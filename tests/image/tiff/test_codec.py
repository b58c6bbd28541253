"""TIFF's many layouts, each against the array that was stored."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from srdgan_rt.errors import ImageReadError, ImageTooLargeError
from srdgan_rt.image import Picture, read_picture, write_picture

DTYPES = pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])


@pytest.fixture
def store(tmp_path):
    """Writes an array with tifffile and reads it with the code under test."""

    def store_and_read(pixels, **options):
        tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
        return read_picture(tmp_path / "a.tif")

    return store_and_read


@DTYPES
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"compression": "lzw"},
        {"compression": "lzw", "predictor": True},
        {"compression": "packbits"},
        {"compression": "zstd"},
        {"tile": (16, 32)},
        {"tile": (16, 32), "compression": "lzw"},
        {"byteorder": ">"},
        {"byteorder": ">", "compression": "zlib", "predictor": True},
        {"bigtiff": True},
        {"rowsperstrip": 1},
    ],
    ids=str,
)
def test_layouts(options, dtype, store, make_pixels):
    if options.get("compression") == "packbits" and dtype == np.float32:
        options = {"compression": "lzma"}
    pixels = make_pixels(37, 53, 3, dtype)
    picture = store(pixels, photometric="rgb", **options)
    assert picture.pixels.dtype == dtype
    assert picture.pixels.dtype.isnative
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.notes == ()


@DTYPES
def test_separate_planes(dtype, store, make_pixels):
    pixels = make_pixels(37, 53, 4, dtype)
    picture = store(pixels.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(picture.pixels, pixels)


@DTYPES
def test_white_is_zero(dtype, store, make_pixels):
    pixels = make_pixels(37, 53, 1, dtype)
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    np.testing.assert_array_equal(store(pixels, photometric="miniswhite").pixels, full - pixels)


@DTYPES
@pytest.mark.parametrize("channels", [2, 4])
def test_multiplied_in_alpha_is_divided_out(channels, dtype, store, make_pixels):
    pixels = make_pixels(37, 53, channels, dtype)
    colour = pixels[..., :-1].astype(np.float64)
    alpha = np.full((37, 53, 1), 0.5 if dtype == np.float32 else np.iinfo(dtype).max // 2, dtype)
    alpha[0] = 0
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    stored = np.concatenate([colour * alpha / full, alpha], -1).astype(dtype)
    photometric = "rgb" if channels == 4 else "minisblack"
    picture = store(stored, photometric=photometric, planarconfig="contig", extrasamples=["assocalpha"])
    error = np.abs(picture.pixels[1:, :, :-1].astype(np.float64) - colour[1:])
    assert error.max() <= (1e-6 if dtype == np.float32 else 2)
    assert not picture.pixels[0].any()
    np.testing.assert_array_equal(picture.pixels[..., -1:], alpha)


def test_extra_channels_that_are_no_alpha_are_dropped_and_noted(store, make_pixels):
    pixels = make_pixels(37, 53, 4)
    picture = store(pixels, photometric="rgb", extrasamples=["unspecified"])
    np.testing.assert_array_equal(picture.pixels, pixels[..., :3])
    assert any("extra channel" in note for note in picture.notes)


@pytest.mark.parametrize("scale", [1, 257])
def test_palette_with_8_and_with_16_bit_entries(scale, store):
    palette = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(np.uint16)
    palette[:, 0] = 255
    indices = np.arange(60, dtype=np.uint8).reshape(6, 10)
    picture = store(indices, photometric="palette", colormap=palette * np.uint16(scale))
    np.testing.assert_array_equal(picture.pixels, palette.T.astype(np.uint8)[indices])


@pytest.mark.parametrize("compression", ["group3", "group4", "packbits", "raw"])
def test_one_bit_fax(compression, save, encode):
    bits = np.random.default_rng(0).integers(0, 2, (19, 33)).astype(bool)
    pixels = read_picture(save("a.tif", encode(bits, "TIFF", compression=compression))).pixels
    np.testing.assert_array_equal(pixels, bits * np.uint8(255))


def test_jpeg_inside(save, encode, make_pixels):
    data = encode(make_pixels(40, 60), "TIFF", compression="jpeg", quality=95)
    pixels = read_picture(save("a.tif", data)).pixels
    assert np.abs(pixels.astype(int) - np.asarray(Image.open(io.BytesIO(data)))).max() <= 1


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_odd_bit_depths_fill_the_range(bits, store):
    ramp = np.array([[0, 1, (1 << bits) - 2, (1 << bits) - 1]], np.uint16)
    pixels = store(ramp, photometric="minisblack", bitspersample=bits, compression="none").pixels
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels, np.rint(ramp * (65535 / ((1 << bits) - 1))))


def test_32_bits_are_reduced_and_noted(store):
    picture = store(np.array([[0, 1 << 31, (1 << 32) - 1]], np.uint32), photometric="minisblack")
    assert picture.pixels.tolist() == [[0, 32768, 65535]]
    assert any("16" in note for note in picture.notes)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_become_float32(dtype, store, make_pixels):
    pixels = make_pixels(37, 53, 3, dtype)
    picture = store(pixels, photometric="rgb")
    assert picture.pixels.dtype == np.float32
    np.testing.assert_array_equal(picture.pixels, pixels.astype(np.float32))


def test_floats_outside_the_range_are_clipped_and_noted(store):
    picture = store(np.array([[-0.5, 0.25, 7.0, np.nan]], np.float32), photometric="minisblack")
    assert picture.pixels.tolist() == [[0, 0.25, 1, 0]]
    assert any("clipped" in note for note in picture.notes)


@pytest.mark.parametrize(
    ("pixels", "options"),
    [
        (np.zeros((4, 5), np.int16), {"photometric": "minisblack"}),
        (np.zeros((4, 5, 3), np.uint8), {"photometric": "logluv"}),
        (np.zeros((4, 5), np.complex64), {"photometric": "minisblack"}),
    ],
    ids=["signed", "logluv", "complex"],
)
def test_what_is_no_photograph_is_refused(pixels, options, store):
    with pytest.raises(ImageReadError, match="not supported"):
        store(pixels, **options)


@DTYPES
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_written_files_are_plain_tiff(channels, dtype, tmp_path, make_pixels, make_exif):
    pixels = make_pixels(37, 53, channels, dtype)
    write_picture(tmp_path / "a.tif", Picture(pixels))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        page = file.pages.first
        assert page.compression.name == "ADOBE_DEFLATE"
        assert {"Software", "ImageDescription"}.isdisjoint(tag.name for tag in page.tags)
        np.testing.assert_array_equal(page.asarray(), pixels)


LAB = [(100, 0, 0), (0, 0, 0), (53.585, 0, 0), (54.29, 80.8, 69.89), (87.82, -79.27, 80.99), (29.57, 68.3, -112.03)]
SRGB = [(255, 255, 255), (0, 0, 0), (128, 128, 128), (255, 0, 0), (0, 255, 0), (0, 0, 255)]


def _pack_lab(lab, coding, bits):
    """Samples as the three codings of TIFF store them."""
    step = 1 if bits == 8 else 256
    lightness, colour = lab[..., :1], lab[..., 1:]
    full = (1 << bits) - 1
    if coding == "cielab":
        stored = [lightness * full / 100, (colour * step) % (full + 1)]
    elif coding == "icclab":
        stored = [lightness * (255 * step) / 100, (colour + 128) * step]
    else:
        stored = [lightness * full / 100, colour * full / (170, 200) + np.array([128, 96]) * step]
    return np.rint(np.concatenate(stored, -1)).clip(0, full).astype(f"u{bits // 8}")


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("coding", ["cielab", "icclab", "itulab"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_lab_becomes_srgb(order, coding, bits, store, icc_rgb):
    num_colours = 4 if coding == "itulab" else 6  # green and blue lie outside what ITU's coding holds
    lab = np.array(LAB[:num_colours], float)[None]
    picture = store(_pack_lab(lab, coding, bits), photometric=coding, byteorder=order, iccprofile=icc_rgb)
    scale = 1 if bits == 8 else 257
    expected = np.array(SRGB[:num_colours])[None]
    assert picture.pixels.dtype == np.dtype(f"u{bits // 8}")
    tolerance = 12 if bits == 8 else 1  # the dark channels of pure colours are steep
    assert np.abs(picture.pixels / scale - expected).max() <= tolerance
    assert np.ptp(picture.pixels[0, :3], axis=-1).max() == 0  # grey stays grey
    assert picture.metadata.icc is None
    assert any("converted to sRGB" in note for note in picture.notes)


def test_lab_in_floating_point_and_with_alpha(store):
    lab = np.array([[*LAB[3], 0.5]], np.float32)[None]
    picture = store(lab, photometric="cielab", extrasamples=["unassalpha"], planarconfig="contig")
    assert np.abs(picture.pixels - (1, 0, 0, 0.5)).max() < 2e-3


def _pack_ycbcr(rgb, horizontal, vertical, coefficients=(0.299, 0.587, 0.114)):
    """One strip of YCbCr units, by the book, of a picture whose sides the factors divide."""
    red, green, blue = coefficients
    y = rgb @ np.array([red, green, blue])
    cb, cr = 128 + (rgb[..., 2] - y) / (2 - 2 * blue), 128 + (rgb[..., 0] - y) / (2 - 2 * red)
    height, width = y.shape
    rows, columns = height // vertical, width // horizontal
    units = y.reshape(rows, vertical, columns, horizontal).swapaxes(1, 2).reshape(rows, columns, -1)
    means = [c.reshape(rows, vertical, columns, horizontal).mean((1, 3))[..., None] for c in (cb, cr)]
    return np.rint(np.concatenate([units, *means], -1)).clip(0, 255).astype(np.uint8).tobytes()


def _short_tag(number, *values):
    return struct.pack("<HHI", number, 3, len(values)) + struct.pack(f"<{len(values)}H", *values).ljust(4, b"\0")


def _make_ycbcr(rgb, factors, *, compress=None, rationals=()):
    """A TIFF file of one strip of YCbCr; ``rationals`` are tags with their values."""
    height, width = rgb.shape[:2]
    coefficients = dict(rationals).get(529, (0.299, 0.587, 0.114))
    strip = _pack_ycbcr(rgb.astype(float), *factors, coefficients)
    code = {None: 1, "lzw": 5, "deflate": 8}[compress]
    strip = {1: bytes, 5: imagecodecs.lzw_encode, 8: zlib.compress}[code](strip)
    num_tags = 11 + len(rationals)
    offset = 8 + 2 + 12 * num_tags + 4
    entries = {
        **{
            n: _short_tag(n, v)
            for n, v in ((256, width), (257, height), (259, code), (262, 6), (277, 3), (278, height))
        },
        258: struct.pack("<HHII", 258, 3, 3, offset),
        284: _short_tag(284, 1),
        530: _short_tag(530, *factors),
        279: struct.pack("<HHII", 279, 4, 1, len(strip)),
    }
    tail = struct.pack("<HHH", 8, 8, 8)
    for number, values in rationals:
        entries[number] = struct.pack("<HHII", number, 5, len(values), offset + len(tail))
        tail += b"".join(struct.pack("<II", round(value * 10_000), 10_000) for value in values)
    entries[273] = struct.pack("<HHII", 273, 4, 1, offset + len(tail))
    directory = struct.pack("<H", num_tags) + b"".join(entries[n] for n in sorted(entries)) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + tail + strip


@pytest.mark.parametrize("compress", [None, "lzw", "deflate"])
@pytest.mark.parametrize("factors", [(1, 1), (2, 2), (2, 1), (1, 2), (4, 4)], ids=str)
def test_ycbcr(factors, compress, save, make_pixels):
    rgb = make_pixels(16, 24)
    pixels = read_picture(save("a.tif", _make_ycbcr(rgb, factors, compress=compress))).pixels
    inner = np.abs(pixels.astype(int) - rgb)[4:-4, 4:-4]
    assert inner.max() <= 3


def test_ycbcr_coefficients_and_reference_levels(save, make_pixels):
    rgb = make_pixels(8, 8)
    bt709 = (529, (0.2126, 0.7152, 0.0722))
    assert (
        np.abs(read_picture(save("a.tif", _make_ycbcr(rgb, (1, 1), rationals=(bt709,)))).pixels.astype(int) - rgb).max()
        <= 2
    )
    levels = (532, (16, 235, 128, 240, 128, 240))
    grey = np.full((8, 8, 3), 235)
    grey[:4] = 16
    pixels = read_picture(save("b.tif", _make_ycbcr(grey, (2, 2), rationals=(levels,)))).pixels
    assert np.unique(pixels[:4]).tolist() == [0]
    assert np.unique(pixels[4:]).tolist() == [255]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_ycbcr_in_full_resolution(order, planar, bits, store):
    dtype = np.dtype(f"u{bits // 8}")
    full, middle = (1 << bits) - 1, 1 << (bits - 1)
    ycbcr = np.array([[[0, middle, middle], [full, middle, middle], [full // 2, middle, full]]], dtype)
    stored = ycbcr if planar == "contig" else np.moveaxis(ycbcr, -1, 0)
    options = {"photometric": "ycbcr", "planarconfig": planar, "byteorder": order, "subsampling": (1, 1)}
    pixels = store(stored, **options).pixels
    assert pixels.dtype == dtype
    expected = np.array([[0, 0, 0], [1, 1, 1], [0.5 + 0.701, 0.5 - 0.701 * 0.299 / 0.587, 0.5]]).clip(0, 1)
    assert np.abs(pixels / full - expected).max() <= (0.01 if bits == 8 else 1e-4)


def test_cut_ycbcr_is_an_error(save, make_pixels):
    data = _make_ycbcr(make_pixels(16, 24), (2, 2))
    for end in (len(data) - 1, len(data) - 100):
        with pytest.raises(ImageReadError):
            read_picture(save("a.tif", data[:end]))


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_limit_counts_samples(planar, tmp_path):
    pixels = np.zeros((1, 1, 6000) if planar == "contig" else (6000, 1, 1), np.uint8)
    extra = {"photometric": "minisblack", "planarconfig": planar, "metadata": None}
    tifffile.imwrite(tmp_path / "a.tif", pixels, **extra)
    with pytest.raises(ImageTooLargeError, match=r"6000 channels.*1,500 pixels"):
        read_picture(tmp_path / "a.tif", max_pixels=1000)
    assert read_picture(tmp_path / "a.tif", max_pixels=2000).pixels.shape == (1, 1)


def test_limit_counts_tiles(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((1, 1), np.uint8), tile=(1024, 1024), photometric="minisblack")
    with pytest.raises(ImageTooLargeError, match="1024 x 1024"):
        read_picture(tmp_path / "a.tif", max_pixels=10_000)
