"""Trains the low-to-high net (stage l2h): ``python -m training.train_l2h --config ... --data ... --run ...``.

Section 3.3.2 and Fig. 3b of the paper: pixel, feature and adversarial losses of equation 8, each of which may have a
weight of 0. Without the latter two it is a plain training for PSNR.
"""

from __future__ import annotations

from training.cli.stage import run_stage
from training.config import L2HConfig
from training.stages.l2h import train


def main() -> None:
    """Command line of the stage."""
    run_stage(__doc__, L2HConfig, train)


if __name__ == "__main__":
    main()
