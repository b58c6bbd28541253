"""Training configurations: strict dataclasses read from TOML."""

from __future__ import annotations

import dataclasses
import math
import sys
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from srdgan_rt.errors import InputError
from training.samples.kinds import KINDS

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


_USUAL_BATCH = {"phone_noise": 3, "camera_noise": 1, "phone_pair": 1, "clean_nearest": 1, "clean_bicubic": 2}
_SAMPLINGS = ("nearest", "bicubic", "area")


@dataclass(frozen=True)
class BatchConfig:
    """How many samples of each kind make one batch (see ``training.samples.kinds``).

    Args:
        counts: by the names of the kinds; one that is not named counts 0.
        sampling: how phone_noise and camera_noise are sampled down: nearest, bicubic or area.
    """

    counts: Mapping[str, int] = field(default_factory=lambda: dict(_USUAL_BATCH))
    sampling: str = "nearest"

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", {name: self.counts.get(name, 0) for name in KINDS})
        for kind, count in self.counts.items():
            if count < 0:
                raise InputError(f"batch.{kind} must be at least 0, got {count}")
        if self.sampling not in _SAMPLINGS:
            raise InputError(f"batch.sampling must be nearest, bicubic or area, got {self.sampling!r}")

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: str) -> BatchConfig:
        """From a TOML table, whose keys are kinds and ``sampling``."""
        known = {**dict.fromkeys(KINDS, int), "sampling": str}
        _check_keys(table, known, where)
        values = {key: _convert(known[key], value, f"{where}.{key}") for key, value in table.items()}
        return cls(values, values.pop("sampling", "nearest"))

    @property
    def num_known(self) -> int:
        """Samples whose high-resolution picture is known."""
        return sum(count for name, count in self.counts.items() if KINDS[name].is_known)

    @property
    def num_unknown(self) -> int:
        """Samples of which only the clean low-resolution picture is known."""
        return sum(self.counts.values()) - self.num_known


@dataclass(frozen=True)
class PhaseConfig:
    """A stretch of the training with one patch size."""

    until: float = 1.0  # fraction of all iterations at which the phase ends
    patch: int = 48  # low-resolution pixels a side


@dataclass(frozen=True)
class H2LModelConfig:
    """Sizes of the high-to-low net; its scale is that of the data."""

    num_blocks: int = 4
    num_features: int = 64


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Size of the discriminator of the high-to-low net."""

    num_features: int = 64


@dataclass(frozen=True)
class PictureDiscriminatorConfig:
    """Size of the discriminator of the low-to-high net."""

    num_features: int = 64
    num_halvings: int = 3  # a logit sees 7 * 2 ** num_halvings pixels a side


def _check_weights(weights: object) -> None:
    for name, value in vars(weights).items():
        if not value >= 0:
            raise InputError(f"weights.{name} must be at least 0, got {value}")
    if not any(vars(weights).values()):
        raise InputError("at least one of weights must be above 0")


@dataclass(frozen=True)
class H2LWeightsConfig:
    """The weights alpha 1 to 3 of equation 2; docs/training.md tells where the defaults come from."""

    pixel: float = 1.0
    feature: float = 0.05
    adversarial: float = 0.005
    colour: float = 100.0  # of the squared shift of a patch's mean colour; not in the paper

    def __post_init__(self) -> None:
        _check_weights(self)


@dataclass(frozen=True)
class L2HWeightsConfig:
    """The weights alpha 4 to 6 of equation 8, whose defaults are ESRGAN's, and those of two losses of our own."""

    pixel: float = 0.01
    feature: float = 1.0
    adversarial: float = 0.005
    mean: float = 0.0  # of the difference of the results averaged down, block by block
    mesh: float = 0.0  # of what repeats every 4 pixels

    def __post_init__(self) -> None:
        _check_weights(self)


@dataclass(frozen=True)
class EngineConfig:
    """Where and how a run computes; of no influence on what it computes, but for rounding."""

    device: str = "auto"  # auto (CUDA where there is a device), cpu or cuda
    precision: str = "fp32"  # fp32, or bf16 (autocast: weights, losses and averages stay in fp32)
    compile: bool = False  # the generators by torch.compile
    checkpoint_blocks: bool = False  # computes each block twice: far less memory, a third more time
    num_workers: int = 0  # processes that make batches ahead; 0 makes them in between the steps
    prefetch: int = 2  # batches that each of them makes ahead

    def __post_init__(self) -> None:
        if self.device not in ("auto", "cpu", "cuda"):
            raise InputError(f"engine.device must be auto, cpu or cuda, got {self.device!r}")
        if self.precision not in ("fp32", "bf16"):
            raise InputError(f"engine.precision must be fp32 or bf16, got {self.precision!r}")
        if self.num_workers < 0:
            raise InputError(f"engine.num_workers must be at least 0, got {self.num_workers}")
        if self.prefetch < 1:
            raise InputError(f"engine.prefetch must be at least 1, got {self.prefetch}")


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """What the configurations of all stages have in common; the defaults are the paper's (section 4)."""

    name: str
    iterations: int
    seed: int = 0
    learning_rate: float = 1e-4
    schedule: str = "halve"  # at each of halve_at; or cosine: to zero at the end of the run
    halve_at: tuple[int, ...] = (50_000, 100_000, 200_000, 300_000)
    warmup: int = 0  # iterations over which the learning rate rises
    betas: tuple[float, float] = (0.9, 0.999)
    gradient_norm: float = 0.0  # above which gradients are scaled down; 0 for never
    ema_decay: float = 0.999
    relativistic: bool = False  # relativistic average GAN in place of equations 5 and 6
    features: str = "vgg16"  # of the feature loss: vgg16 (a local file) or vgg19 (torchvision's)
    feature_layer: str = ""  # the convolution whose result is compared; the last one if empty
    checkpoint_every: int = 500
    validate_every: int = 1000
    engine: EngineConfig = field(default_factory=EngineConfig)

    def __post_init__(self) -> None:
        for name in ("iterations", "checkpoint_every", "validate_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate must be positive, got {self.learning_rate}")
        if self.schedule not in ("halve", "cosine"):
            raise InputError(f"schedule must be halve or cosine, got {self.schedule!r}")
        for name in ("warmup", "gradient_norm"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"betas must lie in [0, 1), got {list(self.betas)}")
        if self.features not in ("vgg16", "vgg19"):
            raise InputError(f"features must be vgg16 or vgg19, got {self.features!r}")

    def learning_rate_at(self, iteration: int, done: float | None = None) -> float:
        """The learning rate of an iteration, by schedule and warm-up.

        Args:
            iteration: counts from 0.
            done: the part of the run that is over, for the cosine; None for that of the iterations.
        """
        done = iteration / self.iterations if done is None else done
        warmup = min(1.0, (iteration + 1) / self.warmup) if self.warmup else 1.0
        if self.schedule == "cosine":
            return self.learning_rate * warmup * 0.5 * (1 + math.cos(math.pi * done))
        return self.learning_rate * warmup * 0.5 ** sum(iteration >= milestone for milestone in self.halve_at)


def _check_h2l_batch(batch: int, patch: int) -> None:
    if batch < 1:
        raise InputError(f"batch must be at least 1, got {batch}")
    if patch < _SMALLEST_H2L_PATCH:
        raise InputError(f"patch must be at least {_SMALLEST_H2L_PATCH}, got {patch}")


@dataclass(frozen=True, kw_only=True)
class H2LConfig(StageConfig):
    """One run of the stage h2l."""

    init: str = ""  # a weight file or an earlier run's checkpoint to start from
    batch: int = 16
    patch: int = 48  # low-resolution pixels a side
    model: H2LModelConfig = field(default_factory=H2LModelConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    weights: H2LWeightsConfig = field(default_factory=H2LWeightsConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_h2l_batch(self.batch, self.patch)


@dataclass(frozen=True, kw_only=True)
class L2HConfig(StageConfig):
    """One run of the stage l2h."""

    loss: str = "l1"  # of the pixels: l1 or l2
    init: str = ""  # a shipped model, a weight file or an earlier run's checkpoint to start from
    model: ModelConfig = field(default_factory=ModelConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    phases: tuple[PhaseConfig, ...] = (PhaseConfig(),)
    discriminator: PictureDiscriminatorConfig = field(default_factory=PictureDiscriminatorConfig)
    weights: L2HWeightsConfig = field(default_factory=L2HWeightsConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_loss(self.loss)
        if not self.phases or self.phases[-1].until != 1.0:
            raise InputError("the last of phases must have until = 1.0")
        if self.batch.num_known + self.batch.num_unknown < 1:
            raise InputError("batch must hold at least one sample")
        if self.batch.num_known < 1 and (self.weights.feature > 0 or self.weights.adversarial > 0):
            raise InputError("batch must hold a sample with a known HR for the feature and adversarial losses")

    def patch_at(self, iteration: int) -> int:
        """Patch size in low-resolution pixels at an iteration."""
        return next(phase.patch for phase in self.phases if iteration < phase.until * self.iterations)


def _check_loss(loss: str) -> None:
    if loss not in ("l1", "l2"):
        raise InputError(f"loss must be l1 or l2, got {loss!r}")


@dataclass(frozen=True, kw_only=True)
class JointConfig(StageConfig):
    """One run of the stage joint: both nets and both discriminators."""

    h2l_init: str  # weights of the stage h2l: a file or the run's checkpoint
    l2h_init: str  # weights of the stage l2h: a shipped model, a file or the run's checkpoint
    size: int = 8  # samples that go through both nets
    patch: int = 48  # low-resolution pixels a side
    h2l_gradient: float = 0.1  # part of the gradient of equation 8 that reaches the high-to-low net
    loss: str = "l1"  # of the pixels of the low-to-high net
    batch: BatchConfig = field(default_factory=BatchConfig)  # further samples for the low-to-high net
    h2l_model: H2LModelConfig = field(default_factory=H2LModelConfig)
    l2h_model: ModelConfig = field(default_factory=ModelConfig)
    h2l_discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    l2h_discriminator: PictureDiscriminatorConfig = field(default_factory=PictureDiscriminatorConfig)
    h2l_weights: H2LWeightsConfig = field(default_factory=H2LWeightsConfig)
    l2h_weights: L2HWeightsConfig = field(default_factory=L2HWeightsConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_loss(self.loss)
        _check_h2l_batch(self.size, self.patch)
        if not self.h2l_gradient >= 0:
            raise InputError(f"h2l_gradient must be at least 0, got {self.h2l_gradient}")


def _build(kind: Any, table: dict[str, Any], where: str) -> Any:
    """Builds a dataclass from a TOML table; an unknown key is an error that names its neighbours."""
    types = typing.get_type_hints(kind)
    hints = {item.name: types[item.name] for item in dataclasses.fields(kind)}
    _check_keys(table, hints, where)
    return kind(**{key: _convert(hints[key], value, f"{where}.{key}") for key, value in table.items()})


def _check_keys(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    if unknown := sorted(set(table) - set(known)):
        raise InputError(f"{where}: unknown key {unknown[0]!r}; known keys: {', '.join(known)}")


def _convert(hint: Any, value: Any, where: str) -> Any:
    """One value of a TOML table as the type that its key asks for."""
    if typing.get_origin(hint) is tuple:
        item, *others = typing.get_args(hint)
        if not isinstance(value, list):
            raise InputError(f"{where} must be a list, got {value!r}")
        if Ellipsis not in others and len(value) != 1 + len(others):
            raise InputError(f"{where} must be a list of {1 + len(others)}, got {value!r}")
        return tuple(_convert(item, entry, where) for entry in value)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise InputError(f"{where} must be a table, got {value!r}")
        return BatchConfig.from_table(value, where) if hint is BatchConfig else _build(hint, value, where)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:  # and not isinstance: a truth value is no number
        raise InputError(f"{where} must be of type {hint.__name__}, got {value!r}")
    return value


ConfigT = TypeVar("ConfigT")


def read_table(path: Path) -> dict[str, Any]:
    """Reads a TOML file; InputError if it is missing or none."""
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return table
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no valid TOML: {error}") from error


def build_config(kind: type[ConfigT], table: dict[str, Any], where: str) -> ConfigT:
    """The configuration of a stage from a table.

    Args:
        kind: of the stage.
        table: its keys.
        where: they come from, for error messages.

    Raises:
        InputError: a key is unknown or missing, or a value is of the wrong type or range.
    """
    try:
        config: ConfigT = _build(kind, table, where)
    except TypeError as error:  # a key without a default is missing
        raise InputError(f"{where}: {error}") from error
    return config


def read_config(path: Path, kind: type[ConfigT]) -> ConfigT:
    """Reads a run's configuration.

    Args:
        path: a TOML file whose keys are those of ``kind``.
        kind: the configuration of the stage.

    Raises:
        InputError: the file is missing or no TOML, a key is unknown, or a value is of the wrong type or range.
    """
    return build_config(kind, read_table(path), path.name)
