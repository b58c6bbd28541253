"""``srdgan-rt degrade``: pairs in the form that trainers expect, the same whenever and wherever they are made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from srdgan_rt.checkpoint import save_model
from srdgan_rt.image import read_picture
from srdgan_rt.image.resample import shift_half_pixel
from srdgan_rt.models import H2LNet


@pytest.fixture(scope="module")
def h2l(tmp_path_factory):
    """A fresh net: the sample in the middle of each block plus noise."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("h2l") / "fresh.safetensors"
    save_model(path, H2LNet(num_blocks=1, num_features=6), {"noise_levels": "0.01,0.03"})
    return path


@pytest.fixture
def degrade(run, h2l, tmp_path):
    return lambda *arguments: run("degrade", *arguments, "-o", tmp_path / "out", "-n", h2l)


def snapshot(folder):
    """Bytes of every file."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def read_pairs(folder):
    return json.loads((folder / "manifest.json").read_text())["pairs"]


def test_a_pair_is_centred_and_recorded(degrade, draw, tmp_path, h2l):
    photograph = read_picture(draw(tmp_path / "in" / "a.png", 18, 25)).pixels
    outcome = degrade(tmp_path / "in", "--noise-level", "0")
    assert outcome.status == 0, outcome.err
    high, low = (read_picture(tmp_path / "out" / part / "a.png").pixels for part in ("HR", "LRx4"))
    np.testing.assert_array_equal(low, photograph[:16, :24][2::4, 2::4])
    shifted = shift_half_pixel(torch.from_numpy(photograph / 255).permute(2, 0, 1)).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(high, np.rint(shifted.clip(0, 1) * 255)[:16, :24])
    (record,) = read_pairs(tmp_path / "out").values()
    assert record["source"] == "a.png"
    assert record["size"] == [24, 16]
    assert record["low_size"] == [6, 4]
    assert record["noise_level"] == 0
    assert record["model"] == "fresh"
    assert len(record["source_sha256"]) == len(record["model_sha256"]) == 64
    assert not list((tmp_path / "out").glob(".*"))


def test_result_depends_on_seed_and_name_alone(run, degrade, draw, h2l, tmp_path):
    for name in ("a.png", "b.png", "sub/a.png"):
        draw(tmp_path / "in" / name, 16, 16)
    assert degrade(tmp_path / "in", "-r", "--variants", "2").status == 0
    made = snapshot(tmp_path / "out")
    names = {"a", "a_v2", "b", "b_v2", "sub__a", "sub__a_v2"}
    assert made.keys() == {f"{part}/{name}.png" for part in ("HR", "LRx4") for name in names} | {"manifest.json"}
    # The pixels are the same, the names are not: no two pairs share their noise.
    assert len({made[f"LRx4/{name}.png"] for name in names}) == 6
    alone = tmp_path / "alone"
    assert run("degrade", tmp_path / "in" / "b.png", "-o", alone, "-n", h2l).status == 0
    assert (alone / "LRx4" / "b.png").read_bytes() == made["LRx4/b.png"]
    other = tmp_path / "other"
    assert run("degrade", tmp_path / "in" / "b.png", "-o", other, "-n", h2l, "--seed", 1).status == 0
    assert (other / "LRx4" / "b.png").read_bytes() != made["LRx4/b.png"]
    assert {record["noise_level"] for record in read_pairs(tmp_path / "out").values()} <= {0.01, 0.03}


def test_levels_are_drawn_from_a_range_log_uniformly(degrade, draw, tmp_path):
    draw(tmp_path / "a.png", 4, 4)
    assert degrade(tmp_path / "a.png", "--noise-level", "0.001:0.1", "--variants", "60").status == 0
    levels = np.array([record["noise_level"] for record in read_pairs(tmp_path / "out").values()])
    assert len(set(levels)) == 60
    assert ((levels >= 0.001) & (levels <= 0.1)).all()
    assert 0.25 < (levels < 0.01).mean() < 0.75


def test_a_second_run_makes_only_what_is_missing(degrade, draw, tmp_path):
    for name in ("a.png", "b.png"):
        draw(tmp_path / "in" / name, 8, 8)
    degrade(tmp_path / "in")
    made = snapshot(tmp_path / "out")
    (tmp_path / "out" / "LRx4" / "a.png").unlink()
    outcome = degrade(tmp_path / "in", "--json")
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert [bool(line["notes"]) for line in lines] == [False, True]
    assert snapshot(tmp_path / "out") == made


def test_pairs_of_other_options_are_kept_unless_overwrite(degrade, draw, tmp_path):
    draw(tmp_path / "a.png", 8, 8)
    degrade(tmp_path / "a.png")
    made = snapshot(tmp_path / "out")
    outcome = degrade(tmp_path / "a.png", "--seed", "5")
    assert outcome.status == 1
    (line,) = outcome.err_lines
    assert "exists and was made in another way" in line
    assert snapshot(tmp_path / "out") == made
    assert degrade(tmp_path / "a.png", "--seed", "5", "--overwrite").status == 0
    assert snapshot(tmp_path / "out")["LRx4/a.png"] != made["LRx4/a.png"]


def test_files_of_others_are_kept_unless_overwrite(degrade, draw, tmp_path):
    draw(tmp_path / "a.png", 8, 8)
    foreign = draw(tmp_path / "out" / "HR" / "a.png", 12, 12)
    content = foreign.read_bytes()
    outcome = degrade(tmp_path / "a.png")
    assert outcome.status == 1
    assert "exists and is not of this set" in outcome.err
    assert foreign.read_bytes() == content
    assert degrade(tmp_path / "a.png", "--overwrite").status == 0
    # And a photograph that is itself a part of the set is never read to be replaced by its own pair.
    outcome = degrade(foreign, "--overwrite")
    assert outcome.status == 1
    assert "is one of the pairs in --output" in outcome.err


def test_a_pipe_is_no_photograph(degrade, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    outcome = degrade(tmp_path / "pipe.png")  # reading it would wait for ever
    assert (outcome.status, outcome.err_lines) == (
        1,
        [f"srdgan-rt: error: {tmp_path / 'pipe.png'}: not a regular file"],
    )


def test_a_bad_file_is_one_line_and_the_rest_is_done(degrade, draw, tmp_path):
    draw(tmp_path / "in" / "a.png", 8, 8)
    draw(tmp_path / "in" / "tiny.png", 3, 8)
    draw(tmp_path / "in" / "a.tiff", 8, 8)
    (tmp_path / "in" / "bad.jpg").write_bytes(b"not a picture")
    outcome = degrade(tmp_path / "in", tmp_path / "none.png", "--variants", "3")
    assert outcome.status == 1
    assert len(outcome.err_lines) == 4
    assert list(read_pairs(tmp_path / "out")) == ["a", "a_v2", "a_v3"]
    for text in ("bad.jpg", "at least 4 x 4 pixels", "none.png", "its pair would be called a.png, like that of"):
        assert text in outcome.err


def test_a_pair_is_no_variant_of_another(degrade, draw, tmp_path):
    pictures = [draw(tmp_path / name, 8, 8) for name in ("a.png", "a_v2.png")]
    outcome = degrade(*pictures, "--variants", "2")
    assert outcome.status == 1
    clash = f"{pictures[1]}: its pair would be called a_v2.png, like that of {pictures[0]}"
    assert outcome.err_lines == [f"srdgan-rt: error: {clash}"]
    assert list(read_pairs(tmp_path / "out")) == ["a", "a_v2"]


@pytest.mark.parametrize(("channels", "shape"), [(1, ()), (2, ()), (4, (3,))])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pairs_have_8_bits_and_no_alpha(degrade, draw, tmp_path, channels, shape, dtype):
    draw(tmp_path / "a.png", 8, 12, dtype, channels)
    assert degrade(tmp_path / "a.png").status == 0
    high, low = (read_picture(tmp_path / "out" / part / "a.png").pixels for part in ("HR", "LRx4"))
    assert high.dtype == low.dtype == np.uint8
    assert (high.shape, low.shape) == ((8, 12, *shape), (2, 3, *shape))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--noise-level", "much"], "--noise-level must be a number from 0 to 1 or a range"),
        (["--noise-level", "0.2:0.1"], "got '0.2:0.1'"),
        (["--noise-level", "0:0.1"], "got '0:0.1'"),
        (["--noise-level", "nan"], "got 'nan'"),
        (["--noise-level=-1"], "got '-1'"),
        (["--noise-level", "9"], "got '9'"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(degrade, draw, tmp_path, arguments, message):
    outcome = degrade(draw(tmp_path / "a.png"), *arguments)
    assert outcome.status == 2
    (line,) = outcome.err_lines
    assert message in line


def test_output_must_be_a_folder_and_its_manifest_sound(run, degrade, draw, h2l, tmp_path):
    photograph = draw(tmp_path / "a.png", 8, 8)
    assert "--output must be a folder" in run("degrade", photograph, "-o", photograph, "-n", h2l).err
    for text in ("{", "{}", '{"pairs": {"a": 1}}'):
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / "manifest.json").write_text(text)
        outcome = degrade(photograph)
        assert outcome.status == 2
        assert "is not a manifest of pairs" in outcome.err


def test_evaluate_reads_the_folder(run, degrade, draw, tmp_path):
    draw(tmp_path / "a.png", 64, 64)
    degrade(tmp_path / "a.png")
    outcome = run("evaluate", tmp_path / "out", "-n", "bicubic")
    assert outcome.status == 0
    assert "out: 1 picture," in outcome.out


def test_a_torn_journal_costs_one_pair(degrade, draw, tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        draw(tmp_path / "in" / name, 8, 8)
    degrade(tmp_path / "in")
    made = snapshot(tmp_path / "out")
    # As a power cut leaves it: no manifest yet, b begun, its record half there, its LR not.
    records = read_pairs(tmp_path / "out")
    journal = json.dumps({"name": "a", **records["a"]}) + '\n\n{"name": "b"}\n\n' + json.dumps({"name": "b"})[:6]
    (tmp_path / "out" / ".manifest.jsonl").write_text(journal)
    (tmp_path / "out" / "manifest.json").unlink()
    for path in ("LRx4/b.png", "HR/c.png", "LRx4/c.png"):
        (tmp_path / "out" / path).unlink()
    outcome = degrade(tmp_path / "in", "--json")
    assert outcome.status == 0, outcome.err
    assert [bool(json.loads(line)["notes"]) for line in outcome.out.splitlines()] == [True, False, False]
    assert snapshot(tmp_path / "out") == made


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_kill_loses_at_most_one_pair(degrade, draw, h2l, tmp_path):
    draw(tmp_path / "a.png", 64, 64)
    command = ["degrade", str(tmp_path / "a.png"), "-o", str(tmp_path / "out"), "-n", str(h2l), "--variants", "150"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen([sys.executable, "-m", "srdgan_rt", *command, "-q"], env=environment)
    folder = tmp_path / "out" / "LRx4"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not folder.is_dir() or len(list(folder.glob("[!.]*"))) < 5):
        time.sleep(0.01)
    process.kill()
    process.wait()
    there = len(list(folder.glob("[!.]*.png")))
    assert 5 <= there < 150
    outcome = degrade(tmp_path / "a.png", "--variants", "150", "--json")
    kept = sum(bool(json.loads(line)["notes"]) for line in outcome.out.splitlines())
    assert outcome.status == 0
    assert kept >= there - 1
    assert len(read_pairs(tmp_path / "out")) == 150


def test_folder_in_the_input_is_not_photographed_again(run, draw, h2l, tmp_path):
    draw(tmp_path / "in" / "a.png", 8, 8)
    for _ in range(2):
        outcome = run("degrade", tmp_path / "in", "-r", "-o", tmp_path / "in" / "pairs", "-n", h2l)
        assert outcome.status == 0, outcome.err
    assert list(read_pairs(Path(tmp_path / "in" / "pairs"))) == ["a"]


def test_pairs_of_another_run_are_left_alone(run, draw, h2l, tmp_path):
    draw(tmp_path / "in" / "a.png", 8, 8)
    assert run("degrade", tmp_path / "in", "-o", tmp_path / "in" / "first", "-n", h2l).status == 0
    outcome = run("degrade", tmp_path / "in", "-r", "-o", tmp_path / "in" / "second", "-n", h2l)
    assert outcome.status == 0
    assert sum("is one of the pairs of an earlier run" in line for line in outcome.err_lines) == 2
    assert [path.name for path in (tmp_path / "in" / "second" / "HR").iterdir()] == ["a.png"]
