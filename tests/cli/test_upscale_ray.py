"""``upscale --ray``: what is refused before the work, and what becomes of the rows. Ray itself: test_distributed.py."""

from __future__ import annotations

import importlib.util
import json

import pytest
import torch

from srdgan_rt.cli import upscale_ray


@pytest.fixture
def no_cluster(monkeypatch):
    """Workers run in this process; returns the items and options that they got."""
    seen = []

    def run_rows(worker, arguments, items, **options):
        seen.append((items, options))
        object_ = worker(**arguments, num_threads=torch.get_num_threads())
        for item in items:
            columns = object_({name: [value] for name, value in item.items()})
            yield {name: values[0] for name, values in columns.items()}

    monkeypatch.setattr(upscale_ray, "connect", lambda address: None)
    monkeypatch.setattr(upscale_ray, "run_rows", run_rows)
    return seen


def test_rows_become_the_lines_of_the_command(upscale, draw, no_cluster, tmp_path):
    draw(tmp_path / "a.png")
    (tmp_path / "bad.png").write_bytes(b"junk")
    outcome = upscale(tmp_path, "--ray", "auto", "--ray-cpus", "3", "--ray-gpus", "0.5", "--json")
    rows = {row["input"]: row for row in map(json.loads, outcome.out.splitlines())}
    assert outcome.status == 1
    assert (rows[str(tmp_path / "a.png")]["out_width"], rows[str(tmp_path / "a.png")]["error"]) == (24, None)
    assert "not a picture" in rows[str(tmp_path / "bad.png")]["error"]
    assert (tmp_path / "a_x4.png").is_file()
    assert no_cluster[0][1] == {"num_cpus": 3, "num_gpus": 0.5}


def test_results_that_exist_are_refused_skipped_or_replaced(upscale, draw, no_cluster, tmp_path):
    picture, result = draw(tmp_path / "a.png"), tmp_path / "a_x4.png"
    result.write_bytes(b"mine")
    outcome = upscale(picture, "--ray", "auto")
    assert (outcome.status, result.read_bytes()) == (1, b"mine")
    assert "exists: choose --overwrite or --skip-existing" in outcome.err
    outcome = upscale(picture, "--ray", "auto", "--skip-existing")
    assert (outcome.status, result.read_bytes()) == (0, b"mine")
    assert "skipped: the result exists" in outcome.err
    assert upscale(picture, "--ray", "auto", "--overwrite").status == 0
    assert result.read_bytes() != b"mine"


def test_the_report_is_that_of_a_run_without_workers(upscale, draw, no_cluster, tmp_path):
    draw(tmp_path / "a.png")
    draw(tmp_path / "large.png", height=8)
    (tmp_path / "bad.png").write_bytes(b"junk")

    def report(*options):
        rows = [json.loads(line) for line in upscale(tmp_path, "--json", "--max-pixels", 24, *options).out.splitlines()]
        (tmp_path / "a_x4.png").unlink()
        return [row | {"seconds": None, "megapixels_per_second": None} for row in rows]

    assert report("--ray", "auto") == report()


@pytest.mark.parametrize("options", [(), ("--skip-existing",)])
def test_a_png_that_would_replace_the_result_is_refused_or_skipped(upscale, draw, no_cluster, tmp_path, options):
    picture = draw(tmp_path / "wide.webp", height=1, width=5000)  # WebP holds at most 16,383 pixels a side
    upscale(picture)
    result = tmp_path / "wide_x4.png"
    before = result.stat()
    outcomes = [upscale(picture, *options, "--quiet", *ray) for ray in ((), ("--ray", "auto"))]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].status == (0 if options else 1)
    assert result.stat() == before


def test_a_wrong_model_is_found_before_the_work(run, draw, no_cluster, tmp_path):
    outcome = run("upscale", draw(tmp_path / "a.png"), "--ray", "auto", "-n", "nothing")
    assert outcome.status == 2
    assert "no model 'nothing'" in outcome.err
    assert no_cluster == []


def test_options_of_workers_need_ray(upscale, draw, tmp_path):
    outcome = upscale(draw(tmp_path / "a.png"), "--ray-cpus", "3")
    assert outcome.status == 2
    assert outcome.err_lines == ["srdgan-rt: error: --ray-cpus and --ray-gpus have no effect without --ray"]


def test_missing_ray_is_named(upscale, draw, monkeypatch, tmp_path):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else found(name))
    outcome = upscale(draw(tmp_path / "a.png"), "--ray", "auto")
    assert outcome.status == 2
    assert outcome.err_lines == [
        "srdgan-rt: error: --ray needs ray, which is not installed: pip install 'srdgan_rt[ray]'"
    ]
