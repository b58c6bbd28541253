"""One region of pictures of different sizes."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from srdgan_rt.compare import compare_files
from srdgan_rt.compare.region import find_part
from srdgan_rt.errors import InputError
from srdgan_rt.image import Metadata, Text

LARGE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
SMALL = np.ascontiguousarray(LARGE[::4, ::4])  # (12, 16, 3)


def read_pixels(picture):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture["url"].partition(",")[2]))))


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_the_pixels_cover_the_region_and_no_more(frame_side, side, data):
    x = data.draw(st.integers(0, frame_side - 1))
    width = data.draw(st.integers(1, frame_side - x))
    part = find_part((x, x, width, width), (frame_side, frame_side), (side, side))
    pixel = frame_side / side / width  # in units of the region
    assert part.box.x == part.box.y >= 0
    assert part.box.right <= side
    assert -pixel < part.place.x <= 1e-9
    assert 1 - 1e-9 <= part.place.x + part.place.width < 1 + pixel
    assert part.place.width == pytest.approx(part.box.width * pixel)
    assert part.place.x * width + x == pytest.approx(part.box.x * frame_side / side)


def test_the_same_part_of_each_picture_is_shown_as_it_is(draw, read_page):
    paths = [draw("large.png", LARGE), draw("small.png", SMALL)]
    comparison = compare_files(paths, roi=(9, 4, 20, 8))
    page = read_page(comparison.page)
    large, small = page.pictures
    assert (read_pixels(large) == LARGE[4:12, 9:29]).all()
    assert (read_pixels(small) == SMALL[1:3, 2:8]).all()  # columns 8 to 32 of the large one
    assert large["part"] == {"x": 0, "y": 0, "width": 1, "height": 1}
    assert small["part"] == pytest.approx({"x": -1 / 20, "y": 0, "width": 24 / 20, "height": 1})
    assert (large["width"], large["height"], small["width"], small["height"]) == (20, 8, 6, 2)
    assert large["facts"][:2] == [["size", "64 x 48 pixels"], ["region", "20 x 8 pixels at (9, 4)"]]
    assert small["facts"][:2] == [["size", "16 x 12 pixels"], ["region", "6 x 2 pixels at (2, 1)"]]
    assert sum(large["histograms"][0]["counts"]) == 20 * 8
    assert "Only a region is shown: 20 x 8 pixels at (9, 4) of large.png, " in comparison.page.decode()
    assert comparison.notes == ()


def test_coordinates_are_those_of_the_first_picture(draw, read_page):
    page = read_page(compare_files([draw("small.png", SMALL), draw("large.png", LARGE)], roi=(2, 3, 5, 4)).page)
    assert (read_pixels(page.pictures[0]) == SMALL[3:7, 2:7]).all()
    assert (read_pixels(page.pictures[1]) == LARGE[12:28, 8:28]).all()


def test_scores_are_those_of_the_region(draw, read_page):
    other = LARGE.copy()
    other[:, :20] = 0  # outside of the region
    other[10, 30] ^= 8
    roi = (20, 4, 30, 40)
    paths = [draw("a.png", LARGE), draw("b.png", other)]
    (whole,) = read_page(compare_files(paths).page).scores
    (score,) = read_page(compare_files(paths, roi=roi).page).scores
    crops = [draw(f"crop_{path.name}", pixels[4:44, 20:50]) for path, pixels in zip(paths, (LARGE, other), strict=True)]
    assert [score] == read_page(compare_files(crops).page).scores != [whole]


def test_regions_of_pictures_of_different_sizes_are_not_scored(draw, read_page):
    # The regions have one size, but not quite the same place.
    paths = [draw("a.png", LARGE), draw("b.png", np.pad(LARGE, ((0, 0), (0, 1), (0, 0))))]
    page = read_page(compare_files(paths, roi=(0, 0, 10, 20)).page)
    assert page.pictures[0]["height"] == page.pictures[1]["height"]
    assert page.scores == []


def test_a_region_of_a_large_picture_is_not_reduced(draw, read_page):
    paths = [draw("a.png", LARGE), draw("b.png", LARGE)]
    comparison = compare_files(paths, roi=(0, 0, 10, 20), shown_pixels=200)
    assert comparison.notes == ()
    assert read_page(comparison.page).scores != []
    reduced = compare_files(paths, roi=(0, 0, 10, 21), shown_pixels=200)
    assert "shown reduced to 9 x 20 pixels: a page shows at most 200" in reduced.notes[0][1]


def test_nothing_outside_of_the_region_is_in_the_page(draw, read_page):
    path = draw("a.jpg", LARGE, metadata=Metadata(texts=(Text("Comment", "a place"),)))
    picture = read_page(compare_files([path, path], roi=(0, 0, 5, 5)).page).pictures[0]
    assert read_pixels(picture).shape == (5, 5, 3)
    assert b"a place" not in base64.b64decode(picture["url"].partition(",")[2])
    assert picture["metadata"][0]["rows"] == [["Comment", "a place"]]


def test_without_a_region_nothing_is_said_of_one(draw, read_page):
    page = compare_files([draw("a.png", LARGE), draw("b.png", LARGE)]).page
    assert b'<p id="region"></p>' in page
    assert [picture["part"] for picture in read_page(page).pictures] == [None, None]


@pytest.mark.parametrize("roi", [(0, 0, 0, 5), (-1, 0, 5, 5), (60, 0, 5, 5), (0, 40, 5, 9)])
def test_regions_outside_of_the_first_picture_are_errors(roi, draw):
    paths = [draw("a.png", LARGE), draw("b.png", LARGE)]
    with pytest.raises(InputError, match=r"a\.png: roi must be a box inside the picture of 64 x 48 pixels, got \("):
        compare_files(paths, roi=roi)


def test_another_shape_is_an_error(draw):
    paths = [draw("a.png", LARGE), draw("b.png", LARGE[:40])]
    message = r"b\.png: a region needs pictures of one shape: 64 x 40 pixels are not 64 x 48 enlarged or reduced"
    with pytest.raises(InputError, match=message):
        compare_files(paths, roi=(0, 0, 5, 5))
