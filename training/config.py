"""Training configurations: strict dataclasses read from TOML."""

from __future__ import annotations

import dataclasses
import sys
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from srdgan_rt.errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the same parser under its old name
    import tomli as tomllib

_SMALLEST_H2L_PATCH = 16  # what the deepest features leave one pixel of


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the low-to-high net."""

    num_blocks: int = 25
    num_features: int = 64
    growth_channels: int = 32
    scale: int = 4


@dataclass(frozen=True)
class BatchConfig:
    """How many samples of each kind make one batch (see ``training.data``)."""

    phone_noise: int = 3  # photograph, nearest-downsampled, noise resampled from real phone frames
    camera_noise: int = 1  # photograph, nearest-downsampled, noise of the camera model
    phone_pair: int = 1  # a real noisy frame; only its clean twin at low resolution is known
    clean_nearest: int = 1  # photograph, nearest-downsampled, no noise
    clean_bicubic: int = 2  # photograph, bicubic- or area-downsampled, no noise

    @property
    def size(self) -> int:
        """Samples in a batch."""
        return sum(dataclasses.astuple(self))


@dataclass(frozen=True)
class PhaseConfig:
    """A stretch of the training with one patch size."""

    until: float = 1.0  # fraction of all iterations at which the phase ends
    patch: int = 48  # low-resolution pixels a side


@dataclass(frozen=True)
class TrainConfig:
    """One run of the pixel-loss trainer."""

    name: str
    iterations: int
    learning_rate: float = 1e-3
    warmup: int = 200
    ema_decay: float = 0.999
    seed: int = 0
    loss: str = "l1"
    checkpoint_every: int = 500
    validate_every: int = 1000
    model: ModelConfig = field(default_factory=ModelConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    phases: tuple[PhaseConfig, ...] = (PhaseConfig(),)

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise InputError(f"iterations must be at least 1, got {self.iterations}")
        if self.loss not in ("l1", "l2"):
            raise InputError(f"loss must be l1 or l2, got {self.loss!r}")
        if not self.phases or self.phases[-1].until != 1.0:
            raise InputError("the last of phases must have until = 1.0")
        if self.batch.size < 1:
            raise InputError("batch must hold at least one sample")

    def patch_at(self, iteration: int) -> int:
        """Patch size in low-resolution pixels at an iteration."""
        return next(phase.patch for phase in self.phases if iteration < phase.until * self.iterations)


@dataclass(frozen=True)
class H2LModelConfig:
    """Sizes of the high-to-low net; its scale is that of the data."""

    num_blocks: int = 4
    num_features: int = 64


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Size of the discriminator."""

    num_features: int = 64


@dataclass(frozen=True)
class LossWeightsConfig:
    """The weights alpha of equation 2; docs/training.md tells where the defaults come from."""

    pixel: float = 1.0
    feature: float = 0.05
    adversarial: float = 0.005

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 0:
                raise InputError(f"weights.{name} must be at least 0, got {value}")
        if not any(vars(self).values()):
            raise InputError("at least one of weights must be above 0")


@dataclass(frozen=True)
class H2LConfig:
    """One run of the stage h2l; the defaults are the paper's (section 4)."""

    name: str
    iterations: int
    learning_rate: float = 1e-4
    halve_at: tuple[int, ...] = (50_000, 100_000, 200_000, 300_000)
    ema_decay: float = 0.999
    seed: int = 0
    batch: int = 16
    patch: int = 48  # low-resolution pixels a side
    colour_weight: float = 100.0  # of the squared shift of a patch's mean colour, beside equation 2
    relativistic: bool = False  # relativistic average GAN in place of equations 5 and 6
    feature_layer: str = "conv5_3"
    checkpoint_every: int = 500
    validate_every: int = 1000
    model: H2LModelConfig = field(default_factory=H2LModelConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    weights: LossWeightsConfig = field(default_factory=LossWeightsConfig)

    def __post_init__(self) -> None:
        for name in ("iterations", "batch", "checkpoint_every", "validate_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.patch < _SMALLEST_H2L_PATCH:
            raise InputError(f"patch must be at least {_SMALLEST_H2L_PATCH}, got {self.patch}")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate must be positive, got {self.learning_rate}")
        if not self.colour_weight >= 0:
            raise InputError(f"colour_weight must be at least 0, got {self.colour_weight}")

    def learning_rate_at(self, iteration: int) -> float:
        """The learning rate, halved at each of ``halve_at``."""
        return self.learning_rate * 0.5 ** sum(iteration >= milestone for milestone in self.halve_at)


def _build(kind: Any, table: dict[str, Any], where: str) -> Any:
    """Builds a dataclass from a TOML table; an unknown key is an error that names its neighbours."""
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(table) - set(hints))
    if unknown:
        raise InputError(f"{where}: unknown key {unknown[0]!r}; known keys: {', '.join(hints)}")
    return kind(**{key: _convert(hints[key], value, f"{where}.{key}") for key, value in table.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    """One value of a TOML table as the type that its key asks for."""
    if typing.get_origin(hint) is tuple:
        (item, _) = typing.get_args(hint)
        if not isinstance(value, list):
            raise InputError(f"{where} must be a list, got {value!r}")
        return tuple(_convert(item, entry, where) for entry in value)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise InputError(f"{where} must be a table, got {value!r}")
        return _build(hint, value, where)
    if hint is float and isinstance(value, int):
        return float(value)
    if not isinstance(value, hint):
        raise InputError(f"{where} must be of type {hint.__name__}, got {value!r}")
    return value


ConfigT = TypeVar("ConfigT")


def load_config(path: Path) -> TrainConfig:
    """Reads the configuration of a run with a pixel loss: :func:`read_config` for :class:`TrainConfig`."""
    return read_config(path, TrainConfig)


def read_config(path: Path, kind: type[ConfigT]) -> ConfigT:
    """Reads a run's configuration.

    Args:
        path: a TOML file whose keys are those of ``kind``.
        kind: the configuration of the stage.

    Raises:
        InputError: the file is missing or no TOML, a key is unknown, or a value is of the wrong type or range.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is no valid TOML: {error}") from error
    try:
        config: ConfigT = _build(kind, table, path.name)
    except TypeError as error:  # a key without a default is missing
        raise InputError(f"{path.name}: {error}") from error
    return config
