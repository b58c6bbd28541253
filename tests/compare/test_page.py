"""The page as a file: what it holds, and that no text of a picture becomes markup."""

from __future__ import annotations

import base64
import io
import os
import re
from importlib.resources import files

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from srdgan_rt.compare import compare_files
from srdgan_rt.compare.page import SCRIPTS
from srdgan_rt.errors import ImageReadError, ImageTooLargeError, InputError
from srdgan_rt.image import Metadata, Text

PAGE = files("srdgan_rt.compare") / "page"
HOSTILE = "</script></title><script>alert(1)</script><!-- \"'& {{script}} \u2028"


def decode(url):
    kind, data = re.fullmatch(r"data:image/(\w+);base64,(.+)", url).groups()
    return kind, Image.open(io.BytesIO(base64.b64decode(data)))


def test_holds_what_is_known_of_each_picture(draw, read_page):
    paths = [draw("a.png", (0, 10, 20)), draw("b.png", (0, 10, 40)), draw("c.jpg", (0, 10, 20), size=(24, 32))]
    comparison = compare_files(paths)
    page = read_page(comparison.page)
    assert page.title == "a.png / b.png / c.jpg"
    first = page.pictures[0]
    assert (first["name"], first["width"], first["height"]) == ("a.png", 16, 12)
    assert first["facts"][0] == ["size", "16 x 12 pixels"]
    assert first["facts"][1][1].startswith("PNG, 0.")
    assert first["facts"][2] == ["pixels", "RGB, 8 bits"]
    assert [histogram["counts"][20] for histogram in first["histograms"]] == [0, 0, 192]
    assert [score["pictures"] for score in page.scores] == [[0, 1]]  # the third has another size
    assert re.fullmatch(r"\d\d\.\d\d dB", page.scores[0]["psnr"])
    assert comparison.notes == ()


def test_equal_pictures_are_called_identical(draw, read_page):
    path = draw("a.png")
    (score,) = read_page(compare_files([path, path]).page).scores
    assert score == {"pictures": [0, 1], "psnr": "identical", "ssim": "1.0000"}


@pytest.mark.parametrize(
    "name", ["<script>.png", "\"'&.png", "a\nb.png", "--><!--.png", "{{script}}.png", "\u202e\u2028.png", b"\xff.png"]
)
def test_no_name_becomes_markup(name, draw, read_page, tmp_path):
    path = tmp_path / os.fsdecode(name)
    os.rename(draw("a.png"), path)  # noqa: PTH104 (names that pathlib may not like)
    plain = read_page(compare_files([draw("a.png"), draw("b.png")]).page)
    page = read_page(compare_files([path, draw("b.png")]).page)
    assert page.pictures[0]["name"] == path.name
    assert [name for name, _ in page.elements] == [name for name, _ in plain.elements]
    assert page.num_scripts == plain.num_scripts


def test_no_title_and_no_metadata_become_markup(draw, read_page):
    plain = read_page(compare_files([draw("a.png"), draw("b.png")]).page)
    hostile = draw("c.png", metadata=Metadata(texts=(Text("Comment", HOSTILE),)))
    page = read_page(compare_files([hostile, hostile], title=HOSTILE).page)
    assert page.title == HOSTILE
    assert page.pictures[0]["metadata"][0] == {"title": "Texts", "rows": [["Comment", HOSTILE]]}
    assert [name for name, _ in page.elements] == [name for name, _ in plain.elements]


def test_refers_to_nothing_outside(draw, read_page):
    page = read_page(compare_files([draw("a.png"), draw("b.png")]).page)
    assert not {"href", "src", "srcset", "style", "onclick", "onload"} & {
        a for _, known in page.elements for a in known
    }
    policy = next(known["content"] for _, known in page.elements if known.get("http-equiv"))
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for name in ("page.html", "zoom.html", "style.css", "viewer.css", *SCRIPTS):
        text = (PAGE / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"//[\w-]+\.|url\(|@import|fetch\(|innerHTML|</script>.*</script>", text), name


def test_every_script_of_the_folder_is_in_the_page():
    assert {path.name for path in PAGE.iterdir() if path.name.endswith(".js")} == set(SCRIPTS)
    assert all("</script" not in (PAGE / name).read_text(encoding="utf-8") for name in SCRIPTS)


def test_files_that_browsers_show_right_are_kept(draw, read_page):
    paths = [draw("a.jpg"), draw("b.png"), draw("c.webp")]
    urls = [picture["url"] for picture in read_page(compare_files(paths).page).pictures]
    assert [base64.b64decode(url.partition(",")[2]) for url in urls] == [path.read_bytes() for path in paths]


@pytest.mark.parametrize("extension", ["png", "webp"])
def test_orientation_that_some_browsers_ignore_is_applied(extension, tmp_path, read_page):
    pixels = np.zeros((2, 4, 3), np.uint8)
    pixels[0, 3] = 200  # turned by a quarter clockwise, the top right corner becomes the bottom right one
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / f"a.{extension}"
    Image.fromarray(pixels).save(path, exif=exif, lossless=True)
    picture = read_page(compare_files([path, path]).page).pictures[0]
    kind, shown = decode(picture["url"])
    assert (kind, shown.size, shown.getpixel((1, 3))) == ("png", (2, 4), (200, 200, 200))


def test_first_frame_of_an_animation_is_shown(tmp_path, read_page):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    path = tmp_path / "a.webp"
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    kind, shown = decode(read_page(compare_files([path, path]).page).pictures[0]["url"])
    assert (kind, shown.getpixel((0, 0))) == ("png", (255, 0, 0))


@pytest.mark.parametrize("name", ["a.tiff", "a.png"])
def test_16_bits_are_shown_with_8(name, draw, read_page):
    path = draw(name, np.full((3, 4), 0x8001, np.uint16))
    comparison = compare_files([path, path])
    picture = read_page(comparison.page).pictures[0]
    kind, shown = decode(picture["url"])
    assert (kind, shown.mode, shown.getpixel((0, 0))) == ("png", "L", 0x80)
    assert picture["facts"][2] == ["pixels", "grey, 16 bits"]
    assert (str(path), "16 bits a channel, shown with 8") in comparison.notes


def test_cmyk_is_shown_as_rgb(tmp_path, read_page):
    path = tmp_path / "a.jpg"
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(path, quality=100)
    kind, shown = decode(read_page(compare_files([path, path]).page).pictures[0]["url"])
    assert (kind, shown.mode) == ("png", "RGB")
    red, green, blue = shown.getpixel((4, 4))
    assert red > 230 > 20 > max(green, blue)


def test_lossless_jpeg_is_shown_as_png(tmp_path, read_page):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    path = tmp_path / "a.jpg"
    path.write_bytes(imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=8))
    kind, shown = decode(read_page(compare_files([path, path]).page).pictures[0]["url"])
    assert kind == "png"
    assert (np.asarray(shown) == pixels).all()


def test_colour_profile_is_kept(draw, read_page):
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = draw("a.tiff", metadata=Metadata(icc=icc))
    picture = read_page(compare_files([path, path]).page).pictures[0]
    assert decode(picture["url"])[1].info["icc_profile"] == icc
    assert ["ICC profile", "sRGB built-in"] in picture["metadata"][-1]["rows"]


def test_large_pictures_are_reduced_with_a_note_and_not_scored(draw, read_page):
    large, small = draw("large.jpg", size=(20, 40)), draw("small.jpg", size=(10, 20))
    comparison = compare_files([large, large, small], shown_pixels=200)
    page = read_page(comparison.page)
    assert decode(page.pictures[0]["url"])[1].size == (20, 10)
    assert (page.pictures[0]["width"], page.pictures[0]["height"]) == (40, 20)
    assert page.pictures[0]["notes"] == ["shown reduced to 20 x 10 pixels: a page shows at most 200"]
    assert page.pictures[2]["notes"] == []
    assert page.scores == []


def test_metadata_can_be_left_out(draw, read_page):
    metadata = Metadata(texts=(Text("Comment", "secret place"),))
    paths = [draw("a.jpg", metadata=metadata), draw("b.png", metadata=metadata)]
    assert b"secret place" in base64.b64decode(read_page(compare_files(paths).page).pictures[0]["url"].split(",")[1])
    comparison = compare_files(paths, with_metadata=False)
    for picture in read_page(comparison.page).pictures:
        assert picture["metadata"] == []
        assert b"secret place" not in base64.b64decode(picture["url"].partition(",")[2])


def test_rules(draw, tmp_path):
    path = draw("a.png")
    with pytest.raises(InputError, match="a comparison needs at least 2 pictures, got 1"):
        compare_files([path])
    with pytest.raises(InputError, match="shown_pixels must be at least 1, got 0"):
        compare_files([path, path], shown_pixels=0)
    with pytest.raises(ImageTooLargeError):
        compare_files([path, path], max_pixels=100)
    with pytest.raises(ImageReadError):
        compare_files([path, tmp_path / "missing.png"])
