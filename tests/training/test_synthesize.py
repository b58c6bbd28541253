"""The set GMSR: the same for any number of processes, made as ``degrade`` does, completed where it was stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from srdgan_rt.checkpoint import save_model
from srdgan_rt.degrade import Degrader
from srdgan_rt.degrade.pairs import PairPlan, make_pairs, pair_up
from srdgan_rt.errors import InputError
from srdgan_rt.image import read_picture
from srdgan_rt.models import H2LNet
from training.config import read_config
from training.config.gmsr import GMSRConfig
from training.data.pictures import find_photographs
from training.synthesize import _ignored_interrupts, prepare_photograph, synthesize


@pytest.fixture
def config(tmp_path: Path) -> GMSRConfig:
    torch.manual_seed(0)
    net = H2LNet(num_blocks=1, num_features=6)
    with torch.no_grad():
        net.conv_last.weight += 0.05 * torch.randn_like(net.conv_last.weight)
    save_model(tmp_path / "tiny-h2l.safetensors", net, {"noise_levels": "0.02,0.05"})
    return GMSRConfig(str(tmp_path / "tiny-h2l.safetensors"), sizes=(1.0, 0.5), variants=2, crop=48, smallest_side=24)


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    """Two that are used at two sizes, and one that is too small for the second."""
    rng = np.random.default_rng(0)
    for name, height, width in (("a", 64, 90), ("b", 70, 60), ("small", 40, 40)):
        path = tmp_path / "data" / "train_photos" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 256, (8, 8, 3), np.uint8)
        cv2.imwrite(str(path), cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))
    return find_photographs(tmp_path / "data" / "train_photos")


@pytest.fixture
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is a thread: a process loads torch anew, for seconds."""
    monkeypatch.setattr(
        "training.synthesize.ProcessPoolExecutor", lambda _, _context, **options: ThreadPoolExecutor(1, **options)
    )
    monkeypatch.setattr("training.synthesize.signal.signal", lambda *_: None)  # threads may not


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def make_plan(**treatment: float | bool) -> PairPlan:
    whole = {"size": 1.0, "crop": 0, "soften_and_darken": False, "smallest_side": 4, **treatment}
    return PairPlan("a", "a.png", "", 3, 0.05, "", "", whole)


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same_set(config, photographs, tmp_path):
    assert synthesize(photographs, config, tmp_path / "one", workers=1) == 0
    assert synthesize(photographs[::-1], config, tmp_path / "two", workers=2) == 0
    made = snapshot(tmp_path / "one")
    assert snapshot(tmp_path / "two") == made
    names = {f"{name}_s{size}{variant}" for name in "ab" for size in (100, 50) for variant in ("", "_v2")}
    names |= {"small_s100", "small_s100_v2"}
    assert made.keys() == {f"{part}/{name}.png" for part in ("HR", "LRx4") for name in names} | {"manifest.json"}
    assert len({made[f"LRx4/{name}.png"] for name in names}) == len(names)
    assert json.loads(made["manifest.json"])["pairs"].keys() == names
    assert read_picture(tmp_path / "one" / "HR" / "a_s100.png").pixels.shape == (48, 48, 3)
    assert read_picture(tmp_path / "one" / "LRx4" / "b_s50.png").pixels.shape == (8, 7, 3)


@pytest.mark.usefixtures("_no_processes")
def test_a_set_is_completed_not_made_anew(config, photographs, tmp_path, capsys):
    """What is missing comes back as it was, what is there is not touched."""
    assert synthesize(photographs, config, tmp_path / "set") == 0
    made = snapshot(tmp_path / "set")
    (tmp_path / "set" / "HR" / "b_s50.png").unlink()
    before = (tmp_path / "set" / "HR" / "a_s50.png").stat().st_mtime_ns
    capsys.readouterr()
    assert synthesize(photographs, config, tmp_path / "set") == 0
    assert "b.png: 1 of 1 pairs" in capsys.readouterr().out
    assert snapshot(tmp_path / "set") == made
    assert (tmp_path / "set" / "HR" / "a_s50.png").stat().st_mtime_ns == before


def test_high_is_the_softened_picture_and_the_way_is_that_of_degrade(config, photographs):
    degrader = Degrader(config.model)
    plan = make_plan(soften_and_darken=True, crop=32)
    ((made_plan, pair),) = make_pairs(photographs[0], [plan], degrader, prepare=prepare_photograph)
    photograph = read_picture(photographs[0]).pixels.astype(np.float32) / 255
    clean = prepare_photograph(photograph, plan)
    high, low = pair_up(clean, degrader, plan.noise_level, plan.seed)
    assert made_plan is plan
    np.testing.assert_array_equal(pair.high.pixels, high)
    np.testing.assert_array_equal(pair.low.pixels, low)
    assert clean.shape == (32, 32, 3)
    unsoftened = prepare_photograph(photograph, make_plan(crop=32))
    assert not np.array_equal(clean, unsoftened)
    # The same window in both: softening and darkening leave its pattern.
    assert np.corrcoef(clean.ravel(), unsoftened.ravel())[0, 1] > 0.8


def test_photographs_are_made_smaller_and_left_out_below_the_smallest_side():
    photograph = np.random.default_rng(0).random((40, 60, 3), np.float32)
    half = prepare_photograph(photograph, make_plan(size=0.5, smallest_side=20))
    np.testing.assert_allclose(half, photograph.reshape(20, 2, 30, 2, 3).mean((1, 3)), atol=1e-6)
    assert prepare_photograph(photograph, make_plan(size=0.5, smallest_side=21)) is None


def test_one_bad_photograph_is_a_line_and_the_exit_status_is_1(config, photographs, tmp_path, run_command):
    (tmp_path / "data" / "train_photos" / "bad.jpg").write_bytes(b"not a picture")
    toml = tmp_path / "gmsr.toml"
    toml.write_text(f"model = '{config.model}'\nsizes = [1.0]\nsmallest_side = 60\nnoise_range = [0.01, 0.05]\n")
    options = ["--config", toml, "--data", tmp_path / "data", "--output", tmp_path / "set", "--workers", "1"]
    done = run_command("training.synthesize", *options)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert "bad.jpg" in line
    assert sorted(path.name for path in (tmp_path / "set" / "HR").iterdir()) == ["a_s100.png", "b_s100.png"]
    toml.write_text("modle = 'x'\n")
    done = run_command("training.synthesize", *options)
    assert done.status == 2
    assert "unknown key 'modle'" in done.err.splitlines()[-1]


@pytest.mark.usefixtures("_no_processes")
def test_pairs_of_another_configuration_are_kept(config, photographs, tmp_path, capsys):
    other = GMSRConfig(config.model, sizes=(1.0,), smallest_side=24, seed=1)
    synthesize(photographs[:1], other, tmp_path / "set")
    made = snapshot(tmp_path / "set")
    assert synthesize(photographs[:1], GMSRConfig(config.model, sizes=(1.0,), smallest_side=24), tmp_path / "set") == 1
    assert "a_s100.png: exists and was made in another way" in capsys.readouterr().err
    assert snapshot(tmp_path / "set") == made


def test_two_photographs_of_one_name_are_an_error(config, photographs, tmp_path):
    with pytest.raises(InputError, match=r"a\.png and a\.jpg: their pairs would have one name|a\.jpg and a\.png: "):
        synthesize([*photographs, photographs[0].with_suffix(".jpg")], config, tmp_path / "set")


def test_the_configuration_that_is_there_can_be_read():
    config = read_config(Path(__file__).parents[2] / "training" / "configs" / "gmsr.toml", GMSRConfig)
    assert config.model == "srdgan-h2l"
    assert config.levels is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"noise_range": (0.1,)}, r"noise_range must be \[\] or \[A, B\], got \[0.1\]"),
        ({"noise_range": (0.2, 0.1)}, "range A:B with 0 < A <= B <= 1, got 0.2:0.1"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"variants": 0}, "variants must be at least 1, got 0"),
        ({"sizes": ()}, "sizes must be above 0"),
        ({"sizes": (2.0,)}, "at most 1, at least one of them, got"),
        ({"sizes": (0.5, 0.5)}, "sizes must differ"),
        ({"smallest_side": 3}, "smallest_side must be at least 4, got 3"),
        ({"crop": 100}, "crop must be 0 or at least smallest_side, 192, got 100"),
    ],
)
def test_bad_configurations_are_one_line(arguments, message):
    with pytest.raises(InputError, match=message):
        GMSRConfig(**arguments)


def test_workers_never_see_ctrl_c() -> None:
    """Not even before they have loaded this module: they would end with a traceback each."""
    handler = signal.getsignal(signal.SIGINT)
    program = "import signal; print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)"
    with _ignored_interrupts():
        ignored = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ignored.stdout == "True\n"
    assert signal.getsignal(signal.SIGINT) is handler
