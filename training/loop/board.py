"""TensorBoard: figures and pictures of a run, where the package ``tensorboard`` is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor

from srdgan_rt.errors import InputError, install_hint
from training.loop.engine import Engine


class Board:
    """Writes event files for TensorBoard.

    Args:
        folder: of the run; the files go to ``board`` in it.

    Raises:
        InputError: ``tensorboard`` is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise InputError(f"--tensorboard needs the package tensorboard: {install_hint('train')}") from error
        self._writer = SummaryWriter(str(folder / "board"))

    def show(self, iteration: int, figures: Mapping[str, object]) -> None:
        """Adds the numbers of a line of the log; lists become one curve for each entry."""
        for name, value in figures.items():
            entries = {f"{name}/{index}": entry for index, entry in enumerate(value)} if isinstance(value, list) else {}
            for label, number in (entries or {name: value}).items():
                if isinstance(number, int | float):
                    self._writer.add_scalar(label, number, iteration)

    def show_pictures(self, iteration: int, pictures: Mapping[str, Tensor]) -> None:
        """Adds pictures, each ``(3, H, W)`` RGB in [0, 1]."""
        for name, picture in pictures.items():
            self._writer.add_image(name, picture, iteration)
        self._writer.flush()

    def close(self) -> None:
        """Writes what is left."""
        self._writer.close()


@contextmanager
def open_board(folder: Path, engine: Engine, *, wanted: bool) -> Iterator[Board | None]:
    """Opens TensorBoard's files in a run's folder, if wanted and in the main process; closes them afterwards."""
    if not (wanted and engine.is_main):
        yield None
        return
    board = Board(folder)
    try:
        yield board
    finally:
        board.close()
