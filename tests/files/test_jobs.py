"""Planning never loses a picture and never lets two files collide, whatever the tree looks like."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srdgan_rt.errors import InputError
from srdgan_rt.files.extension import Extension
from srdgan_rt.files.jobs import Plan, Planner
from srdgan_rt.image import FoundPicture, find_pictures

NAMES = st.sampled_from(
    ["a.png", "a.jpg", "a.bmp", "a_png.png", "a_x4.png", "b.bmp", "s/a.png", "s/a_x4.jpg", "s/t/b.tif", "out/c.png"]
)


def plan_jobs(inputs: list[str], output: str | None, *, recursive: bool = False, **options) -> Plan:
    return Planner(inputs, output, **options).plan(find_pictures(inputs, recursive))


@settings(max_examples=60, deadline=None)
@given(
    names=st.sets(NAMES, min_size=1),
    recursive=st.booleans(),
    suffix=st.sampled_from(["", "x4"]),
    extension=st.sampled_from([Extension.AUTO, Extension.PNG]),
    output=st.sampled_from([None, "out", "."]),
)
def test_no_collisions_and_nothing_lost(names, recursive, suffix, extension, output):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()
        target = None if output is None else str(root / output)
        plan = plan_jobs([str(root)], target, recursive=recursive, suffix=suffix, extension=extension)
        targets = [job.target.resolve() for job in plan.jobs]
        sources = {job.source.resolve() for job in plan.jobs}
        assert len(set(targets)) == len(targets)
        assert not sources & set(targets)
        accounted = {str(source) for source in sources} | {subject for subject, _ in plan.failures + plan.left_alone}
        for name in names:
            in_reach = recursive or "/" not in name
            assert (str(root / name) in accounted) == in_reach


def test_target_folder_that_is_itself_the_input_is_searched(tmp_path):
    (tmp_path / "a.png").touch()
    (job,) = plan_jobs([str(tmp_path)], str(tmp_path)).jobs
    assert job.target == tmp_path / "a_x4.png"


@pytest.mark.parametrize(("name", "expected"), [("a.dng", "a_x4.tiff"), ("a.gif", "a_x4.png"), ("a", "a_x4.png")])
def test_format_that_is_not_written_is_replaced_and_noted(tmp_path, name, expected):
    (tmp_path / name).touch()
    (job,) = plan_jobs([str(tmp_path / name)], None).jobs
    assert job.target == tmp_path / expected
    assert job.notes


def plan_names(tmp_path, inputs, output="out", **options):
    plan = plan_jobs([str(tmp_path / name) for name in inputs], str(tmp_path / output), **options)
    assert not plan.failures
    return [str(job.target.relative_to(tmp_path / output)) for job in plan.jobs]


def touch(tmp_path, *names):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (["a/x.jpg", "b/x.jpg"], ["a/x_x4.jpg", "b/x_x4.jpg"]),
        (["a", "b"], ["a/x_x4.jpg", "b/x_x4.jpg"]),
        (["2023/dcim", "2024/dcim"], ["2023/dcim/x_x4.jpg", "2024/dcim/X_x4.jpg"]),
        (["a", "a/c/x.jpg"], ["x_x4.jpg", "c/x_x4.jpg"]),
        (["a", "2023/dcim/x.jpg", "b/y.jpg"], ["a/x_x4.jpg", "2023/dcim/x_x4.jpg", "b/y_x4.jpg"]),
        (["a/x.jpg", "b/y.jpg"], ["x_x4.jpg", "y_x4.jpg"]),
    ],
)
def test_equal_names_of_several_inputs_go_into_folders(tmp_path, inputs, expected):
    touch(tmp_path, "a/x.jpg", "a/c/x.jpg", "b/x.jpg", "2023/dcim/x.jpg", "2024/dcim/X.jpg")
    if "b" not in inputs:
        touch(tmp_path, "b/y.jpg")
    assert plan_names(tmp_path, inputs) == expected


def test_ending_tells_pictures_of_one_name_apart(tmp_path):
    touch(tmp_path, "a.jpg", "a.png", "A.tif", "b.jpg")
    names = plan_names(tmp_path, [""], extension=Extension.PNG)
    assert sorted(names) == ["A_tif_x4.png", "a_jpg_x4.png", "a_png_x4.png", "b_x4.png"]
    assert sorted(plan_names(tmp_path, [""])) == ["A_x4.tif", "a_x4.jpg", "a_x4.png", "b_x4.jpg"]


@pytest.mark.parametrize(("output", "is_file"), [("x.jpg", True), ("out.d", False), ("v1.2", False), ("x.png/", False)])
def test_output_is_a_file_if_it_is_called_like_one(tmp_path, output, is_file):
    touch(tmp_path, "a.jpg")
    (job,) = plan_jobs([str(tmp_path / "a.jpg")], f"{tmp_path}/{output}").jobs
    assert (job.target == tmp_path / output) == is_file


@pytest.mark.parametrize("output", ["x.jp2", "x.heic", "x.xyz", "x.mp4"])
def test_output_that_looks_like_another_file_is_refused(tmp_path, output):
    touch(tmp_path, "a.jpg")
    with pytest.raises(InputError, match="to name a folder, end with /"):
        plan_jobs([str(tmp_path / "a.jpg")], str(tmp_path / output))


def test_same_input_twice_is_one_job(tmp_path):
    (tmp_path / "a.png").touch()
    assert len(plan_jobs([str(tmp_path / "a.png"), str(tmp_path)], None).jobs) == 1


def find(*paths):
    return [entry for path in paths for entry in find_pictures([path.parent]) if entry.path == path]


def test_pictures_that_are_found_later_get_names_of_their_own(tmp_path):
    touch(tmp_path, "one/a.bmp", "two/a.bmp", "one/a.png")
    planner = Planner([str(tmp_path / "one"), str(tmp_path / "two")], str(tmp_path / "out"))
    names = {}
    for name in ("one/a.bmp", "one/a.png", "two/a.bmp", "one/a.bmp"):
        (job,) = planner.plan(find(tmp_path / name)).jobs
        names.setdefault(name, []).append(str(job.target.relative_to(tmp_path / "out")))
    assert names == {
        "one/a.bmp": ["a_x4.png", "a_x4.png"],  # done again, it keeps its name
        "one/a.png": ["a_png_x4.png"],
        "two/a.bmp": ["two/a_x4.png"],
    }


def test_the_ending_is_added_until_the_name_is_free(tmp_path):
    touch(tmp_path, "s.png", "s.jpg", "s.bmp", "s_png.png", "s_png_png.bmp")
    names = {}
    planner = Planner([str(tmp_path)], str(tmp_path / "out"))
    for job in planner.plan(find_pictures([tmp_path])).jobs:
        names[job.source.name] = job.target.name
    assert names == {
        "s.png": "s_png_png_png_x4.png",
        "s.jpg": "s_x4.jpg",
        "s.bmp": "s_bmp_x4.png",
        "s_png.png": "s_png_x4.png",
        "s_png_png.bmp": "s_png_png_x4.png",
    }
    touch(tmp_path, "s_bmp.png")  # whose own name was given to another
    (job,) = planner.plan(find(tmp_path / "s_bmp.png")).jobs
    assert job.target.name == "s_bmp_png_x4.png"


def test_a_picture_that_becomes_another_kind_of_file_gets_a_new_name(tmp_path):
    touch(tmp_path, "a.jpg", "a.bmp")
    planner = Planner([str(tmp_path)], None)
    assert [job.target.name for job in planner.plan(find_pictures([tmp_path])).jobs] == ["a_x4.png", "a_x4.jpg"]
    (tmp_path / "a.jpg").write_bytes(b"\x89PNG\r\n\x1a\n")
    (job,) = planner.plan(find(tmp_path / "a.jpg")).jobs
    assert job.target.name == "a_jpg_x4.png"


def test_a_fallback_is_no_file_of_another_picture(tmp_path):
    touch(tmp_path, "in/a.jpg", "in/a.png", "in/b.jpg", "in/b.webp", "in/c.jpg", "out/c.png")
    plan = plan_jobs([str(tmp_path / name) for name in ("in", "out/c.png")], str(tmp_path / "out"), suffix="")
    fallbacks = {job.source.name: job.fallback and job.fallback.name for job in plan.jobs}
    # b.png belongs to the first of the two pictures called b.
    assert fallbacks == {"a.jpg": None, "a.png": None, "b.jpg": "b.png", "b.webp": None, "c.jpg": None}


def test_a_link_to_a_picture_of_an_earlier_plan_is_no_job(tmp_path):
    touch(tmp_path, "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    planner = Planner([str(tmp_path)], None)
    assert planner.plan(find(tmp_path / "a.png")).jobs
    assert planner.plan([FoundPicture(tmp_path / "b.png", tmp_path)]).jobs == []


def test_a_pipe_is_refused_before_its_result_has_a_name(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for output in (None, str(tmp_path / "out.png")):
        plan = plan_jobs([str(tmp_path / "pipe.png")], output)
        assert plan.jobs == []
        ((subject, error),) = plan.failures
        assert (subject, str(error)) == (str(tmp_path / "pipe.png"), "not a regular file")
