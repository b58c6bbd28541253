from __future__ import annotations

from pathlib import Path

import pytest
import torch

from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.errors import CheckpointError, InputError
from srdgan_rt.models import L2HNet
from training.publish.shards import is_shard, join, split

SHARD_BYTES = 8_000


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "x4.safetensors"
    torch.manual_seed(0)
    save_model(path, L2HNet(1, 8, 4), {"name": "x4", "halo": "32"})
    return path


def test_shards_make_the_whole_in_any_order(file: Path, tmp_path: Path) -> None:
    shards = split(file, tmp_path / "shards", SHARD_BYTES)
    count = len(shards)
    assert count > 2
    assert [path.name for path in shards] == [f"x4-{n:05}-of-{count:05}.safetensors" for n in range(1, count + 1)]
    assert all(is_shard(path) for path in shards)
    assert not is_shard(file)
    joined = tmp_path / "joined.safetensors"
    join(shards[::-1], joined)
    before, after = load_model(file), load_model(joined)
    assert after.metadata == before.metadata
    assert after.digest == before.digest
    for name, tensor in before.net.state_dict().items():
        assert torch.equal(tensor, after.net.state_dict()[name])


def test_a_shard_is_as_large_as_asked_for(file: Path, tmp_path: Path) -> None:
    shards = split(file, tmp_path, SHARD_BYTES)
    header = 6_000
    assert all(path.stat().st_size < SHARD_BYTES + header for path in shards)
    assert len(split(file, tmp_path / "one")) == 1


def test_joining_says_what_is_wrong(file: Path, tmp_path: Path) -> None:
    shards = split(file, tmp_path / "shards", SHARD_BYTES)
    output = tmp_path / "joined.safetensors"
    with pytest.raises(InputError, match=f"shard 2 of {len(shards)} is missing"):
        join([shards[0], *shards[2:]], output)
    with pytest.raises(InputError, match="is not a shard"):
        join([file], output)
    other = split(file, tmp_path / "other", 2 * SHARD_BYTES)
    with pytest.raises(InputError, match="got shards of 2"):
        join([shards[0], other[1]], output)
    with pytest.raises(InputError, match="are the same shard"):
        join([*shards, *split(file, tmp_path / "again", SHARD_BYTES)], output)
    content = bytearray(shards[1].read_bytes())
    content[-1] ^= 1
    shards[1].write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        join(shards, output)
    assert not output.exists()
