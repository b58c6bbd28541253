"""What the command lines of all stages have in common."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from srdgan_rt.errors import InputError, SrdganError
from training.board import Board
from training.engine import Engine


class CommandParser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the list of all options that argparse puts before them.

    Args:
        description: of the command; shown as it is.
    """

    def __init__(self, description: str | None = None, **options: Any) -> None:
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        name = {} if spec is None else {"prog": f"python -m {spec.name}"}
        super().__init__(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter, **{**name, **options}
        )

    def error(self, message: str) -> NoReturn:
        """Ends the program with status 2: what was asked for is wrong."""
        self.exit(2, f"{self.prog}: error: {_one_line(message)}\n")

    def fail(self, message: str) -> NoReturn:
        """Ends the program with status 1: what was asked for is right, but could not be done."""
        self.exit(1, f"{self.prog}: error: {_one_line(message)}\n")


def _one_line(message: str) -> str:
    return " ".join(message.split())


def make_parser(description: str | None) -> CommandParser:
    """The options that every stage has."""
    parser = CommandParser(description)
    parser.add_argument("--config", type=Path, required=True, help="TOML file, see training/configs")
    parser.add_argument("--data", type=Path, required=True, help="folder with train_photos and phone_pairs")
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and the log; resumed if there")
    parser.add_argument("--vgg", type=Path, help="VGG16 weights (.npz) for the feature loss")
    parser.add_argument("--tensorboard", action="store_true", help="curves and pictures for TensorBoard in RUN/board")
    return parser


def make_export_parser(description: str | None, data: str) -> CommandParser:
    """The options of both exports; ``data`` says what the data folder holds."""
    parser = CommandParser(description)
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--name", required=True, help="of the model")
    parser.add_argument("--licence", required=True, help="of the weights, such as Apache-2.0")
    parser.add_argument("--data", type=Path, required=True, help=data)
    parser.add_argument(
        "--output", type=Path, required=True, help="weight file (.safetensors); the card lies beside it"
    )
    return parser


def add_gmsr(parser: argparse.ArgumentParser) -> None:
    """The option of the stages that train the low-to-high net."""
    parser.add_argument("--gmsr", type=Path, help="folder of generated pairs (HR and LRx4), for batch.gmsr")


@contextmanager
def one_line_errors(parser: CommandParser) -> Iterator[None]:
    """Ends the program with one line: with status 2 where what was asked for is wrong, 1 where it could not be done."""
    try:
        yield
    except InputError as error:
        parser.error(str(error))
    except (SrdganError, OSError) as error:
        parser.fail(str(error))
    except KeyboardInterrupt:
        parser.exit(130, "interrupted: the same command goes on\n")


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
