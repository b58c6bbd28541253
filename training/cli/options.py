"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from srdgan_rt.errors import InputError
from training.cli.parser import CommandParser
from training.data.folders import check_folder

DATA_HELP = "folder with train_photos, and pairs or phone_pairs"


def add_run(parser: argparse.ArgumentParser) -> None:
    """The option of all commands that train."""
    parser.add_argument(
        "--run", type=Path, required=True, help="folder for checkpoint and log; a run that is there is resumed"
    )


def add_vgg(parser: argparse.ArgumentParser) -> None:
    """The option of all commands that train with a feature loss."""
    parser.add_argument("--vgg", type=Path, help="file of training.convert_vgg (.npz), for the feature loss")


def make_stage_parser(description: str | None) -> CommandParser:
    """The options that every stage has."""
    parser = CommandParser(description)
    parser.add_argument("--config", type=Path, required=True, help="TOML file, see training/configs")
    parser.add_argument("--data", type=Path, required=True, help=DATA_HELP)
    add_run(parser)
    add_vgg(parser)
    parser.add_argument("--tensorboard", action="store_true", help="curves and pictures for TensorBoard in RUN/board")
    return parser


def add_gmsr(parser: argparse.ArgumentParser) -> None:
    """The option of the stages that train the low-to-high net."""
    parser.add_argument("--gmsr", type=Path, help="folder of generated pairs (HR and LRx4), for batch.gmsr")


def make_export_parser(description: str | None, data: str) -> CommandParser:
    """The options of both exports; ``data`` says what the data folder holds."""
    parser = CommandParser(description)
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--name", required=True, help="name of the model")
    parser.add_argument("--licence", required=True, help="licence of the weights, such as Apache-2.0")
    parser.add_argument("--data", type=Path, required=True, help=data)
    parser.add_argument(
        "--output", type=Path, required=True, help="weight file (.safetensors); the card is written beside it"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a weight file and a card that exist")
    return parser


def check_export_options(arguments: argparse.Namespace) -> None:
    """Raises InputError if an option of an export makes no sense."""
    for name in ("name", "licence"):
        if not getattr(arguments, name).strip():
            raise InputError(f"--{name} must not be empty")
    for name in ("halo", "border_padding"):
        if getattr(arguments, name, 0) < 0:
            raise InputError(f"--{name.replace('_', '-')} must be at least 0, got {getattr(arguments, name)}")
    for folder in (arguments.data, arguments.output.parent):
        check_folder(folder)
    for path in (arguments.output, arguments.output.with_suffix(".md")):
        if path.exists() and not arguments.overwrite:
            raise InputError(f"{path} exists: choose --overwrite")
