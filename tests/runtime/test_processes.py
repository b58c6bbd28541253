"""Upscaler and Degrader in other processes: pickled, copied, and after a fork."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from srdgan_rt import _ext
from srdgan_rt.checkpoint import Model, save_model
from srdgan_rt.degrade import Degrader
from srdgan_rt.errors import InputError
from srdgan_rt.models import H2LNet, L2HNet
from srdgan_rt.runtime import Upscaler

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 28, 3)).astype(np.uint8)
NEEDS_EXTENSION = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))
TIME_LIMIT = 100  # seconds; what waits for threads that are not there waits for ever

# Large enough for PyTorch and the native engine to divide the work. Prints what the child computed.
FORK = """
import multiprocessing, sys
import numpy as np
from srdgan_rt.degrade import Degrader
from srdgan_rt.runtime import Upscaler

kind, model = sys.argv[1:]
image = np.random.default_rng(0).integers(0, 256, (160, 200, 3)).astype(np.uint8)

def make():
    return Degrader(model, device="cpu") if kind == "degrader" else Upscaler(model, device="cpu", engine=kind)

def run(it):
    return it.degrade(image) if kind == "degrader" else it.upscale(image)

one = make()
before = run(one)

def work(results):
    results.put([int(np.abs(run(it).astype(int) - before).max()) for it in (one, make())])

context = multiprocessing.get_context("fork")
results = context.Queue()
child = context.Process(target=work, args=(results,))
child.start()
print(results.get(), np.array_equal(run(one), before))
child.join()
sys.exit(child.exitcode)
"""


@pytest.fixture
def l2h(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_model(tmp_path / "l2h.safetensors", L2HNet(1, 8, 4), {"halo": "5"})
    return tmp_path / "l2h.safetensors"


@pytest.fixture
def h2l(tmp_path: Path) -> Path:
    save_model(tmp_path / "h2l.safetensors", H2LNet(1, 8), {"noise_levels": "0.1,0.2"})
    return tmp_path / "h2l.safetensors"


def test_upscaler_is_pickled_by_its_arguments(l2h: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(l2h.parent)
    up = Upscaler("./l2h.safetensors", device="cpu", engine="torch", tile=16, border_padding=3)
    pickled = pickle.dumps(up)
    assert len(pickled) < 1000
    monkeypatch.chdir(os.sep)  # the other process may run elsewhere
    for other in (pickle.loads(pickled), copy.deepcopy(up)):
        assert (other.engine, other.spec, other._tile, other.spec.border_padding) == ("torch", up.spec, 16, 3)
        assert np.array_equal(other.upscale(IMAGE), up.upscale(IMAGE))


def test_sharpness_travels(l2h: Path) -> None:
    torch.manual_seed(1)
    save_model(l2h.with_name("l2h.sharp.safetensors"), L2HNet(1, 8, 4), {})
    up = Upscaler(l2h, device="cpu", sharpness=0.5)
    other = pickle.loads(pickle.dumps(up))
    assert (other.sharpness, other.spec.name) == (0.5, "l2h at sharpness 0.5")
    assert np.array_equal(other.upscale(IMAGE), up.upscale(IMAGE))
    assert not np.array_equal(other.upscale(IMAGE), Upscaler(l2h, device="cpu", sharpness=0).upscale(IMAGE))
    with pytest.raises(InputError, match=r"sharpness needs a model by name or path, .* must be 0, got 0\.5"):
        Upscaler(L2HNet(1, 8, 4), sharpness=0.5)


def test_networks_travel_themselves() -> None:
    net = L2HNet(1, 8, 4)
    up = Upscaler(net, device="cpu")
    before = up.upscale(IMAGE)
    with torch.no_grad():
        net.conv_last.bias.add_(0.5)  # later changes have no effect here, nor there
    assert np.array_equal(pickle.loads(pickle.dumps(up)).upscale(IMAGE), before)
    described = Upscaler(Model.from_net(net), device="cpu", halo=9)
    assert pickle.loads(pickle.dumps(described)).spec.halo == 9


def test_degrader_is_pickled_by_its_arguments(h2l: Path) -> None:
    for model in (str(h2l), H2LNet(1, 6)):
        degrader = Degrader(model, device="cpu", tile=16)
        other = pickle.loads(pickle.dumps(degrader))
        assert (other.name, other.digest, other.noise_levels) == (degrader.name, degrader.digest, degrader.noise_levels)
        assert np.array_equal(other.degrade(IMAGE, seed=3), degrader.degrade(IMAGE, seed=3))


def run_python(tmp_path: Path, code: str, *arguments: str) -> str:
    (tmp_path / "main.py").write_text(code)
    command = [sys.executable, str(tmp_path / "main.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("kind", [pytest.param("native", marks=NEEDS_EXTENSION), "torch", "degrader"])
def test_a_fork_after_use_works(kind: str, l2h: Path, h2l: Path) -> None:
    """With the object of the parent and with a new one; the parent goes on, too. One thread may round differently."""
    output = run_python(h2l.parent, FORK, kind, str(h2l if kind == "degrader" else l2h))
    differences, parent_is_well = output.rsplit("] ", 1)
    assert parent_is_well == "True"
    assert all(int(difference) <= 1 for difference in differences.strip("[").split(","))


SPAWN = """
import multiprocessing, sys
import numpy as np
from srdgan_rt import Upscaler

if __name__ == "__main__":
    up = Upscaler(sys.argv[1], device="cpu")
    image = np.zeros((9, 9, 3), np.uint8)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(np.array_equal(pool.map(up.upscale, [image])[0], up.upscale(image)))
"""


@pytest.mark.slow
def test_spawned_processes_take_an_upscaler(l2h: Path) -> None:
    assert run_python(l2h.parent, SPAWN, str(l2h)) == "True"
