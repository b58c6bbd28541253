import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srdgan_rt.errors import InputError
from srdgan_rt.tiling import Box, plan_fixed_tiles, plan_tiles, split_box

sizes = st.integers(1, 70)
small = st.integers(0, 20)


@st.composite
def regions(draw):
    """A picture's height and width, and a box inside it."""
    height, width = draw(sizes), draw(sizes)
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    box = Box(x, y, draw(st.integers(1, width - x)), draw(st.integers(1, height - y)))
    return height, width, box


@given(regions(), st.integers(1, 80), small)
def test_cores_cover_the_region_exactly_once(region, tile, halo):
    height, width, roi = region
    count = np.zeros((height, width), int)
    for core, _ in plan_tiles(height, width, tile, halo, roi=roi):
        count[core.y : core.bottom, core.x : core.right] += 1
    expected = np.zeros((height, width), int)
    expected[roi.y : roi.bottom, roi.x : roi.right] = 1
    assert (count == expected).all()


@given(regions(), st.integers(1, 80), small, small)
def test_each_side_reads_the_whole_halo_or_up_to_the_border(region, tile, halo, border):
    height, width, roi = region
    for core, read in plan_tiles(height, width, tile, halo, roi=roi, border=border):
        assert read.x == max(core.x - halo, -border)
        assert read.y == max(core.y - halo, -border)
        assert read.right == min(core.right + halo, width + border)
        assert read.bottom == min(core.bottom + halo, height + border)


@given(regions(), st.integers(1, 80), small, small)
def test_fixed_tiles_read_one_shape_with_the_whole_halo_or_up_to_the_border(region, tile, halo, border):
    height, width, roi = region
    side = tile + 2 * halo
    count = np.zeros((height, width), int)
    for core, read in plan_fixed_tiles(height, width, side, halo, roi=roi, border=border):
        count[core.y : core.bottom, core.x : core.right] += 1
        assert (read.width, read.height) == (min(side, width + 2 * border), min(side, height + 2 * border))
        assert read.clip(Box(0, 0, width, height).grow(border)) == read
        assert read.x <= max(core.x - halo, -border)
        assert read.y <= max(core.y - halo, -border)
        assert read.right >= min(core.right + halo, width + border)
        assert read.bottom >= min(core.bottom + halo, height + border)
    assert count.sum() == count[roi.y : roi.bottom, roi.x : roi.right].sum() == roi.area
    assert count.max() == 1


def test_fixed_tiles_need_room_for_the_halo():
    with pytest.raises(InputError, match="side must be more than twice the halo of 8, got 16"):
        plan_fixed_tiles(5, 5, 16, 8)


@given(sizes, sizes, st.integers(1, 80))
def test_pieces_are_as_few_and_as_equal_as_can_be(height, width, tile):
    pieces = split_box(Box(3, 5, width, height), tile)
    assert len(pieces) == -(-height // tile) * -(-width // tile)
    for side in ({piece.width for piece in pieces}, {piece.height for piece in pieces}):
        assert max(side) <= tile
        assert max(side) - min(side) <= 1


@given(st.tuples(*[st.integers(-50, 50)] * 2, *[st.integers(1, 50)] * 2), st.sampled_from([1, 2, 4]))
def test_aligned_boxes_are_the_smallest_around(box, multiple):
    box = Box(*box)
    aligned = box.align(multiple)
    assert aligned.clip(box) == box
    assert all(edge % multiple == 0 for edge in (aligned.x, aligned.y, aligned.right, aligned.bottom))
    assert max(box.x - aligned.x, box.y - aligned.y, aligned.right - box.right, aligned.bottom - box.bottom) < multiple


def test_no_thin_last_tile():
    assert [piece.width for piece in split_box(Box(0, 0, 257, 1), 256)] == [128, 129]


def test_tiles_come_row_by_row():
    cores = [tile.core for tile in plan_tiles(4, 6, 3, 0)]
    assert cores == [Box(0, 0, 3, 2), Box(3, 0, 3, 2), Box(0, 2, 3, 2), Box(3, 2, 3, 2)]


@given(regions(), small)
def test_grow_then_clip_keeps_the_box(region, margin):
    height, width, box = region
    grown = box.grow(margin).clip(Box(0, 0, width, height))
    assert grown.clip(box) == box
    assert box.grow(margin).area == (box.width + 2 * margin) * (box.height + 2 * margin)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tile": 0}, "tile must be at least 1, got 0"),
        ({"halo": -1}, "halo must be at least 0, got -1"),
        ({"border": -2}, "border must be at least 0, got -2"),
        ({"width": 0}, "width and height must be at least 1, got 0 x 5"),
        ({"roi": Box(0, 0, 0, 2)}, "at least 1, got 0 x 2"),
        ({"roi": Box(-1, 0, 2, 2)}, r"inside the picture of 7 x 5 pixels, got \(-1, 0, 2, 2\)"),
        ({"roi": Box(6, 4, 2, 1)}, "inside the picture"),
        ({"roi": Box(90, 90, 2, 1)}, "inside the picture"),
    ],
)
def test_rejects_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        plan_tiles(**({"height": 5, "width": 7, "tile": 3, "halo": 1} | arguments))
