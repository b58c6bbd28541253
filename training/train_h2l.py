"""Trains the high-to-low net (stage h2l): ``python -m training.train_h2l --config ... --data ... --run ... --vgg ...``.

Section 3.2.2 and Fig. 3a of the paper: pixel and feature losses against LR_n of I_pair, and a discriminator that
knows real phone noise from I_n.
"""

from __future__ import annotations

from training.cli.stage import run_stage
from training.config import H2LConfig
from training.stages.h2l import train


def main() -> None:
    """Command line of the stage."""
    run_stage(__doc__, H2LConfig, train, uses_gmsr=False)


if __name__ == "__main__":
    main()
