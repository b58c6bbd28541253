"""The samples of a batch of the low-to-high net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from srdgan_rt.errors import InputError
from training.config.toml import check_keys, construct, convert
from training.samples.kinds import KINDS
from training.samples.options import DEFAULT_OPTIONS, SampleOptions

_USUAL_BATCH = {"phone_noise": 3, "camera_noise": 1, "phone_pair": 1, "clean_nearest": 1, "clean_bicubic": 2}


@dataclass(frozen=True)
class BatchConfig:
    """How many samples of each kind make one batch (see ``training.samples.kinds``).

    Args:
        counts: by the names of the kinds; one that is not named counts 0.
        options: how they are made.
    """

    counts: Mapping[str, int] = field(default_factory=lambda: dict(_USUAL_BATCH))
    options: SampleOptions = DEFAULT_OPTIONS

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", {name: self.counts.get(name, 0) for name in KINDS})
        for kind, count in self.counts.items():
            if count < 0:
                raise InputError(f"{kind} must be at least 0, got {count}")

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: str) -> BatchConfig:
        """From a TOML table, whose keys are kinds and options."""
        options = get_type_hints(SampleOptions)
        known = {**dict.fromkeys(KINDS, int), **options}
        check_keys(table, known, where)
        values = {key: convert(known[key], value, f"{where}.{key}") for key, value in table.items()}
        chosen = {key: values.pop(key) for key in options if key in values}
        return construct(cls, {"counts": values, "options": construct(SampleOptions, chosen, where)}, where)

    @property
    def num_known(self) -> int:
        """Samples whose high-resolution picture is known."""
        return sum(count for name, count in self.counts.items() if KINDS[name].is_known)

    @property
    def num_unknown(self) -> int:
        """Samples of which only the clean low-resolution picture is known."""
        return sum(self.counts.values()) - self.num_known
