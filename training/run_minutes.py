"""Trains the low-to-high net for some minutes: ``python -m training.run_minutes --config ... --data ... --run ...``.

The cosine of the learning rate ends with the minutes; the last validation follows, and the weights are written as
shards, which are small enough to send. On a machine that is available for a short time, ``--packs`` has the data.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from srdgan_rt.checkpoint import DEFAULT_DEGRADATION
from srdgan_rt.errors import InputError
from training.cli.options import DATA_HELP, add_gmsr, add_run, add_vgg
from training.cli.parser import CommandParser, one_line_errors
from training.config import L2HConfig, read_config
from training.data.packs import is_packed
from training.stages.minutes import scale_batch, train


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--config", type=Path, required=True, help="TOML file, see training/configs/x4.toml")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--packs", type=Path, help="folder that training.pack wrote")
    source.add_argument("--data", type=Path, help=DATA_HELP)
    add_run(parser)
    parser.add_argument("--minutes", type=float, required=True, help="time from the start to the last step")
    parser.add_argument(
        "--init", type=Path, nargs="+", default=[], help="weights to start from, in place of init: a file or its shards"
    )
    add_vgg(parser)
    add_gmsr(parser)
    parser.add_argument(
        "--h2l",
        default=DEFAULT_DEGRADATION,
        help="high-to-low net for batch.gmsr where there is no --gmsr: a name or a file (%(default)s)",
    )
    parser.add_argument("--batch", type=int, help="samples a step, a multiple of the configuration's (default: these)")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        config = read_config(arguments.config, L2HConfig)
        if arguments.packs is not None and not is_packed(arguments.packs):
            raise InputError(f"--packs must be a folder that training.pack wrote, got {arguments.packs}")
        if arguments.batch is not None:
            config = dataclasses.replace(config, batch=scale_batch(config.batch, arguments.batch))
        made = train(
            config,
            arguments.packs or arguments.data,
            arguments.run,
            arguments.minutes,
            arguments.init,
            arguments.vgg,
            arguments.h2l,
            arguments.gmsr,
        )
        print(*made, sep="\n")


if __name__ == "__main__":
    main()
