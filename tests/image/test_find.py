import os
from pathlib import Path

import pytest

from srdgan_rt.errors import InputError
from srdgan_rt.image import find_pictures


@pytest.fixture
def tree(tmp_path):
    for name in (
        *("img10.jpg", "img2.JPG", "img1.png", "notes.txt", ".hidden.jpg", "photo[1].jpg"),
        *("sub/img3.tif", "sub/deep/img4.webp", ".cache/img5.jpg", "sub/._img3.tif"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


def _relative(found):
    assert all(entry.error is None for entry in found)
    return [entry.relative.as_posix() for entry in found]


def test_folder_is_sorted_as_people_count(tree):
    found = find_pictures([tree])
    assert _relative(found) == ["img1.png", "img2.JPG", "img10.jpg", "photo[1].jpg"]
    assert [entry.path for entry in found] == [tree / entry.relative for entry in found]


def test_numbers_come_before_letters(tmp_path):
    names = ["02.jpg", "2.jpg", "10.jpg", "2024 b.jpg", "a.jpg", "img.jpg", "img2.jpg", "img10.jpg", "z.jpg"]
    for name in names:
        (tmp_path / name).touch()
    assert _relative(find_pictures([tmp_path])) == names


def test_recursion_mirrors_the_tree_without_hidden_folders(tree):
    found = _relative(find_pictures([tree], recursive=True))
    assert sorted(found) == sorted(
        ["img1.png", "img2.JPG", "img10.jpg", "photo[1].jpg", "sub/img3.tif", "sub/deep/img4.webp"]
    )


def test_named_files_are_taken_whatever_their_extension(tree):
    assert _relative(find_pictures([tree / "notes.txt", tree / "sub" / "img3.tif"])) == ["notes.txt", "img3.tif"]


def test_patterns(tree):
    assert _relative(find_pictures([str(tree / "*.jpg")])) == ["img10.jpg", "photo[1].jpg"]
    assert _relative(find_pictures([str(tree / "**" / "img[34].*")])) == ["sub/deep/img4.webp", "sub/img3.tif"]
    assert _relative(find_pictures([str(tree / "sub" / "*.tif")])) == ["img3.tif"]


def test_name_that_looks_like_a_pattern(tree):
    assert _relative(find_pictures([tree / "photo[1].jpg"])) == ["photo[1].jpg"]


def test_folder_of_a_pattern_may_look_like_a_pattern(tree):
    (tree / "album [2024] (1)").mkdir()
    (tree / "album [2024] (1)" / "a.jpg").touch()
    assert _relative(find_pictures([str(tree / "album [2024] (1)" / "*.jpg")])) == ["a.jpg"]


def test_file_that_was_named_itself_says_so(tree):
    found = find_pictures([tree, tree / "img1.png", str(tree / "*.JPG")])
    assert [entry.path.name for entry in found if entry.is_named] == ["img1.png"]


def test_digits_that_are_no_numbers(tree):
    for name in ("5²6.png", "²", "٣.png"):
        (tree / "empty" / name).touch()
    assert sorted(_relative(find_pictures([tree / "empty"]))) == ["5²6.png", "٣.png"]


def test_photographs_that_cannot_be_read_are_named(tree):
    for name in ("a.PSD", "b.jp2", "c.xmp", "d.mp4", *(f"e{number}.jxl" for number in range(9))):
        (tree / "sub" / name).touch()
    found = find_pictures([tree / "sub"])
    assert [entry.path.name for entry in found if entry.is_picture] == ["img3.tif"]
    assert {(entry.path.name, entry.note) for entry in found if entry.note} == {
        ("a.PSD", "left out: Photoshop files cannot be read"),
        ("b.jp2", "left out: JPEG 2000 files cannot be read"),
        ("sub", "9 JPEG XL files left out: they cannot be read"),
    }


def test_folder_of_nothing_but_unreadable_photographs_is_an_error(tree):
    (tree / "empty" / "a.jp2").touch()
    (found,) = find_pictures([tree / "empty"])
    assert str(found.error).endswith("holds no pictures that can be read, only JPEG 2000")


def test_names_that_the_system_refuses_are_entries(tree):
    long, good = find_pictures(["x" * 300, tree / "img1.png"])
    assert "too long" in str(long.error)
    assert good.is_picture


def test_an_empty_input_is_refused(tree):
    with pytest.raises(InputError, match="an input must not be empty"):
        find_pictures([tree / "img1.png", ""])


def test_links_to_folders(tree):
    (tree / "sub" / "self").symlink_to(".")
    (tree / "sub" / "up").symlink_to("..")
    (tree / "sub" / "album").symlink_to("../elsewhere")
    (tree / "elsewhere").mkdir()
    (tree / "elsewhere" / "a.png").touch()
    found = find_pictures([tree / "sub"], recursive=True)
    assert {entry.relative.as_posix() for entry in found if entry.is_picture} == {
        "img3.tif",
        "deep/img4.webp",
        "album/a.png",
    }
    assert [entry.path.name for entry in found if entry.note] == ["up"]
    whole = find_pictures([tree], recursive=True)
    assert [entry.relative.as_posix() for entry in whole if entry.path.name == "a.png"] == ["elsewhere/a.png"]


def test_a_file_goes_by_its_own_name_and_not_by_that_of_a_link(tree):
    (tree / "sub" / "a.tif").symlink_to("img3.tif")
    (tree / "sub" / "b.png").symlink_to("../img1.png")
    assert _relative(find_pictures([tree / "sub"])) == ["b.png", "img3.tif"]
    (found,) = find_pictures([tree / "sub" / "a.tif", str(tree / "sub" / "*.tif")])
    assert (found.path.name, found.is_named) == ("img3.tif", True)


def test_relative_patterns_and_names(tree, monkeypatch):
    monkeypatch.chdir(tree)
    assert _relative(find_pictures(["*.png", "sub", "img2.JPG"])) == ["img1.png", "img3.tif", "img2.JPG"]
    assert find_pictures(["*.png"])[0].path == Path("img1.png")


def test_each_file_comes_once(tree):
    found = find_pictures([tree / "img2.JPG", tree, str(tree / "*.JPG"), f"{tree}/sub/../img1.png"])
    assert _relative(found) == ["img2.JPG", "img1.png", "img10.jpg", "photo[1].jpg"]


def test_bad_inputs_are_entries_among_the_good_ones(tree):
    inputs = [tree / "none.jpg", tree / "img1.png", str(tree / "*.xyz"), tree / "empty", tree / "img2.JPG"]
    found = find_pictures(inputs)
    assert [entry.error is None for entry in found] == [False, True, False, False, True]
    assert all(isinstance(entry.error, InputError) for entry in found if entry.error)
    messages = [str(entry.error) for entry in found if entry.error]
    for message, part in zip(messages, ("No such file", "matches no file", "holds no pictures"), strict=True):
        assert part in message


def test_folder_with_pictures_below_only_hints_at_recursion(tree):
    (tree / "sub" / "img3.tif").unlink()
    (found,) = find_pictures([tree / "sub"])
    assert "-r" in str(found.error)
    assert _relative(find_pictures([tree / "sub"], recursive=True)) == ["deep/img4.webp"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads every folder")
def test_unreadable_folder_is_an_entry(tree):
    (tree / "sub").chmod(0)
    try:
        found = find_pictures([tree], recursive=True)
    finally:
        (tree / "sub").chmod(0o755)
    assert [entry.path.name for entry in found if entry.error] == ["sub"]


def test_no_inputs():
    assert find_pictures([]) == []
