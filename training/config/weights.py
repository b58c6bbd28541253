"""Weights of the losses."""

from __future__ import annotations

import math
from dataclasses import dataclass

from srdgan_rt.errors import InputError


def _check_weights(weights: object) -> None:
    for name, value in vars(weights).items():
        if not 0 <= value < math.inf:
            raise InputError(f"{name} must be finite and at least 0, got {value}")
    if not any(vars(weights).values()):
        raise InputError("at least one weight must be above 0")


@dataclass(frozen=True)
class H2LWeightsConfig:
    """The weights alpha 1 to 3 of equation 2; docs/design/training.md explains the defaults."""

    pixel: float = 1.0
    feature: float = 0.05
    adversarial: float = 0.005
    colour: float = 100.0  # of the squared shift of a patch's mean colour; not in the paper

    def __post_init__(self) -> None:
        _check_weights(self)


@dataclass(frozen=True)
class L2HWeightsConfig:
    """The weights alpha 4 to 6 of equation 8, whose defaults are ESRGAN's, and the weights of two additional losses."""

    pixel: float = 0.01
    feature: float = 1.0
    adversarial: float = 0.005
    mean: float = 0.0  # of the difference of block means
    mesh: float = 0.0  # of errors that repeat every 4 pixels

    def __post_init__(self) -> None:
        _check_weights(self)
