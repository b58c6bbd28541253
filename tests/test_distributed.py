"""Many files on workers: called directly, and (slow) on a local Ray cluster, one of whose workers is killed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from srdgan_rt.checkpoint import save_model
from srdgan_rt.degrade.pair_set import PairSet
from srdgan_rt.distributed import SynthesizePairs, UpscaleFiles, connect, run_rows
from srdgan_rt.errors import InputError
from srdgan_rt.files.degrade_file import PairOptions
from srdgan_rt.files.upscale_file import Existing, FileOptions
from srdgan_rt.image import Picture, read_picture, write_picture
from srdgan_rt.models import H2LNet, L2HNet
from srdgan_rt.runtime import Upscaler

OPTIONS = FileOptions(outscale=4, denoise=1, quality=95, existing=Existing.SKIP, max_pixels=10_000)
PAIRS = PairOptions(levels=(0.02, 0.02), seed=0, overwrite=False, max_pixels=100_000)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, L2HNet(num_blocks=1, num_features=4, growth_channels=2), {"halo": "4"})
    return str(path)


@pytest.fixture(scope="module")
def degradation(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("h2l") / "tiny-h2l.safetensors"
    save_model(path, H2LNet(num_blocks=1, num_features=6), {"noise_levels": "0.02"})
    return str(path)


@pytest.fixture
def photos(tmp_path):
    """Twelve pictures and a file that is none; their paths."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(12):
        pixels = np.random.default_rng(index).integers(0, 256, (32, 48, 3), dtype=np.uint8)
        write_picture(folder / f"{index}.png", Picture(pixels))
    (folder / "bad.png").write_bytes(b"not a picture")
    return sorted(folder.iterdir())


def upscaled(path, tmp_path):
    return str(tmp_path / "out" / path.name)


@pytest.fixture
def worker(model):
    arguments = {"model": model, "device": "cpu"}
    return UpscaleFiles(arguments, OPTIONS, num_threads=torch.get_num_threads())


def test_each_file_has_a_row_with_its_status(worker, model, photos, tmp_path):
    batch = {"input": [str(path) for path in photos], "output": [upscaled(path, tmp_path) for path in photos]}
    columns = worker(batch)
    assert columns["input"] == batch["input"]
    assert columns["status"] == ["done"] * 12 + ["failed"]
    assert "not a picture" in columns["error"][-1]
    assert all(seconds > 0 for seconds in columns["seconds"][:12])
    assert columns["out_width"][0] == 192
    expected = Upscaler(model, device="cpu").upscale(read_picture(photos[0]).pixels)
    assert (read_picture(columns["output"][0]).pixels == expected).all()
    assert worker(batch)["status"] == ["skipped"] * 12 + ["failed"]  # the run is continued


def test_a_model_that_cannot_be_opened_is_an_error_of_each_row(photos, tmp_path):
    worker = UpscaleFiles({"model": "nothing"}, OPTIONS, num_threads=torch.get_num_threads())
    row = worker({"input": [str(photos[0])], "output": [upscaled(photos[0], tmp_path)]})
    assert row["status"] == ["failed"]
    assert "no model 'nothing'" in row["error"][0]


def test_a_worker_chooses_the_model_by_the_noise(tmp_path):
    grey = np.random.default_rng(0).normal(128, 8, (48, 48)).round().astype(np.uint8)
    write_picture(tmp_path / "grey.png", Picture(grey))
    worker = UpscaleFiles({"model": "auto", "device": "cpu"}, OPTIONS, num_threads=torch.get_num_threads())
    row = worker({"input": [str(tmp_path / "grey.png")], "output": [str(tmp_path / "grey_x4.png")]})
    assert row["notes"] == ["its noise calls for srdgan-x4-photo"]
    expected = Upscaler("srdgan-x4-photo", device="cpu").upscale(grey)
    assert (read_picture(row["output"][0]).pixels == expected).all()


def test_notes_of_a_job_come_back_and_a_format_that_is_too_small_becomes_png(worker, tmp_path):
    wide = tmp_path / "wide.webp"
    write_picture(wide, Picture(np.zeros((1, 5000, 3), np.uint8)))
    target = upscaled(wide, tmp_path)
    png = target.replace(".webp", ".png")
    row = worker({"input": [str(wide)], "output": [target], "fallback": [png], "notes": ["a note"]})
    assert row["output"] == [png]
    assert row["notes"][0].splitlines()[0] == "a note"
    assert "stored as PNG" in row["notes"][0]


def test_pairs_are_made_once_also_if_another_worker_made_them(photos, degradation, tmp_path):
    folder = str(tmp_path / "pairs")
    batch = {"input": [str(path) for path in photos], "relative": [path.name for path in photos]}
    options = {"model": degradation, "device": "cpu", "num_threads": torch.get_num_threads()}
    workers = [SynthesizePairs(folder, PAIRS, variants=2, **options) for _ in range(2)]
    assert workers[0](batch)["status"] == ["done"] * 12 + ["failed"]
    assert workers[1](batch)["status"] == ["skipped"] * 12 + ["failed"]
    PairSet(Path(folder), 4).finish()
    assert len(json.loads((tmp_path / "pairs" / "manifest.json").read_text())["pairs"]) == 24


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two workers on this machine."""
    ray = pytest.importorskip("ray")
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()


@pytest.mark.slow
def test_no_row_is_lost_when_a_worker_is_killed(cluster, model, photos, tmp_path):
    marker = tmp_path / "killed"

    class Killed(UpscaleFiles):  # pickled by value, because it is inside a function
        """Dies once, after it has written a result and before it has said so."""

        def __call__(self, batch):
            columns = UpscaleFiles.__call__(self, batch)
            if batch["input"][0].endswith("/5.png") and not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return columns

    items = [{"input": str(path), "output": upscaled(path, tmp_path)} for path in photos]
    arguments = {"upscaler": {"model": model, "device": "cpu"}, "options": OPTIONS}
    rows = list(run_rows(Killed, arguments, items, num_workers=2))
    assert marker.exists()
    assert sorted(row["input"] for row in rows) == [str(path) for path in photos]
    status = {Path(row["input"]).name: row["status"] for row in rows}
    assert status.pop("bad.png") == "failed"
    assert status.pop("5.png") == "skipped"  # it was done, but nobody had heard of it
    assert set(status.values()) <= {"done", "skipped"}  # a block that is repeated skips what is done
    assert all(read_picture(upscaled(path, tmp_path)).pixels.shape == (128, 192, 3) for path in photos[:12])


@pytest.mark.slow
def test_more_than_the_cluster_has_is_refused(cluster):
    for wanted, message in (({"num_cpus": 3}, "needs 3 CPU"), ({"num_gpus": 0.5}, "needs 0.5 GPU")):
        with pytest.raises(InputError, match=message):
            list(run_rows(UpscaleFiles, {}, [{"input": "a"}], **wanted))
    assert list(run_rows(UpscaleFiles, {}, [])) == []
    connect("local")  # uses the connection that is there
