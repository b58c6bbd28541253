from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import two_processes

from srdgan_rt.errors import InputError
from training.config import EngineConfig
from training.data.batch import DataShard
from training.loop.engine import Engine


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_an_error() -> None:
    assert Engine(EngineConfig()).device.type == "cpu"
    with pytest.raises(InputError, match=r"engine\.device is cuda, but torch finds no CUDA device"):
        Engine(EngineConfig(device="cuda"))


def test_shares_are_even() -> None:
    assert [*DataShard(0, 2).of(4, "x"), *DataShard(1, 2).of(4, "x")] == [0, 2, 1, 3]
    with pytest.raises(InputError, match="samples must be a multiple of the 2 processes, got 3"):
        DataShard(0, 2).of(3, "samples")


@pytest.mark.parametrize("name", ["h2l", "l2h", "joint"])
def test_shares_make_up_the_batch(make_stage: Any, name: str) -> None:
    """Every sample of the whole batch is in one shard, and in one alone."""
    whole, *parts = (make_stage(name, shard).make_batch(3) for shard in (DataShard(), DataShard(0, 2), DataShard(1, 2)))

    def samples(batch: Any) -> list[bytes]:
        low = getattr(getattr(batch, "both", batch), "low_noisy" if name != "l2h" else "low")
        return sorted(sample.contiguous().numpy().tobytes() for sample in low)

    assert samples(whole) == sorted([*samples(parts[0]), *samples(parts[1])])


@pytest.fixture(scope="module")
def trained_by_one_and_by_two(
    make_stage: Any, training_root: Path, tiny_vgg: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with what one process and two processes computed in the same two steps."""
    folder = tmp_path_factory.mktemp("processes")
    configs = {name: make_stage(name).config for name in ("l2h", "joint")}
    torch.save({"configs": configs, "root": training_root, "vgg": tiny_vgg}, folder / "job.pt")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = Path(__file__).parents[3]
    common = os.environ | {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, two_processes.__file__, folder],
            env=common | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    two_processes.train(folder)  # alone, meanwhile
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["l2h", "joint"])
def test_two_processes_compute_what_one_does(trained_by_one_and_by_two: Path, name: str) -> None:
    """The same weights in both, and the loss and the gradients of the whole batch in one process."""
    files = [trained_by_one_and_by_two / f"{name}_{part}.pt" for part in ("1_0", "2_0", "2_1")]
    one, first, second = (torch.load(path) for path in files)
    for key in one["gradients"]:
        torch.testing.assert_close(first["gradients"][key], one["gradients"][key], rtol=1e-3, atol=1e-6, msg=key)
    assert (first["loss"] + second["loss"]) / 2 == pytest.approx(one["loss"], rel=1e-4)
    assert first["weights"].keys() == second["weights"].keys()
    assert all(torch.equal(first["weights"][key], second["weights"][key]) for key in first["weights"])
