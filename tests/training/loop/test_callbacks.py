"""What a run shows: the log, TensorBoard, stdout."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from srdgan_rt.errors import InputError
from training.data.pictures import read_phone_pairs
from training.loop import run
from training.loop.board import Board
from training.stages.noise_report import NoiseReport
from training.stages.validation import draw


def test_the_log_tells_losses_and_speed_and_stdout_shows_it(
    stage: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.run(stage.trainer(tmp_path), stage.make_batch, run.Callbacks(lambda: {"score": 7}))
    lines = (tmp_path / "log.jsonl").read_text()
    assert capsys.readouterr().out == lines
    losses, score = map(json.loads, lines.splitlines())
    expected = {"loss", "learning_rate", "iterations_per_second", "data_wait", "minutes_left"}
    assert expected <= set(losses)
    assert 0 <= losses["data_wait"] <= 1
    assert score == {"iteration": 6, "score": 7}


def test_tensorboard_gets_figures_and_pictures(make_stage: Any, tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    stage = make_stage("l2h")
    board = Board(tmp_path)
    picture = torch.rand(3, 8, 9, generator=torch.Generator().manual_seed(0))
    callbacks = run.Callbacks(lambda: {"score": 7, "pair": [1.0, None], "word": "x"}, lambda: {"drawn": picture}, board)
    run.run(stage.trainer(tmp_path), stage.make_batch, callbacks)
    board.close()
    read = events.EventAccumulator(str(tmp_path / "board")).Reload()
    tags = read.Tags()
    assert {"loss", "score", "pair/0", "data_wait"} <= set(tags["scalars"])
    assert not {"pair/1", "word"} & set(tags["scalars"])
    assert [(event.step, event.value) for event in read.Scalars("score")] == [(6, 7.0)]
    (image,) = read.Images("drawn")
    assert (image.height, image.width) == (8, 9)


def test_tensorboard_that_is_not_installed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if "tensorboard" in name:
            raise ImportError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match="--tensorboard needs the package tensorboard"):
        Board(tmp_path)


def test_pictures_for_the_eye(make_stage: Any, training_root: Path, tmp_path: Path) -> None:
    """In the range and of the sizes that TensorBoard takes."""
    trainer = make_stage("joint").trainer(tmp_path / "run")
    pairs = training_root / "phone_pairs" / "train"
    (tmp_path / "phone_crops").symlink_to(pairs)
    enlarged = draw(trainer.l2h.ema, tmp_path)
    report = NoiseReport(read_phone_pairs(pairs), SimpleNamespace(levels=lambda *_: torch.tensor([0.05])))
    photographed = report.draw(trainer.h2l.ema)
    assert [tuple(picture.shape) for picture in enlarged.values()] == [(3, 256, 768)]
    assert [tuple(picture.shape) for picture in photographed.values()] == [(3, 96, 288)]
    for picture in (*enlarged.values(), *photographed.values()):
        assert picture.min() >= 0
        assert picture.max() <= 1
