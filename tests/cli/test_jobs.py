"""Planning never loses a picture and never lets two files collide, whatever the tree looks like."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srdgan_rt.cli.jobs import plan_jobs
from srdgan_rt.cli.options import Extension

NAMES = st.sampled_from(["a.png", "a.jpg", "a_x4.png", "b.bmp", "s/a.png", "s/a_x4.jpg", "s/t/b.tif", "out/c.png"])


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


def test_same_input_twice_is_one_job(tmp_path):
    (tmp_path / "a.png").touch()
    assert len(plan_jobs([str(tmp_path / "a.png"), str(tmp_path)], None).jobs) == 1
