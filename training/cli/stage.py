"""The command line of a training stage."""

from __future__ import annotations

import sys
from collections.abc import Callable

from srdgan_rt.signals import INTERRUPTED
from training.cli.options import add_gmsr, make_stage_parser
from training.cli.parser import one_line_errors
from training.config import StageConfig, read_config


def run_stage(
    description: str | None, config_type: type[StageConfig], train: Callable[..., bool], *, uses_gmsr: bool = True
) -> None:
    """Reads the arguments and the configuration, then trains; exits with :data:`INTERRUPTED` if it was stopped.

    Args:
        description: of the command.
        config_type: what the configuration file holds.
        train: called with the configuration, the folders of data and run, the file with VGG's weights, the folder with
            generated pairs if the stage uses them, and whether to write files for TensorBoard.
        uses_gmsr: whether the stage has the option ``--gmsr``.
    """
    parser = make_stage_parser(description)
    if uses_gmsr:
        add_gmsr(parser)
    arguments = parser.parse_args()
    with one_line_errors(parser):
        gmsr = [arguments.gmsr] if uses_gmsr else []
        config = read_config(arguments.config, config_type)
        finished = train(config, arguments.data, arguments.run, arguments.vgg, *gmsr, arguments.tensorboard)
    if not finished:
        sys.exit(INTERRUPTED)
