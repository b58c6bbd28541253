"""Trains the high-to-low net (stage h2l): ``python -m training.train_h2l --config ... --data ... --run ... --vgg ...``.

Section 3.2.2 and Fig. 3a of the paper: pixel and feature losses against LR_n of I_pair, and a discriminator that
knows real phone noise from I_n.
"""

from __future__ import annotations

from training.cli.options import make_stage_parser
from training.cli.parser import one_line_errors
from training.config import H2LConfig, read_config
from training.stages.h2l import train


def main() -> None:
    """Command line of the stage."""
    parser = make_stage_parser(__doc__)
    arguments = parser.parse_args()
    with one_line_errors(parser):
        config = read_config(arguments.config, H2LConfig)
        train(config, arguments.data, arguments.run, arguments.vgg, arguments.tensorboard)


if __name__ == "__main__":
    main()
