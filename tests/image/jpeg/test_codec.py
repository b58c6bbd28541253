"""JPEG files that are unusual and whole, and such that only look whole."""

import io
import re
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from srdgan_rt.errors import ImageReadError
from srdgan_rt.image import read_picture

HEIGHT, WIDTH = 40, 56
EOI = b"\xff\xd9"


def _encode(pixels, mode=None, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels, mode).save(stream, "JPEG", quality=90, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture(scope="module")
def plain(noise):
    return _encode(noise)


def _split(data):
    """Segments of a JPEG file, the last one with the pixels and without the end marker."""
    position, segments = 2, []
    while data[position + 1] != 0xDA:
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        segments.append(data[position:end])
        position = end
    return [*segments, data[position : data.rindex(EOI)]]


def _join(segments):
    return b"\xff\xd8" + b"".join(segments) + EOI


def _build(planes, factors, height=HEIGHT, width=WIDTH):
    """A JPEG file with any sampling factors: a scan for every component, each the pixels of a grey JPEG file."""
    tables, components, scans = b"", b"", b""
    for number, (plane, (horizontal, vertical)) in enumerate(zip(planes, factors, strict=True), 1):
        segments = _split(_encode(plane))
        tables = b"".join(s for s in segments if s[1] == 0xDB)
        components += bytes([number, horizontal << 4 | vertical, 0])
        scans += b"".join(s for s in segments if s[1] == 0xC4)
        scans += b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, number, 0, 0, 63, 0) + segments[-1][10:]
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 8 + len(components), 8, height, width, len(planes)) + components
    return b"\xff\xd8" + tables + frame + scans + EOI


def _planes(factors):
    """Y, Cb and Cr of one smooth picture in the sizes that the sampling factors ask for."""
    most = [max(pair[axis] for pair in factors) for axis in (0, 1)]
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    full = [40 + 2 * x + y, 90 + x * 0.5, 150 - y * 0.7]
    sizes = [(-(-WIDTH * h // most[0]), -(-HEIGHT * v // most[1])) for h, v in factors]
    return [
        np.asarray(Image.fromarray(plane.astype(np.uint8)).resize(size, Image.Resampling.BOX))
        for plane, size in zip(full, sizes, strict=True)
    ]


FACTORS = [
    [(1, 1), (1, 1), (1, 1)],
    [(2, 2), (2, 2), (2, 2)],
    [(2, 1), (1, 1), (1, 1)],
    [(1, 2), (1, 1), (1, 1)],
    [(4, 1), (1, 1), (1, 1)],
    [(1, 4), (1, 1), (1, 1)],
    [(4, 2), (1, 1), (1, 1)],
    [(4, 1), (2, 1), (2, 1)],
    [(3, 1), (1, 1), (1, 1)],
    [(3, 2), (1, 1), (1, 1)],
    [(1, 1), (2, 2), (1, 1)],
    [(2, 1), (1, 2), (1, 1)],
    [(1, 1), (1, 1), (2, 2)],
]


@pytest.mark.parametrize("factors", FACTORS, ids=str)
def test_sampling_factors(factors, save):
    data = _build(_planes(factors), factors)
    picture = read_picture(save("a.jpg", data))
    np.testing.assert_array_equal(picture.pixels, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    assert picture.notes == ()


@pytest.mark.parametrize("factors", [FACTORS[2], FACTORS[8]], ids=str)
def test_missing_data_with_any_sampling_factors_is_an_error(factors, save):
    data = _build(_planes(factors), factors)
    last_scan = data.rindex(b"\xff\xda")
    for end in (last_scan + 14, (last_scan + len(data)) // 2, len(data) - 6):
        for filler in (b"", EOI, bytes(400) + EOI):
            with pytest.raises(ImageReadError):
                read_picture(save("a.jpg", data[:end] + filler))
    without_blue = data[:last_scan]
    with pytest.raises(ImageReadError, match="scans"):
        read_picture(save("a.jpg", without_blue[: without_blue.rindex(b"\xff\xc4")] + EOI))


def test_sampling_that_libjpeg_cannot_decode_is_one_clear_line(save):
    factors = [(3, 1), (2, 1), (1, 1)]
    with pytest.raises(ImageReadError, match="sampling"):
        read_picture(save("a.jpg", _build(_planes(factors), factors)))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 3}], ids=str)
def test_missing_end_marker_is_noted(options, noise, save):
    data = _encode(noise, **options)
    picture = read_picture(save("a.jpg", data[:-2]))
    np.testing.assert_array_equal(picture.pixels, read_picture(save("b.jpg", data)).pixels)
    assert any("end marker" in note for note in picture.notes)


@pytest.mark.parametrize("stray", [b"\0", bytes(3), bytes(500), b"abc", bytes(range(30)), b"\xff" * 9], ids=len)
def test_stray_bytes_before_every_marker(stray, noise, plain, save):
    expected = read_picture(save("a.jpg", plain)).pixels
    segments = _split(plain)
    for index in range(len(segments) + 1):
        parts = [*segments[:index], stray, *segments[index:]]
        picture = read_picture(save("b.jpg", _join(parts)))
        np.testing.assert_array_equal(picture.pixels, expected)
        if index < len(segments) or len(stray) > 8:  # libjpeg reads ahead and may not see a few bytes at the end
            is_legal = set(stray) == {0xFF}
            assert any("stray" in note for note in picture.notes) == (not is_legal)


def test_stray_bytes_between_progressive_scans(noise, save):
    data = _encode(noise, progressive=True)
    expected = read_picture(save("a.jpg", data)).pixels
    scan_ends = [match.start() for match in re.finditer(rb"\xff[\xc4\xd9]", data)]
    for end in scan_ends[-4:]:
        picture = read_picture(save("b.jpg", data[:end] + bytes(30) + data[end:]))
        np.testing.assert_array_equal(picture.pixels, expected)
        assert any("stray" in note for note in picture.notes)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_stray_bytes_before_restart_markers(mode, noise, save):
    data = _encode(np.asarray(Image.fromarray(noise).convert(mode)), mode=mode, restart_marker_blocks=3)
    expected = read_picture(save("a.jpg", data)).pixels
    strayed = re.sub(rb"(?=\xff[\xd0-\xd7])", bytes(20), data)
    assert len(strayed) > len(data) + 50
    picture = read_picture(save("a.jpg", strayed))
    np.testing.assert_array_equal(picture.pixels, expected)
    assert any("stray" in note for note in picture.notes)
    # an interval that lost its second half to zeros
    begin, end = (match.start() for match in list(re.finditer(rb"\xff[\xd0-\xd7]", data))[1:3])
    middle = (begin + end) // 2
    with pytest.raises(ImageReadError):
        read_picture(save("a.jpg", data[:middle] + bytes(300) + data[end:]))


@pytest.mark.parametrize("trailer", [bytes(1000), b"a movie" * 99, None], ids=["zeros", "movie", "picture"])
@pytest.mark.parametrize("end", [EOI, b""], ids=["end", "no end"])
def test_trailers(end, trailer, plain, save):
    data = plain[:-2] + end + (plain if trailer is None else trailer)
    if not end and trailer and set(trailer) != {0}:
        with pytest.raises(ImageReadError, match="left over"):  # nothing tells the movie from pixels
            read_picture(save("a.jpg", data))
    else:
        np.testing.assert_array_equal(
            read_picture(save("a.jpg", data)).pixels, read_picture(save("b.jpg", plain)).pixels
        )


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("fill", [0x00, 0xFF, 0x55, None])
@pytest.mark.parametrize("end", [EOI, b""], ids=["end", "no end"])
def test_half_files_are_errors(end, fill, progressive, noise, save):
    data = _encode(noise, progressive=progressive)
    rng = np.random.default_rng(1)
    for part in (0.4, 0.5, 0.7, 0.9):
        kept = int(len(data) * part)
        for size in (0, 20, len(data) - kept, 3 * len(data)):
            # No 0xff among the random bytes: a marker would give the damage away.
            filler = rng.integers(0, 255, size, np.uint8).tobytes() if fill is None else bytes([fill]) * size
            with pytest.raises(ImageReadError):
                read_picture(save("a.jpg", data[:kept] + filler + end))


def test_progressive_file_without_its_last_scans_is_an_error(noise, save):
    data = _encode(noise, progressive=True)
    scans = [match.start() for match in re.finditer(rb"\xff\xda", data)]
    assert len(scans) > 5
    for start in scans[1:]:
        for end in (EOI, b""):
            with pytest.raises(ImageReadError, match=r"last scans|truncated"):
                read_picture(save("a.jpg", data[:start] + end))


def test_height_after_the_first_scan(noise, plain, save):
    segments = _split(plain)
    index = next(i for i, segment in enumerate(segments) if segment[1] == 0xC0)
    frame = segments[index]
    height = frame[5:7]
    segments[index] = frame[:5] + bytes(2) + frame[7:]
    data = _join([*segments, b"\xff\xdc\0\4" + height])
    np.testing.assert_array_equal(read_picture(save("a.jpg", data)).pixels, read_picture(save("b.jpg", plain)).pixels)


@pytest.mark.parametrize(("bits", "lossless"), [(12, False), (12, True), (16, True), (8, True), (10, True)])
def test_deep_and_lossless(bits, lossless, noise, save):
    full = (1 << bits) - 1
    dtype = np.uint8 if bits == 8 else np.uint16
    values = np.rint(np.linspace(0, full, HEIGHT * WIDTH * 3)).reshape(HEIGHT, WIDTH, 3).astype(dtype)
    data = imagecodecs.jpeg8_encode(values, level=98, lossless=lossless, bitspersample=bits)
    pixels = read_picture(save("a.jpg", data)).pixels
    assert pixels.dtype == dtype
    error = np.abs(pixels.astype(float) / np.iinfo(dtype).max - values / full).max()
    assert error <= (1e-5 if lossless else 0.05)
    for end in (b"", EOI):
        with pytest.raises(ImageReadError):
            read_picture(save("a.jpg", data[: len(data) * 3 // 4] + end))


@pytest.mark.parametrize(("marker", "name"), [(0xC9, "arithmetic"), (0xCA, "arithmetic"), (0xC5, "hierarchical")])
def test_other_codings_are_one_clear_line(marker, name, plain, save):
    with pytest.raises(ImageReadError, match=f"{name}.*not supported"):
        read_picture(save("a.jpg", plain.replace(b"\xff\xc0", bytes([0xFF, marker]), 1)))


def _adobe(transform):
    return b"\xff\xee" + struct.pack(">H5sHHHB", 14, b"Adobe", 100, 0, 0, transform)


def test_adobe_marker_says_that_there_is_no_colour_transform(save):
    planes = [np.full((16, 16), value, np.uint8) for value in (200, 100, 50)]
    data = _build(planes, [(1, 1)] * 3, 16, 16)
    rgb = read_picture(save("a.jpg", data[:2] + _adobe(0) + data[2:])).pixels
    assert np.abs(rgb.astype(int) - (200, 100, 50)).max() <= 2
    ycc = read_picture(save("a.jpg", data[:2] + _adobe(1) + data[2:])).pixels
    assert np.abs(ycc.astype(int) - (90, 255, 150)).max() <= 8


@pytest.mark.parametrize("is_adobe", [True, False])
def test_inks_without_adobe_marker_are_not_inverted(is_adobe, save):
    planes = [np.full((16, 16), value, np.uint8) for value in (255, 0, 0, 0)]
    data = _build(planes, [(1, 1)] * 4, 16, 16)
    picture = read_picture(save("a.jpg", data[:2] + _adobe(0) + data[2:] if is_adobe else data))
    assert np.abs(picture.pixels.astype(int) - ((0, 0, 0) if is_adobe else (0, 255, 255))).max() <= 2
    assert any("Adobe" in note for note in picture.notes) == (not is_adobe)
