"""Fine-tunes both nets together (stage joint): ``python -m training.train_joint --config ... --data ... --run ...``.

Section 3.3.2 of the paper, last paragraph: H2L, L2H and both discriminators at once. H2L degrades a clean photograph,
and equation 2 is its loss; L2H restores the result, and equation 8 is its loss.
"""

from __future__ import annotations

from training.cli.options import add_gmsr, make_stage_parser
from training.cli.parser import one_line_errors
from training.config import JointConfig, read_config
from training.stages.joint import train


def main() -> None:
    """Command line of the stage."""
    parser = make_stage_parser(__doc__)
    add_gmsr(parser)
    arguments = parser.parse_args()
    with one_line_errors(parser):
        config = read_config(arguments.config, JointConfig)
        train(config, arguments.data, arguments.run, arguments.vgg, arguments.gmsr, arguments.tensorboard)


if __name__ == "__main__":
    main()
