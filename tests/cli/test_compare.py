"""``srdgan-rt compare`` writes one page, or says in one line why not."""

from __future__ import annotations

import pytest


@pytest.fixture
def pictures(draw, tmp_path):
    return draw(tmp_path / "a.png", 12, 16), draw(tmp_path / "b.jpg", 24, 32)


def test_writes_a_page(run, pictures, tmp_path):
    target = tmp_path / "page.html"
    outcome = run("compare", *pictures, "-o", target, "--title", "Night & day")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out == f"{target} (2 pictures, {target.stat().st_size / 1e6:.1f} MB)\n"
    assert "<title>Night &amp; day</title>" in target.read_text(encoding="utf-8")


def test_notes_name_their_file_and_quiet_prints_none(run, pictures, tmp_path):
    arguments = ["compare", *pictures, "-o", tmp_path / "page.html", "--shown-pixels", 300, "--overwrite"]
    outcome = run(*arguments)
    note = "shown reduced to 20 x 15 pixels: a page shows at most 300"
    assert outcome.err_lines == [f"srdgan-rt: {pictures[1]}: {note}"]
    quiet = run(*arguments, "-q")
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")


def test_keeps_a_file_that_exists(run, pictures, tmp_path):
    target = tmp_path / "page.html"
    target.write_bytes(b"mine")
    outcome = run("compare", *pictures, "-o", target)
    assert outcome.status == 1
    assert outcome.err_lines == [f"srdgan-rt: error: {target} exists: choose --overwrite"]
    assert target.read_bytes() == b"mine"
    assert run("compare", *pictures, "-o", target, "--overwrite").status == 0
    assert target.read_bytes() != b"mine"


def test_a_picture_that_cannot_be_read_leaves_no_page(run, pictures, tmp_path):
    broken = tmp_path / "broken\n.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    outcome = run("compare", *pictures, broken, "-o", tmp_path / "page.html")
    assert outcome.status == 1
    assert len(outcome.err_lines) == 1
    assert "broken\\n.png: " in outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.jpg", "broken\n.png"]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("page.png", "--output must end in .html, got "),
        ("missing/page.html", "its folder does not exist"),
        ("folder.html", "is a folder, not a file"),
    ],
)
def test_wrong_outputs_are_found_before_the_work(run, pictures, tmp_path, output, message):
    (tmp_path / "folder.html").mkdir()
    outcome = run("compare", *pictures, "-o", tmp_path / output)
    assert outcome.status == 2
    assert len(outcome.err_lines) == 1
    assert message in outcome.err


def test_one_picture_is_wrong_usage(run, pictures, tmp_path):
    outcome = run("compare", pictures[0], "-o", tmp_path / "page.html")
    assert outcome.status == 2
    assert outcome.err_lines == ["srdgan-rt: error: compare needs at least 2 pictures, got 1"]


def test_region(run, pictures, tmp_path):
    target = tmp_path / "page.html"
    outcome = run("compare", *pictures, "-o", target, "--roi", "4,3,8,6")
    assert (outcome.status, outcome.err) == (0, "")
    assert "Only a region is shown: 8 x 6 pixels at (4, 3) of a.png" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("roi", "message"),
    [
        ("1,2,3", "--roi must be X,Y,W,H in pixels, got '1,2,3'"),
        ("0,0,17,12", "a.png: roi must be a box inside the picture of 16 x 12 pixels, got (0, 0, 17, 12)"),
    ],
)
def test_wrong_regions_are_one_line(run, pictures, tmp_path, roi, message):
    outcome = run("compare", *pictures, "-o", tmp_path / "page.html", "--roi", roi)
    assert outcome.status == 2
    (line,) = outcome.err_lines
    assert line.endswith(message)
    assert not (tmp_path / "page.html").exists()
