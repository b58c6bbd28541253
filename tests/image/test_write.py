"""Writing: whole files or none, limits known beforehand, what cannot be kept said."""

import os
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from srdgan_rt.errors import ImageWriteError, InputError
from srdgan_rt.image import Metadata, Picture, check_writable, convert_depth, read_picture, write, write_picture

FORMATS = ("jpg", "png", "tif", "webp")


def _names(folder):
    return [path.name for path in folder.iterdir()]


def _failing(error):
    def write(file, pixels, metadata, quality):
        file.write(b"half a picture")
        file.flush()
        raise error

    return write


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("encoder"), MemoryError()])
@pytest.mark.parametrize("existed", [False, True])
@pytest.mark.parametrize(("extension", "format_"), [("jpg", "jpeg"), ("png", "png"), ("tif", "tiff"), ("webp", "webp")])
def test_failure_leaves_nothing_behind(extension, format_, existed, error, tmp_path, make_pixels, monkeypatch):
    path = tmp_path / f"a.{extension}"
    if existed:
        path.write_bytes(b"what was there before")
    monkeypatch.setitem(write._WRITERS, format_, _failing(error))
    with pytest.raises(ImageWriteError, match=str(path)) as caught:
        write_picture(path, Picture(make_pixels(8, 8)))
    assert "\n" not in str(caught.value)
    assert _names(tmp_path) == ([path.name] if existed else [])
    assert not existed or path.read_bytes() == b"what was there before"


def test_interrupt_leaves_nothing_behind_and_passes_on(tmp_path, make_pixels, monkeypatch):
    monkeypatch.setitem(write._WRITERS, "png", _failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        write_picture(tmp_path / "a.png", Picture(make_pixels(8, 8)))
    assert _names(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are POSIX")
def test_disk_that_fills_up_while_encoding(tmp_path):
    # The system itself refuses to store more than 20,000 bytes, in whatever way the encoders write them.
    program = f"""
import resource, signal, numpy as np
from srdgan_rt.errors import ImageWriteError
from srdgan_rt.image import Picture, write_picture
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
pixels = np.random.default_rng(0).integers(0, 256, (200, 300, 3)).astype(np.uint8)
for extension in {FORMATS!r}:
    try:
        write_picture(f"{tmp_path}/a.{{extension}}", Picture(pixels))
    except ImageWriteError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [f"{tmp_path}/a.{name}" for name in FORMATS]
    assert _names(tmp_path) == []


@pytest.mark.parametrize("extension", FORMATS)
def test_existing_file_is_replaced(extension, tmp_path, make_pixels):
    path = tmp_path / f"a.{extension}"
    path.write_bytes(b"old")
    write_picture(path, Picture(make_pixels(8, 9)))
    assert read_picture(path).pixels.shape == (8, 9, 3)
    assert _names(tmp_path) == [path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="umask is POSIX")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_mode_follows_the_umask(umask, mode, tmp_path, make_pixels):
    before = os.umask(umask)
    try:
        write_picture(tmp_path / "a.png", Picture(make_pixels(8, 9)))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == mode


@pytest.mark.skipif(sys.platform == "win32", reason="needs rights on Windows")
def test_symbolic_link_stays_one(tmp_path, make_pixels):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "real" / "a.png")
    write_picture(tmp_path / "link.png", Picture(make_pixels(8, 9)))
    assert (tmp_path / "link.png").is_symlink()
    assert read_picture(tmp_path / "real" / "a.png").pixels.shape == (8, 9, 3)


def test_long_names_fit(tmp_path, make_pixels):
    path = tmp_path / ("n" * 250 + ".png")
    write_picture(path, Picture(make_pixels(8, 9)))
    assert path.exists()


def test_threads_do_not_meet(tmp_path, make_pixels):
    pictures = [np.full((40, 50, 3), level, np.uint8) for level in range(0, 240, 30)]
    paths = [tmp_path / f"{i}.{FORMATS[i % 4]}" for i in range(len(pictures))]
    threads = [
        threading.Thread(target=write_picture, args=(path, Picture(pixels)))
        for path, pixels in zip(paths, pictures, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for path, pixels in zip(paths, pictures, strict=True):
        np.testing.assert_array_equal(read_picture(path).pixels, pixels)


@pytest.mark.parametrize(
    ("name", "side"), [("a.jpg", 65501), ("a.JPEG", 65501), ("a.webp", 16384), ("a.png", 1_000_001)]
)
def test_side_limits_are_known_beforehand(name, side, tmp_path):
    check_writable(tmp_path / name, 1, side - 1, 3, np.uint8)
    for height, width in ((1, side), (side, 1)):
        with pytest.raises(ImageWriteError, match=f"{side - 1:,}"):
            check_writable(tmp_path / name, height, width, 3, np.uint8)


@pytest.mark.parametrize(("name", "side"), [("a.jpg", 65500), ("a.webp", 16383), ("a.png", 1_000_000)])
def test_largest_sides_can_be_written(name, side, tmp_path):
    write_picture(tmp_path / name, Picture(np.full((1, side), 128, np.uint8)))
    assert read_picture(tmp_path / name).pixels.shape[:2] == (1, side)


@pytest.mark.parametrize("name", ["a.gif", "a", "a.jp2", "a.dng", ".png"])
def test_unknown_extensions_are_refused_with_the_known_ones(name, tmp_path):
    with pytest.raises(ImageWriteError, match=r"\.jpg, \.jpeg, \.png, \.tif, \.tiff, \.webp"):
        check_writable(tmp_path / name, 4, 4, 3, np.uint8)


def test_places_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(ImageWriteError, match="does not exist"):
        check_writable(tmp_path / "none" / "a.png", 4, 4, 3, np.uint8)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageWriteError, match="is a folder"):
        check_writable(tmp_path / "folder.png", 4, 4, 3, np.uint8)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only for root")
def test_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(ImageWriteError, match="permission"):
        check_writable(tmp_path / "a.png", 4, 4, 3, np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "channels", "dtype"),
    [(4, 4, 5, np.uint8), (4, 4, 3, np.float64), (0, 4, 3, np.uint8), (4, 4, 0, np.uint8)],
)
def test_wrong_arguments_are_refused(height, width, channels, dtype, tmp_path):
    with pytest.raises(InputError):
        check_writable(tmp_path / "a.png", height, width, channels, dtype)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4), np.int32), np.zeros(4, np.uint8), np.zeros((4, 4, 5), np.uint8), np.zeros((0, 4), np.uint8)],
)
def test_wrong_arrays_are_refused(pixels, tmp_path):
    with pytest.raises(InputError, match="pixels must"):
        write_picture(tmp_path / "a.png", Picture(pixels))


@pytest.mark.parametrize("extension", ["jpg", "webp"])
def test_quality_matters(extension, tmp_path, make_pixels):
    pixels = make_pixels(64, 64) ^ np.random.default_rng(0).integers(0, 32, (64, 64, 3)).astype(np.uint8)
    sizes, errors = [], []
    for quality in (1, 50, 89, 95, 100):
        write_picture(tmp_path / f"a.{extension}", Picture(pixels), quality=quality)
        sizes.append((tmp_path / f"a.{extension}").stat().st_size)
        errors.append(np.abs(read_picture(tmp_path / f"a.{extension}").pixels.astype(float) - pixels).mean())
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 3 * errors[-1]


@pytest.mark.parametrize(("quality", "layers"), [(89, (2, 2)), (90, (1, 1)), (100, (1, 1))])
def test_jpeg_keeps_full_colour_resolution_from_quality_90(quality, layers, tmp_path, make_pixels):
    write_picture(tmp_path / "a.jpg", Picture(make_pixels(64, 64)), quality=quality)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.layer[0][1:3] == layers


def test_webp_of_quality_100_is_lossless(tmp_path, make_pixels):
    write_picture(tmp_path / "a.webp", Picture(make_pixels(64, 64)), quality=100)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.webp").pixels, make_pixels(64, 64))


def test_webp_too_large_for_the_lossy_form_is_lossless_and_that_noted(tmp_path, make_pixels, monkeypatch):
    monkeypatch.setattr("srdgan_rt.image.webp._MAX_LOSSY_PIXELS", 64 * 64)
    assert write_picture(tmp_path / "a.webp", Picture(make_pixels(64, 64))) == ()
    assert (read_picture(tmp_path / "a.webp").pixels != make_pixels(64, 64)).any()
    (note,) = write_picture(tmp_path / "a.webp", Picture(make_pixels(64, 65)))
    assert "lossless" in note
    np.testing.assert_array_equal(read_picture(tmp_path / "a.webp").pixels, make_pixels(64, 65))


@pytest.mark.parametrize("extension", ["jpg", "webp", "avif"])
def test_quality_may_be_an_integer_of_numpy(extension, tmp_path, make_pixels):
    for name, quality in (("a", 80), ("b", np.int64(80))):
        write_picture(tmp_path / f"{name}.{extension}", Picture(make_pixels(8, 8)), quality=quality)
    assert (tmp_path / f"a.{extension}").read_bytes() == (tmp_path / f"b.{extension}").read_bytes()


@pytest.mark.parametrize("quality", [0, 101, -5, 95.5, "95", None, True])
def test_quality_out_of_range_is_refused(quality, tmp_path, make_pixels):
    with pytest.raises(InputError, match=f"quality must be a whole number from 1 to 100, got {quality!r}"):
        write_picture(tmp_path / "a.jpg", Picture(make_pixels(8, 8)), quality=quality)


@pytest.mark.parametrize("pixels", [None, [[0, 1]], Image.new("L", (2, 2))])
def test_what_is_no_array_is_refused(pixels, tmp_path):
    with pytest.raises(InputError, match=f"pixels must be a numpy array, got {type(pixels).__name__}"):
        write_picture(tmp_path / "a.png", Picture(pixels))


@pytest.mark.parametrize("path", ["a" * 300 + ".png", "b" * 300 + "/a.png"])
def test_too_long_names_are_one_line(path, tmp_path, make_pixels):
    with pytest.raises(ImageWriteError, match=r"cannot be written|does not exist"):
        write_picture(tmp_path / path, Picture(make_pixels(8, 8)))


@pytest.mark.parametrize(
    ("extension", "dtype"),
    [("jpg", np.uint16), ("jpg", np.float32), ("webp", np.uint16), ("webp", np.float32), ("png", np.float32)],
)
def test_lost_depth_is_noted(extension, dtype, tmp_path, make_pixels):
    notes = write_picture(tmp_path / f"a.{extension}", Picture(make_pixels(32, 32, 3, dtype)), quality=100)
    assert any("bits" in note for note in notes)
    back = read_picture(tmp_path / f"a.{extension}").pixels
    assert back.dtype == (np.uint16 if extension == "png" else np.uint8)
    expected = convert_depth(make_pixels(32, 32, 3, dtype), back.dtype)
    assert np.abs(back.astype(int) - expected).max() <= (4 if extension == "jpg" else 0)


def test_damaged_metadata_of_the_caller_are_dropped_and_noted(tmp_path, make_pixels):
    notes = write_picture(tmp_path / "a.png", Picture(make_pixels(8, 8), Metadata(exif=b"nonsense", xmp=b"<x/>" * 9)))
    assert [note.split(" (")[0] for note in notes] == ["damaged EXIF block dropped", "damaged XMP dropped"]


@pytest.mark.parametrize("extension", FORMATS)
def test_strided_arrays_are_written_as_they_look(extension, tmp_path, make_pixels):
    pixels = make_pixels(40, 60)[::-2, ::2, ::-1]
    write_picture(tmp_path / f"a.{extension}", Picture(pixels), quality=100)
    back = read_picture(tmp_path / f"a.{extension}").pixels
    assert np.abs(back.astype(int) - pixels).max() <= (4 if extension == "jpg" else 0)


@pytest.mark.parametrize("extension", [*FORMATS, "avif"])
def test_grey_may_have_an_axis_for_its_channel(extension, tmp_path, make_pixels):
    grey = make_pixels(20, 30, 1)
    for name, pixels in (("a", grey), ("b", grey[..., None])):
        write_picture(tmp_path / f"{name}.{extension}", Picture(pixels))
    assert (tmp_path / f"a.{extension}").read_bytes() == (tmp_path / f"b.{extension}").read_bytes()


def test_depths_convert_to_each_other_by_nearest_value():
    all8, all16 = np.arange(256, dtype=np.uint8)[None], np.arange(65536, dtype=np.uint16)[None]
    np.testing.assert_array_equal(convert_depth(convert_depth(all8, np.uint16), np.uint8), all8)
    np.testing.assert_array_equal(convert_depth(convert_depth(all8, np.float32), np.uint8), all8)
    np.testing.assert_array_equal(convert_depth(convert_depth(all16, np.float32), np.uint16), all16)
    np.testing.assert_array_equal(convert_depth(all16, np.uint8), np.rint(all16 / 257))
    special = np.array([[-1, 0, 1, 2, np.nan, np.inf]], np.float32)
    with np.errstate(invalid="raise"):  # what a processor makes an integer of that is not a number is its own affair
        assert convert_depth(special, np.uint8).tolist() == [[0, 0, 255, 255, 0, 255]]


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
    channels=st.integers(1, 4),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    extension=st.sampled_from(["png", "tif"]),
)
def test_lossless_round_trip(data, dtype, channels, height, width, extension, tmp_path_factory):
    if extension == "png" and dtype == np.float32:
        dtype = np.uint16
    shape = (height, width) if channels == 1 else (height, width, channels)
    elements = st.floats(0, 1, width=32) if dtype == np.float32 else None
    pixels = data.draw(hnp.arrays(dtype, shape, elements=elements))
    path = tmp_path_factory.getbasetemp() / f"round_trip.{extension}"
    assert write_picture(path, Picture(pixels)) == ()
    back = read_picture(path).pixels
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, pixels)
