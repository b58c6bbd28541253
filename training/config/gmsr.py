"""The configuration of GMSR, the training set made of clean photographs."""

from __future__ import annotations

from dataclasses import dataclass

from srdgan_rt.checkpoint import DEFAULT_DEGRADATION
from srdgan_rt.degrade.pairs import NoiseRange, check_noise_range
from srdgan_rt.errors import InputError
from training.data.pictures import PYRAMID


@dataclass(frozen=True)
class GMSRConfig:
    """One set of pairs."""

    model: str = DEFAULT_DEGRADATION  # name of a shipped high-to-low net, or path of its weights
    noise_range: tuple[float, ...] = ()  # smallest and largest noise level; empty for those of the model
    seed: int = 0
    variants: int = 1  # pairs of each photograph and size
    sizes: tuple[float, ...] = PYRAMID
    soften_and_darken: bool = True  # soften and darken, as in training
    crop: int = 0  # largest side of HR: of a larger picture a random window is used; 0 uses all of it
    smallest_side: int = 192  # of HR; smaller pictures are left out

    def __post_init__(self) -> None:
        if len(self.noise_range) not in (0, 2):
            raise InputError(f"noise_range must be [] or [A, B], got {list(self.noise_range)}")
        _ = self.levels
        if self.seed < 0:
            raise InputError(f"seed must be at least 0, got {self.seed}")
        if self.variants < 1:
            raise InputError(f"variants must be at least 1, got {self.variants}")
        if not self.sizes or not all(0 < size <= 1 for size in self.sizes):
            raise InputError(f"sizes must be above 0 and at most 1, at least one of them, got {list(self.sizes)}")
        if len({percent(size) for size in self.sizes}) < len(self.sizes):
            raise InputError(f"sizes must differ by at least a hundredth, got {list(self.sizes)}")
        if self.smallest_side < 4:
            raise InputError(f"smallest_side must be at least 4, got {self.smallest_side}")
        if self.crop and self.crop < self.smallest_side:
            raise InputError(f"crop must be 0 or at least smallest_side, {self.smallest_side}, got {self.crop}")

    @property
    def levels(self) -> NoiseRange | None:
        """The range of noise levels, as :func:`srdgan_rt.degrade.pairs.plan_pair` takes it."""
        return check_noise_range(self.noise_range[0], self.noise_range[1]) if self.noise_range else None


def percent(size: float) -> int:
    """The size in per cent, as in the names of pairs."""
    return round(100 * size)
