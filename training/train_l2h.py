"""Trains the low-to-high net (stage l2h): ``python -m training.train_l2h --config ... --data ... --run ...``.

Section 3.3.2 and Fig. 3b of the paper: pixel, feature and adversarial losses of equation 8, each of which may have a
weight of 0. Without the latter two it is a plain training for PSNR.
"""

from __future__ import annotations

from training.cli.options import add_gmsr, make_stage_parser
from training.cli.parser import one_line_errors
from training.config import L2HConfig, read_config
from training.stages.l2h import train


def main() -> None:
    """Command line of the stage."""
    parser = make_stage_parser(__doc__)
    add_gmsr(parser)
    arguments = parser.parse_args()
    with one_line_errors(parser):
        config = read_config(arguments.config, L2HConfig)
        train(config, arguments.data, arguments.run, arguments.vgg, arguments.gmsr, arguments.tensorboard)


if __name__ == "__main__":
    main()
