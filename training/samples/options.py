"""How samples are made, beside how many there are of each kind."""

from __future__ import annotations

from dataclasses import dataclass

from srdgan_rt.errors import InputError
from training.samples.kind import SAMPLINGS


@dataclass(frozen=True)
class SampleOptions:
    """Further keys of the table ``[batch]`` of a configuration.

    Args:
        sampling: how phone_noise and camera_noise are sampled down: nearest, bicubic or area.
        weak_colour: part of the samples with raw noise whose noise loses colour, as phones weaken it; 0 to 1.
        grey: part of all noisy samples that are grey pictures, 0 to 1.

    Raises:
        InputError: an option has none of these values.
    """

    sampling: str = "nearest"
    weak_colour: float = 0.5
    grey: float = 0.1

    def __post_init__(self) -> None:
        if self.sampling not in SAMPLINGS:
            raise InputError(f"sampling must be one of {', '.join(SAMPLINGS)}, got {self.sampling!r}")
        for name in ("weak_colour", "grey"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be 0..1, got {getattr(self, name)}")


DEFAULT_OPTIONS = SampleOptions()
