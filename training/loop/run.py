"""The loop that every stage runs in."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar

from torch import Tensor

from training.data.batch import TensorBatch
from training.loop.board import Board
from training.loop.loader import load_batches
from training.loop.progress import RunProgress
from training.loop.trainer import Trainer

BatchT = TypeVar("BatchT", bound=TensorBatch)

_LOG_EVERY = 100  # iterations


@dataclass(frozen=True)
class Callbacks:
    """Functions that the main process calls during a run, every ``validate_every`` iterations."""

    measure: Callable[[], Mapping[str, object]] | None = None  # returns figures for the log
    draw: Callable[[], Mapping[str, Tensor]] | None = None  # returns pictures (3, H, W) in [0, 1] for TensorBoard
    board: Board | None = None


def join(several: Sequence[Callbacks], board: Board | None) -> Callbacks:
    """Combines the callbacks of several nets."""
    measures = [callbacks.measure for callbacks in several if callbacks.measure is not None]
    draws = [callbacks.draw for callbacks in several if callbacks.draw is not None]
    return Callbacks(
        lambda: {name: figure for measure in measures for name, figure in measure().items()},
        lambda: {name: picture for draw in draws for name, picture in draw().items()},
        board,
    )


@contextmanager
def _postponed_stop() -> Iterator[Callable[[], bool]]:
    """Notes Ctrl-C, and the SIGTERM by which ``torchrun`` passes it on, so that the loop can ask for it after a step.

    Half a step could not be saved. The second signal of a kind has its usual effect.
    """
    stopped = False
    previous: dict[int, Any] = {}

    def note(number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        signal.signal(number, previous[number])

    for number in (signal.SIGINT, signal.SIGTERM):
        previous[number] = signal.signal(number, note)
    try:
        yield lambda: stopped
    finally:
        for stopper, handler in previous.items():
            signal.signal(stopper, handler)


def run(
    trainer: Trainer[BatchT],
    make_batch: Callable[[int], BatchT],
    callbacks: Callbacks = Callbacks(),
) -> bool:
    """Runs a trainer to its end; Ctrl-C lets the step finish, saves and returns.

    Args:
        trainer: the run.
        make_batch: makes the batch of an iteration; a function of nothing else.
        callbacks: measure and draw during the run.

    Returns:
        Whether the end was reached; False if the run was stopped before.
    """
    config, engine = trainer.config, trainer.engine
    start, done_before = trainer.iteration, trainer.done()
    with (
        _postponed_stop() as stopped,
        RunProgress(config.name, start, config.iterations, shown=engine.is_main) as progress,
    ):
        batches = load_batches(make_batch, range(start, config.iterations), config.engine, engine.device)
        started = last_log = time.monotonic()
        waited = 0.0
        finished = done_before >= 1
        if finished:
            progress.say(f"the run is over at iteration {start}: nothing was trained")
        while not finished:
            asked = time.monotonic()
            batch = next(batches)
            waited += time.monotonic() - asked
            loss = trainer.step(batch.to(engine.device))
            now = time.monotonic()
            speed = (trainer.iteration - start) / (now - started)
            progress.show_step(trainer.iteration, speed, loss)
            done = trainer.done()
            finished = done >= 1
            stopping = engine.agree(stopped())
            if trainer.iteration % _LOG_EVERY == 0 or finished:
                figures = {
                    **trainer.take_figures(),
                    "learning_rate": trainer.learning_rate(),
                    "kernels": trainer.kernels(),
                    "iterations_per_second": round(speed, 3),
                    "data_wait": round(waited / (now - last_log), 3),
                    "minutes_left": round((now - started) * max(0.0, 1 - done) / (done - done_before) / 60, 1),
                }
                _report(trainer, progress, callbacks.board, figures)
                last_log, waited = now, 0.0
            if trainer.iteration % config.checkpoint_every == 0 or finished or stopping:
                trainer.save()
            if stopping:
                progress.say(f"stopped and saved at iteration {trainer.iteration}")
                return finished
            if engine.is_main and (trainer.iteration % config.validate_every == 0 or finished):
                if callbacks.measure is not None:
                    _report(trainer, progress, callbacks.board, callbacks.measure())
                if callbacks.draw is not None and callbacks.board is not None:
                    callbacks.board.show_pictures(trainer.iteration, callbacks.draw())
    return True


def _report(
    trainer: Trainer[BatchT], progress: RunProgress, board: Board | None, figures: Mapping[str, object]
) -> None:
    if not trainer.engine.is_main:
        return
    progress.show_line(trainer.log(figures))
    if board is not None:
        board.show(trainer.iteration, figures)
