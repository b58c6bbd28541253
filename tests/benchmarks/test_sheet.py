"""The sheet of crops: what lies where."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from srdgan_rt.errors import InputError
from srdgan_rt.image import Picture, read_picture, write_picture
from srdgan_rt.metrics import Sample

sheet = pytest.importorskip("benchmarks.sheet", reason="benchmarks/ is not there: this is not a source tree")


@pytest.fixture
def low(tmp_path: Path) -> Path:
    """A picture of a data set, 80x60, whose original is beside it; red counts the columns, green the rows."""
    y, x = np.mgrid[:240, :320]
    high = np.stack([x // 4, y // 4, np.full_like(x, 200)], -1).astype(np.uint8)
    for name, pixels in (("HR", high), ("LRx4", high[::4, ::4])):
        (tmp_path / name).mkdir()
        write_picture(tmp_path / name / "a.png", Picture(np.ascontiguousarray(pixels)))
    return tmp_path / "LRx4" / "a.png"


def repeat(sample: Sample) -> np.ndarray:
    return sample.low.repeat(4, 0).repeat(4, 1)


@pytest.mark.parametrize(("place", "x", "y"), [("", 34, 26), ("@0,0", 0, 0), ("@68,52", 68, 52), ("@40,5", 40, 5)])
def test_every_column_shows_the_same_crop(low: Path, place: str, x: int, y: int) -> None:
    crop = sheet.read_crop(f"{low}{place}", 12, 8)
    drawn = sheet.draw_sheet([crop, crop], {"one": repeat, "two": repeat}, 12, 8)
    height, width = 8 * 4, 12 * 4
    assert drawn.shape == (24 + 2 * (24 + height), 3 * width + 2 * 6, 3)
    expected = read_picture(low).pixels[y : y + 8, x : x + 12].repeat(4, 0).repeat(4, 1)
    for top in (48, 48 + 24 + height):
        for column in range(3):  # the third is the original
            left = column * (width + 6)
            assert np.array_equal(drawn[top : top + height, left : left + width], expected)
    for top in (0, 24):
        assert drawn[top : top + 24, :40].min() < 128  # a name
    assert drawn[48:, width : width + 6].min() == 255


def test_pictures_of_no_data_set_have_no_original(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((20, 20), 77, np.uint8))
    crop = sheet.read_crop(str(tmp_path / "grey.png"), 10, 10)
    assert crop.original is None
    assert sheet.draw_sheet([crop], {"one": repeat}, 10, 10).shape == (48 + 40, 40, 3)


def test_crops_must_lie_inside(low: Path) -> None:
    for place in ("@69,0", "@0,53"):
        with pytest.raises(InputError, match=r"a crop of 12x8 at \d+,\d+ is not inside 80x60 pixels"):
            sheet.read_crop(f"{low}{place}", 12, 8)
    with pytest.raises(InputError, match="is not inside"):
        sheet.read_crop(str(low), 100, 8)


def test_command(low: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    target = low.parent / "sheet.png"
    command = ["sheet", str(low), "-n", "bicubic", "-n", "nlm", "--size", "16x12", "-o", str(target)]
    monkeypatch.setattr(sys, "argv", command)
    sheet.main()
    assert read_picture(target).pixels.shape == (48 + 48, 3 * 64 + 2 * 6, 3)
    monkeypatch.setattr(sys, "argv", [*command, "--sharpness", "0.5"])
    with pytest.raises(SystemExit):
        sheet.main()
    assert "--sharpness needs a model with sharp weights" in capsys.readouterr().err
