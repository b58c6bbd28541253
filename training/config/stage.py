"""The configurations of the three stages."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

from srdgan_rt.errors import InputError
from training.config.batch import BatchConfig
from training.config.engine import EngineConfig
from training.config.nets import DiscriminatorConfig, H2LModelConfig, ModelConfig, PictureDiscriminatorConfig
from training.config.weights import H2LWeightsConfig, L2HWeightsConfig

_LAYERS = ("conv_first", "body", "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last")  # of the L2H net
_SMALLEST_L2H_PATCH = 4  # the loss ``mean`` compares blocks of 16x16 pixels
_SMALLEST_H2L_PATCH = 16  # the deepest features of such a patch have one pixel


@dataclass(frozen=True)
class PhaseConfig:
    """A part of the training with one patch size."""

    until: float = 1.0  # the part of the run that is over when the phase ends
    patch: int = 48  # low-resolution pixels a side

    def __post_init__(self) -> None:
        if self.patch < _SMALLEST_L2H_PATCH:
            raise InputError(f"patch must be at least {_SMALLEST_L2H_PATCH}, got {self.patch}")


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """The keys that all stages have; the defaults are the paper's (section 4)."""

    name: str  # of the run, and of the weight files that run_minutes writes
    iterations: int
    seed: int = 0
    learning_rate: float = 1e-4
    schedule: str = "halve"  # at each of halve_at; or cosine: to zero at the end of the run
    halve_at: tuple[int, ...] = (50_000, 100_000, 200_000, 300_000)
    warmup: int = 0  # iterations over which the learning rate rises
    optimiser: str = "adam"  # or muon, for the convolutions between features (training/loop/muon.py)
    betas: tuple[float, float] = (0.9, 0.999)  # of Adam
    gradient_norm: float = 0.0  # above which gradients are scaled down; 0 for never
    ema_decay: float = 0.999
    relativistic: bool = False  # relativistic average GAN in place of equations 5 and 6
    features: str = "vgg16"  # of the feature loss: vgg16 (a local file) or vgg19 (torchvision's)
    feature_layer: str = ""  # the convolution whose result is compared; the last one if empty
    checkpoint_every: int = 500
    validate_every: int = 1000
    engine: EngineConfig = field(default_factory=EngineConfig)

    def __post_init__(self) -> None:
        if self.name in ("", ".", "..") or "/" in self.name:
            raise InputError(f"name must be a file name without a folder, got {self.name!r}")
        if not 0 <= self.seed < 1 << 63:
            raise InputError(f"seed must be at least 0 and below 2^63, got {self.seed}")
        for name in ("iterations", "checkpoint_every", "validate_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"learning_rate must be positive and finite, got {self.learning_rate}")
        if self.schedule not in ("halve", "cosine"):
            raise InputError(f"schedule must be halve or cosine, got {self.schedule!r}")
        if self.optimiser not in ("adam", "muon"):
            raise InputError(f"optimiser must be adam or muon, got {self.optimiser!r}")
        for name in ("warmup", "gradient_norm"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"betas must lie in [0, 1), got {list(self.betas)}")
        if not 0 <= self.ema_decay < 1:
            raise InputError(f"ema_decay must lie in [0, 1), got {self.ema_decay}")
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

    @property
    def feature_weight(self) -> float:
        """The weight of the feature loss."""
        return self.weights.feature


@dataclass(frozen=True, kw_only=True)
class RestorationConfig(StageConfig):
    """The keys of the stages that train the low-to-high net."""

    loss: str = "l1"  # of its pixels: l1 or l2
    conv_body_rate: float = 1.0  # learning rate of its conv_body, relative to all others: that of training.grow
    frozen: tuple[str, ...] = ()  # its layers that keep their weights, of conv_first, body, conv_body, conv_up1, ...
    batch: BatchConfig = field(default_factory=BatchConfig)  # its samples; in the stage joint further ones

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss not in ("l1", "l2"):
            raise InputError(f"loss must be l1 or l2, got {self.loss!r}")
        if not 0 < self.conv_body_rate < math.inf:
            raise InputError(f"conv_body_rate must be positive and finite, got {self.conv_body_rate}")
        if unknown := [name for name in self.frozen if name not in _LAYERS]:
            raise InputError(f"frozen must hold names of {', '.join(_LAYERS)}, got {unknown[0]!r}")
        if set(self.frozen) == set(_LAYERS):
            raise InputError("frozen must leave out a layer, or there is nothing to train")

    def rate_of(self, name: str) -> float:
        """The learning rate of a parameter of the low-to-high net, relative to ``learning_rate_at``.

        Its gradient is scaled likewise. With a rate of 0 it keeps its value, and no gradient is computed for it.
        """
        layer = name.partition(".")[0]
        if layer in self.frozen:
            return 0.0
        return self.conv_body_rate if layer == "conv_body" else 1.0


@dataclass(frozen=True, kw_only=True)
class L2HConfig(RestorationConfig):
    """One run of the stage l2h."""

    init: str = ""  # a shipped model, a weight file or an earlier run's checkpoint to start from
    model: ModelConfig = field(default_factory=ModelConfig)
    phases: tuple[PhaseConfig, ...] = (PhaseConfig(),)
    discriminator: PictureDiscriminatorConfig = field(default_factory=PictureDiscriminatorConfig)
    weights: L2HWeightsConfig = field(default_factory=L2HWeightsConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.phases or self.phases[-1].until != 1.0:
            raise InputError("the last of phases must have until = 1.0")
        ends = [phase.until for phase in self.phases]
        if not all(before < end for before, end in pairwise([0.0, *ends])):
            raise InputError(f"until must be above 0 and rise from phase to phase, got {ends}")
        if self.batch.num_known + self.batch.num_unknown < 1:
            raise InputError("batch must hold at least one sample")
        if self.batch.num_known < 1 and (self.weights.feature > 0 or self.weights.adversarial > 0):
            raise InputError("batch must hold a sample with a known HR for the feature and adversarial losses")

    @property
    def feature_weight(self) -> float:
        """The weight of the feature loss."""
        return self.weights.feature

    @property
    def smallest_patch(self) -> int:
        """Low-resolution pixels a side of the smallest patches of the run."""
        return min(phase.patch for phase in self.phases)

    @property
    def largest_patch(self) -> int:
        """Low-resolution pixels a side of the largest patches of the run."""
        return max(phase.patch for phase in self.phases)

    def patch_at(self, done: float) -> int:
        """Patch size in low-resolution pixels where this part of the run is over, 0 to 1."""
        return next((phase.patch for phase in self.phases if done < phase.until), self.phases[-1].patch)


@dataclass(frozen=True, kw_only=True)
class JointConfig(RestorationConfig):
    """One run of the stage joint: both nets and both discriminators."""

    h2l_init: str  # weights of the stage h2l: a file or the run's checkpoint
    l2h_init: str  # weights of the stage l2h: a shipped model, a file or the run's checkpoint
    size: int = 8  # samples that go through both nets
    patch: int = 48  # low-resolution pixels a side
    h2l_gradient: float = 0.1  # part of the gradient of equation 8 that reaches the high-to-low net
    h2l_model: H2LModelConfig = field(default_factory=H2LModelConfig)
    l2h_model: ModelConfig = field(default_factory=ModelConfig)
    h2l_discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    l2h_discriminator: PictureDiscriminatorConfig = field(default_factory=PictureDiscriminatorConfig)
    h2l_weights: H2LWeightsConfig = field(default_factory=H2LWeightsConfig)
    l2h_weights: L2HWeightsConfig = field(default_factory=L2HWeightsConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_h2l_batch(self.size, self.patch)
        if not 0 <= self.h2l_gradient < math.inf:
            raise InputError(f"h2l_gradient must be finite and at least 0, got {self.h2l_gradient}")

    @property
    def feature_weight(self) -> float:
        """The larger weight of the two feature losses."""
        return max(self.h2l_weights.feature, self.l2h_weights.feature)
