"""What the command lines of all stages have in common."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from srdgan_rt.errors import SrdganError
from training.board import Board
from training.engine import Engine


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every stage has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="TOML file, see training/configs")
    parser.add_argument("--data", type=Path, required=True, help="folder with train_photos and phone_pairs")
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and the log; resumed if there")
    parser.add_argument("--vgg", type=Path, help="VGG16 weights (.npz) for the feature loss")
    parser.add_argument("--tensorboard", action="store_true", help="curves and pictures for TensorBoard in RUN/board")
    return parser


def make_export_parser(description: str | None, data: str) -> argparse.ArgumentParser:
    """The options of both exports; ``data`` says what the data folder holds."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="configuration of the run")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--data", type=Path, required=True, help=data)
    parser.add_argument(
        "--output", type=Path, required=True, help="weight file (.safetensors); the card lies beside it"
    )
    parser.add_argument("--joint", action="store_true", help="the run is one of the stage joint")
    return parser


def add_gmsr(parser: argparse.ArgumentParser) -> None:
    """The option of the stages that train the low-to-high net."""
    parser.add_argument("--gmsr", type=Path, help="folder of generated pairs (HR and LRx4), for batch.gmsr")


@contextmanager
def one_line_errors(parser: argparse.ArgumentParser) -> Iterator[None]:
    """Ends the program with one line and status 2 where the user can mend what is wrong."""
    try:
        yield
    except SrdganError as error:
        parser.error(str(error))


@contextmanager
def open_board(folder: Path, engine: Engine, *, wanted: bool) -> Iterator[Board | None]:
    """TensorBoard's files in a run's folder, if they are wanted, by the process that writes; complete afterwards."""
    if not (wanted and engine.is_main):
        yield None
        return
    board = Board(folder)
    try:
        yield board
    finally:
        board.close()
