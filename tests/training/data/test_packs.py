from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small_disk import small_disk

from srdgan_rt.errors import InputError, SrdganError
from training import pack
from training.data.packs import PackedData, read_packs, unpack_validation
from training.loop.lock import hold_folder
from training.pack import PackOptions, write_packs
from training.samples.sampler import Sampler
from training.samples.sources import Sources

OPTIONS = PackOptions(megabytes=1, crop=88, frame=128)


@pytest.fixture(scope="module")
def packs(training_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packs")
    write_packs(training_root, folder, OPTIONS)
    return folder


def test_packs_are_deterministic(packs: Path, training_root: Path, tmp_path: Path) -> None:
    write_packs(training_root, tmp_path / "again", OPTIONS)
    first, again = (
        {path.name: path.read_bytes() for path in folder.iterdir()} for folder in (packs, tmp_path / "again")
    )
    assert first
    assert again == first


def test_every_photograph_comes_before_second_crops(training_root: Path, tmp_path: Path) -> None:
    counts = write_packs(training_root, tmp_path / "all", OPTIONS)
    assert counts["frames"] == 2
    size = sum(path.stat().st_size for path in (tmp_path / "all").iterdir())
    write_packs(training_root, tmp_path / "few", PackOptions(megabytes=size / 1e6 - 0.03, crop=88, frame=128))
    few = [name for name in read_packs(tmp_path / "few") if name.startswith("photographs/")]
    assert 2 <= len(few) < counts["photographs"]
    assert {name.split("/")[1][0] for name in few} == {"a", "b"}


def test_validation_pictures_come_back_as_they_were(training_root: Path, tmp_path: Path) -> None:
    content = next((training_root / "train_photos").glob("*.png")).read_bytes()
    data = tmp_path / "data"
    for name in ("train_photos", "phone_pairs"):
        data.mkdir(exist_ok=True)
        (data / name).symlink_to(training_root / name)
    for number in range(3):
        for kind in ("clean", "noisy"):
            (data / "phone_crops").mkdir(exist_ok=True)
            (data / "phone_crops" / f"{number}_{kind}.png").write_bytes(content)
    write_packs(data, tmp_path / "packs", PackOptions(megabytes=1, crop=88, frame=128, validation=2))
    unpack_validation(read_packs(tmp_path / "packs"), tmp_path / "out")
    written = sorted(path.name for path in (tmp_path / "out" / "phone_crops").iterdir())
    assert written == ["0_clean.png", "0_noisy.png", "1_clean.png", "1_noisy.png"]
    assert (tmp_path / "out" / "phone_crops" / "0_clean.png").read_bytes() == content
    with small_disk(10), pytest.raises(OSError, match=r"File too large: .*_clean\.png'"):
        unpack_validation(read_packs(tmp_path / "packs"), tmp_path / "full")


def test_damaged_packs_are_one_line(packs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no packs"):
        read_packs(tmp_path)
    for path in packs.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    file = tmp_path / "pack_00.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="damaged"):
        read_packs(tmp_path)
    (tmp_path / "index.json").write_text('{"files": {}}')
    with pytest.raises(InputError, match=r"holds no packs: index\.json is missing or broken$"):
        read_packs(tmp_path)


def test_packing_says_what_is_wrong(training_root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no room for photographs"):
        write_packs(training_root, tmp_path / "a", PackOptions(megabytes=0.01, crop=88, frame=128))
    with pytest.raises(InputError, match="has 999 pixels"):
        write_packs(training_root, tmp_path / "b", PackOptions(crop=999, frame=128))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is not empty"):
        write_packs(training_root, tmp_path, OPTIONS)


def kill_while_writing(folder: Path, packs: Path) -> None:
    """What a run leaves that is killed: finished packs, also more than the next one makes, and one without a name."""
    folder.mkdir()
    for name in ("pack_00.safetensors", "pack_07.safetensors"):
        (folder / name).write_bytes((packs / "pack_00.safetensors").read_bytes()[:-100])
    (folder / ".srdgan-0123456789abcdef.tmp").write_bytes(b"half")


def test_what_a_killed_run_left_is_replaced(packs: Path, training_root: Path, tmp_path: Path) -> None:
    kill_while_writing(tmp_path / "packs", packs)
    with pytest.raises(InputError, match="holds no packs"):
        read_packs(tmp_path / "packs")
    write_packs(training_root, tmp_path / "packs", OPTIONS)
    made = {path.name: path.read_bytes() for path in (tmp_path / "packs").glob("[!.]*")}
    assert made == {path.name: path.read_bytes() for path in packs.iterdir()}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_nothing_is_left_of_a_run_that_is_stopped(
    number: int,
    status: int,
    training_root: Path,
    tmp_path: Path,
    run_command: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pack, "_LARGEST_FILE", 20_000)  # for several packs
    save, saved = pack.save, []

    def stop(tensors: dict[str, torch.Tensor]) -> bytes:
        saved.append(tensors)
        if len(saved) == 3:
            signal.raise_signal(number)
        return save(tensors)

    monkeypatch.setattr(pack, "save", stop)
    options = ["--data", training_root, "--output", tmp_path / "packs", "--crop", 88, "--frame", 128]
    outcome = run_command("training.pack", *options)
    assert outcome.status == status
    assert len(outcome.err.splitlines()) == 1
    assert list((tmp_path / "packs").iterdir()) == []


def test_a_full_disk_names_the_pack_and_leaves_none(training_root: Path, tmp_path: Path) -> None:
    with small_disk(10_000), pytest.raises(OSError, match=r"File too large: '.*pack_00\.safetensors'"):
        write_packs(training_root, tmp_path, OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_two_commands_do_not_pack_into_one_folder(training_root: Path, tmp_path: Path) -> None:
    with hold_folder(tmp_path), pytest.raises(SrdganError, match="another process is writing into"):
        write_packs(training_root, tmp_path, OPTIONS)


def test_batches_are_made_of_packs_as_of_folders(packs: Path) -> None:
    sources = Sources(PackedData(read_packs(packs)), 16, 0, torch.device("cpu"))
    batch = Sampler(sources, {"phone_noise": 2, "phone_pair": 1}, 0).batch(0, 16)
    assert batch.low.shape == (3, 3, 16, 16)
    assert batch.high.shape == (2, 3, 64, 64)


def test_what_is_not_packed_is_refused(packs: Path) -> None:
    entries = read_packs(packs)
    cpu = torch.device("cpu")
    with pytest.raises(InputError, match="must have at least 176 pixels a side, the smallest has 88"):
        Sampler(Sources(PackedData(entries), 40, 0, cpu), {"clean_nearest": 1}, 0)
    frames = {name: content for name, content in entries.items() if name.startswith("frames/")}
    with pytest.raises(InputError, match="the packs hold no photographs"):
        Sampler(Sources(PackedData(frames), 8, 0, cpu), {"clean_nearest": 1}, 0)
