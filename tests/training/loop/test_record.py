"""What a run was trained on stays known: in its checkpoint, in runs that begin from it, and on the card."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

import pytest
import torch

from srdgan_rt.errors import SrdganError
from training import train_l2h
from training.data.notes import describe_files, note_file, take_notes
from training.loop.record import Record, Stretch, describe_weights
from training.publish.card import list_training, summarise

_TOML = """name = "tiny"
iterations = {iterations}
init = "{init}"
[model]
num_blocks = 1
num_features = 4
growth_channels = 4
[weights]
pixel = 1
feature = 0
adversarial = 0
[batch]
phone_noise = 0
camera_noise = 0
phone_pair = {frames}
clean_nearest = 1
clean_bicubic = 0
[[phases]]
patch = 8
"""


@pytest.fixture
def data(training_root: Path, tmp_path: Path) -> Path:
    """A copy of the training data with a list of licences."""
    shutil.copytree(training_root, tmp_path / "data")
    rows = ["file\tlicence", "train_photos/a.png\tCC0-1.0 (by its page)", "train_photos/b.png\tCC-BY-4.0"]
    (tmp_path / "data" / "MANIFEST.tsv").write_text("\n".join(rows) + "\n")
    return tmp_path / "data"


def train(
    monkeypatch: pytest.MonkeyPatch, data: Path, run: Path, iterations: int, frames: int, init: str = ""
) -> Record:
    config = run.with_suffix(".toml")
    config.write_text(_TOML.format(iterations=iterations, frames=frames, init=init))
    monkeypatch.setattr(sys, "argv", ["t", "--config", str(config), "--data", str(data), "--run", str(run)])
    train_l2h.main()
    return Record.from_text(torch.load(run / "checkpoint.pt", weights_only=True)["record"])


def test_a_run_records_what_it_read(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = train(monkeypatch, data, tmp_path / "run", 1, frames=0)
    (stretch,) = record.stretches
    assert stretch.data is not None
    (folder,) = stretch.data  # and no frames: no sample needed one
    lines = [
        f"{name}.png {hashlib.sha256((data / 'train_photos' / f'{name}.png').read_bytes()).hexdigest()}\n"
        for name in ("a", "b")
    ]
    assert folder == {
        "folder": "train_photos",
        "files": 2,
        "sha256": hashlib.sha256("".join(lines).encode()).hexdigest(),
        "licences": {"CC0-1.0": 1, "CC-BY-4.0": 1},
    }
    assert stretch.config["batch"]["counts"]["clean_nearest"] == 1
    assert stretch.commit


def test_other_data_make_a_further_stretch_and_the_same_none(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(monkeypatch, data, tmp_path / "run", 2, frames=0)
    assert len(first.stretches) == 1
    second = train(monkeypatch, data, tmp_path / "run", 3, frames=1)
    assert [stretch.begins for stretch in second.stretches] == [0, 2]
    assert second.stretches[0] == first.stretches[0]
    text = "\n".join(list_training(second, 3))
    assert (
        text.index("iterations 0 to 2") < text.index("iterations 2 to 3") < text.index("`phone_pairs/train`: 2 files")
    )


def test_weights_keep_the_record_of_those_they_began_from(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(monkeypatch, data, tmp_path / "first", 1, frames=1)
    shutil.rmtree(data / "phone_pairs")
    second = train(monkeypatch, data, tmp_path / "second", 1, frames=0, init=str(tmp_path / "first" / "checkpoint.pt"))
    start = second.starts["init"]
    assert start["source"] == "first/checkpoint.pt"  # and not where somebody's home is
    assert Record.from_json(start["record"]) == first
    text = "\n".join(list_training(second, 1))
    assert "Begun from (`init`) `first/checkpoint.pt` (SHA-256 " in text
    assert "`phone_pairs/train`: 2 files" in text
    assert "phone_pairs/train (2 files" in summarise(second)


def test_shipped_weights_and_mixes_are_described() -> None:
    shipped = describe_weights("srdgan-x4-fast")
    assert len(shipped["sha256"]) == 64
    assert "211 photographs" in shipped["training_data"]
    mix = describe_weights("srdgan-x4-fast:0.5+srdgan-x4-fast:0.5")
    assert [part["share"] for part in mix["mix"]] == [0.5, 0.5]
    lines = "\n".join(list_training(Record("l2h", {"init": mix}), 5))
    assert lines.count("211 photographs") == 2


def test_files_are_noted_only_where_somebody_listens(tmp_path: Path) -> None:
    note_file(tmp_path / "before")
    with take_notes() as notes:
        note_file(tmp_path / "within")
    note_file(tmp_path / "after")
    assert notes.files == {tmp_path / "within"}


def test_a_digest_knows_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    (first,) = describe_files([tmp_path / "a", tmp_path / "b"], tmp_path.parent)
    assert first == describe_files([tmp_path / "b", tmp_path / "a"], tmp_path.parent)[0]
    (tmp_path / "a").rename(tmp_path / "c")
    (renamed,) = describe_files([tmp_path / "b", tmp_path / "c"], tmp_path.parent)
    (tmp_path / "c").write_bytes(b"3")
    (changed,) = describe_files([tmp_path / "b", tmp_path / "c"], tmp_path.parent)
    assert len({first["sha256"], renamed["sha256"], changed["sha256"]}) == 3


def test_a_record_survives_its_text_and_a_damaged_one_is_an_error() -> None:
    record = Record("l2h", {"init": {"source": "x"}}, (Stretch(0, "c", {"a": [1]}, [], "s", []),))
    assert Record.from_text(record.to_text()) == record
    for text in ("", "[]", '{"stage": "l2h"}', '{"stage": "l2h", "starts": {}, "stretches": [{}]}'):
        with pytest.raises(SrdganError, match="the record of the training is damaged"):
            Record.from_text(text)
