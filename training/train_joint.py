"""Fine-tunes both nets together (stage joint): ``python -m training.train_joint --config ... --data ... --run ...``.

Section 3.3.2 of the paper, last paragraph: H2L, L2H and both discriminators at once. H2L degrades a clean photograph,
and equation 2 is its loss; L2H restores the result, and equation 8 is its loss.
"""

from __future__ import annotations

from training.cli.stage import run_stage
from training.config import JointConfig
from training.stages.joint import train


def main() -> None:
    """Command line of the stage."""
    run_stage(__doc__, JointConfig, train)


if __name__ == "__main__":
    main()
