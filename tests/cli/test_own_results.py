"""Results are marked, known again and left alone, whatever they are called."""

from __future__ import annotations

import os

import pytest

from srdgan_rt.files.own_results import Mark, ResultFinder, find_mark, mark_result
from srdgan_rt.image import read_picture

PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="uuid:1" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/png"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_mark_is_added_to_what_is_there_and_once_only():
    once = mark_result(PACKET, "a<b>", 4)
    assert once.startswith(PACKET[: PACKET.index(b"</rdf:RDF>")])
    assert b'<rdf:Description rdf:about="uuid:1" xmlns:srdgan="urn:srdgan-rt:result#"' in once
    assert b'srdgan:Model="a&lt;b&gt;" srdgan:Outscale="4"' in once
    again = mark_result(once, "c", 2.5)
    assert again.count(b"urn:srdgan-rt:result#") == 1
    assert b'srdgan:Model="c" srdgan:Outscale="2.5"' in again


@pytest.mark.parametrize("packet", [b"", b"no XML", PACKET.decode().encode("utf-16"), PACKET + b" " * 65000])
def test_packet_that_cannot_be_marked_stays_as_it_is(packet):
    assert mark_result(packet or b"<x/>", "m", 4) == (packet or b"<x/>")


@pytest.mark.parametrize("name", ["a.png", "a 'quoted' & <odd>.png", '"a".png', "ä&amp;é.png"])
@pytest.mark.parametrize("extension", ["png", "jpg", "tiff", "webp", "avif"])
def test_result_names_its_source(upscale, draw, tmp_path, name, extension):
    draw(tmp_path / name, 64, 64)
    upscale(tmp_path / name, "-o", tmp_path / f"result.{extension}")
    assert find_mark(tmp_path / f"result.{extension}") == Mark(name)
    assert find_mark(tmp_path / name) is None


def test_mark_without_a_name():
    assert b"srdgan:Source" not in mark_result(None, "m", 4)
    assert b"srdgan:Source" not in mark_result(None, "m", 4, "not\nprintable.png")


def test_result_of_another_picture_is_not_taken_for_ones_own(upscale, draw, tmp_path):
    draw(tmp_path / "a.bmp")
    upscale(tmp_path / "a.bmp", "-s", "1")
    before = (tmp_path / "a_x1.png").read_bytes()
    draw(tmp_path / "a.png", 8, 8)
    outcome = upscale(tmp_path / "a.png", "-s", "1", "--skip-existing")
    assert outcome.status == 1
    assert "a_x1.png is the result of a.bmp, not of a.png: choose --overwrite, --suffix or --output" in outcome.err
    assert upscale(tmp_path / "a.bmp", "-s", "1", "--skip-existing").status == 0
    assert (tmp_path / "a_x1.png").read_bytes() == before


def test_named_result_is_left_alone_beside_its_own_original_only(upscale, draw, tmp_path):
    draw(tmp_path / "IMG_0001.png", 4, 4)
    draw(tmp_path / "IMG.png", 4, 4)
    upscale(tmp_path / "IMG_0001.png", "--suffix", "big")
    result = tmp_path / "IMG_0001_big.png"
    outcome = upscale(tmp_path / "IMG.png", result, "-s", "2")
    assert outcome.status == 0
    assert "IMG_0001_big_x2.png" in names_in(tmp_path)
    outcome = upscale(tmp_path / "IMG_0001.png", result, "-s", "3")
    assert f"{result}: is the result of an earlier run; to enlarge it, name it without its original" in outcome.err
    assert "IMG_0001_big_x3.png" not in names_in(tmp_path)


@pytest.mark.parametrize("extension", ["png", "jpg", "tiff", "webp"])
def test_result_is_known_by_its_content(upscale, draw, tmp_path, extension):
    draw(tmp_path / "a.png", 64, 64)
    upscale(tmp_path / "a.png", "-o", tmp_path / f"other.{extension}")
    assert b"srdgan:Outscale" in read_picture(tmp_path / f"other.{extension}").metadata.xmp
    assert ResultFinder().is_result(tmp_path / f"other.{extension}")
    assert not ResultFinder().is_result(tmp_path / "a.png")


def test_result_is_known_by_its_name_beside_the_original(draw, tmp_path):
    for name in ("a.png", "a_x4.png", "a_x2.5.jpg", "b_x4.png", "a_xl.png"):
        draw(tmp_path / name)
    finder = ResultFinder()
    results = {name for name in names_in(tmp_path) if finder.is_result(tmp_path / name)}
    assert results == {"a_x4.png", "a_x2.5.jpg"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([], ["-s", "2"]),
        (["--suffix", "big"], []),
        (["--ext", "webp"], ["--ext", "tiff"]),
        (["-o", "big"], ["-r", "-o", "more"]),
        (["-o", "big", "--suffix", ""], ["-r"]),
        (["-o", "."], ["-o", ".", "--suffix", "new"]),
    ],
)
def test_results_of_another_run_are_left_alone(upscale, draw, tmp_path, monkeypatch, first, second):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "a.png")
    assert upscale(".", *first).status == 0
    (result,) = set(names_in(tmp_path)) - {"a.png"}
    before = len(names_in(tmp_path))
    outcome = upscale(".", *second)
    assert outcome.status == 0
    assert len(names_in(tmp_path)) == before + 1
    assert f"{result}: is the result of an earlier run" in outcome.err


def test_result_named_itself_is_upscaled_but_not_beside_its_original(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    upscale(tmp_path / "a.png")
    assert upscale(tmp_path / "a_x4.png", "-s", "2").status == 0
    assert read_picture(tmp_path / "a_x4_x2.png").pixels.shape[:2] == (32, 48)
    os.remove(tmp_path / "a_x4_x2.png")  # noqa: PTH107
    outcome = upscale(tmp_path / "a.png", tmp_path / "a_x4.png", "-s", "2")  # as a shell expands *.png
    assert outcome.status == 0
    assert names_in(tmp_path) == ["a.png", "a_x2.png", "a_x4.png"]


def test_many_results_are_one_line_with_their_number(upscale, draw, tmp_path):
    for number in range(10):
        draw(tmp_path / f"a{number}.png")
        draw(tmp_path / f"a{number}_x2.png")
    outcome = upscale(tmp_path, "-o", tmp_path / "out")
    assert len(outcome.err_lines) == 2
    assert "and 9 more files: is the result of an earlier run" in outcome.err_lines[1]
