"""The parts of a training: a net with its optimiser, a generator with its discriminator, and their losses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srdgan_rt.errors import InputError
from training.config import StageConfig
from training.loop.engine import Engine
from training.loop.kernels import Kernels
from training.loop.muon import Muon
from training.models.features import Features
from training.models.losses import discriminator_loss, feature_loss, generator_loss


class TrainedNet:
    """A net in training: the net, its optimiser, and for a generator the EMA (moving average) of its weights.

    Args:
        net: placed on the device of the engine.
        config: of the optimiser and the EMA.
        engine: computes.
        ema: a net of the same sizes; None for no ema.
        rate_of: the learning rate of a parameter, by its name, relative to that of the run; with 0 it is not trained.
    """

    def __init__(
        self,
        net: nn.Module,
        config: StageConfig,
        engine: Engine,
        ema: nn.Module | None = None,
        rate_of: Callable[[str], float] = lambda name: 1.0,
    ) -> None:
        self._config = config
        self._engine = engine
        self.net = net
        engine.place(net)
        self.ema = ema
        if ema is not None:
            ema.load_state_dict(net.state_dict())
            engine.place(ema)
            engine.prepare_generator(net)
        self.kernels = Kernels(net, engine)
        groups: dict[float, list[nn.Parameter]] = {}
        for name, parameter in net.named_parameters():
            rate = rate_of(name)
            parameter.requires_grad_(rate > 0)
            if rate > 0:
                groups.setdefault(rate, []).append(parameter)
        # Not before, because processes wait for the gradients of all weights that may have them at this moment.
        self._parallel = engine.parallelise(net)
        self._rates = list(groups)
        parameters = [{"params": group} for group in groups.values()]
        self.optimiser: torch.optim.Optimizer
        if config.optimiser == "muon":
            self.optimiser = Muon(parameters, config.learning_rate, config.betas)
        else:
            self.optimiser = torch.optim.Adam(parameters, config.learning_rate, betas=config.betas, fused=True)

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Calls the net with gradients to its weights, averaged over all processes; fp32."""
        self.kernels.choose(*inputs)
        return self._engine.call(self._parallel, *inputs)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Within this context the weights get no gradients; the inputs do."""
        self.net.requires_grad_(False)
        yield
        self.net.requires_grad_(True)

    def limit_gradients(self) -> Tensor:
        """Scales the gradients that are there as the configuration says.

        Returns:
            Their norm before it was limited, a scalar on the device of the net.
        """
        for rate, group in zip(self._rates, self.optimiser.param_groups, strict=True):
            if rate != 1:  # as if these weights were `rate` times others, which are trained
                torch._foreach_mul_([parameter.grad for parameter in group["params"]], rate)
        return nn.utils.clip_grad_norm_(self.net.parameters(), self._config.gradient_norm or math.inf)

    def update(self, learning_rate: float, iteration: int) -> None:
        """One step along the gradients that are there."""
        for rate, group in zip(self._rates, self.optimiser.param_groups, strict=True):
            group["lr"] = rate * learning_rate
            group["betas"] = self._config.betas  # a checkpoint brings those of the run before
        self.optimiser.step()
        if self.ema is not None:
            update_ema(self.ema, self.net, self._config.ema_decay, iteration)

    def state(self, prefix: str) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """What a checkpoint holds of it."""
        state: dict[str, nn.Module | torch.optim.Optimizer] = {f"{prefix}params": self.net}
        if self.ema is not None:
            state[f"{prefix}params_ema"] = self.ema
        return state | {f"{prefix}optimiser": self.optimiser}


@torch.no_grad()
def update_ema(ema: nn.Module, net: nn.Module, decay: float, iteration: int) -> None:
    """Moves the EMA of a net's parameters towards their newest values.

    Args:
        ema: changed in place.
        net: of the same kind.
        decay: part of the EMA that is kept; less in the first iterations, so that early weights are forgotten.
        iteration: steps averaged so far.
    """
    decay = min(decay, (1 + iteration) / (10 + iteration))
    torch._foreach_lerp_(list(ema.parameters()), list(net.parameters()), 1 - decay)


@dataclass(frozen=True)
class LossInputs:
    """What the losses of one step of a generator are computed from."""

    losses: Mapping[str, Tensor]  # scalars by the names of their weights: the pixel loss and whatever else needs no net
    result: Tensor  # (N, 3, H, W) for the feature loss
    target: Tensor  # (N, 3, H, W)
    fake: tuple[Tensor, ...]  # what the discriminator is called with, for generated pictures
    real: tuple[Tensor, ...]  # the same for real ones


class GanTrainer:
    """A generator, its discriminator, and the weighted losses between them: equations 2 and 8, 5 and 6.

    Args:
        generator: the net to train.
        ema: a net of the same sizes, for its EMA.
        discriminator: left out if the adversarial loss has no weight.
        weights: a dataclass of weights by the names of the losses, among them ``feature`` and ``adversarial``.
        config: of the optimisers.
        engine: computes.
        features: of the feature loss; None if it has no weight.
        prefix: of the names in checkpoint and log.
        rate_of: of the generator's parameters, as of :class:`TrainedNet`.

    Raises:
        InputError: the feature loss has a weight but no features.
    """

    def __init__(
        self,
        generator: nn.Module,
        ema: nn.Module,
        discriminator: nn.Module,
        weights: object,
        config: StageConfig,
        engine: Engine,
        features: Features | None,
        prefix: str = "",
        rate_of: Callable[[str], float] = lambda name: 1.0,
    ) -> None:
        self._weights: dict[str, float] = dict(vars(weights))
        if self._weights["feature"] > 0 and features is None:
            raise InputError(
                f"the weight of the feature loss is {self._weights['feature']}, so the weights of VGG16 are needed: "
                "give them by --vgg, or set it to 0"
            )
        self._relativistic = config.relativistic
        self._engine = engine
        self._features = features
        self.prefix = prefix
        self.generator = TrainedNet(generator, config, engine, ema, rate_of)
        if features is not None:
            engine.place(features)
            self.generator.kernels.add_features(features)
        self.discriminator = TrainedNet(discriminator, config, engine) if self._weights["adversarial"] > 0 else None

    def weighs(self, loss: str) -> bool:
        """Whether a loss has a weight."""
        return self._weights[loss] > 0

    def state(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """What a checkpoint holds of it."""
        state = self.generator.state(self.prefix)
        return state if self.discriminator is None else state | self.discriminator.state(f"{self.prefix}discriminator_")

    def discriminator_loss(self, loss_inputs: LossInputs) -> Tensor:
        """Equation 6, negated; without gradient to the generator."""
        assert self.discriminator is not None
        both = (torch.cat([fake.detach(), real]) for fake, real in zip(loss_inputs.fake, loss_inputs.real, strict=True))
        fake, real = self.discriminator(*both).split([len(loss_inputs.fake[0]), len(loss_inputs.real[0])])
        return discriminator_loss(fake, real, relativistic=self._relativistic)

    def generator_loss(self, loss_inputs: LossInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Equation 2 or 8: the weighted sum, and the losses that it adds up; those with a weight of 0 are left out."""
        losses = {name: loss for name, loss in loss_inputs.losses.items() if self._weights[name] > 0}
        if self._weights["feature"] > 0:
            assert self._features is not None
            with torch.no_grad():
                target = self._engine.call(self._features, loss_inputs.target)
            losses["feature"] = feature_loss(self._engine.call(self._features, loss_inputs.result), target)
        if self.discriminator is not None:
            with self.discriminator.frozen():
                discriminator = self.discriminator.net
                real = self._engine.call(discriminator, *loss_inputs.real) if self._relativistic else None
                losses["adversarial"] = generator_loss(self._engine.call(discriminator, *loss_inputs.fake), real)
        return torch.stack([self._weights[name] * loss for name, loss in losses.items()]).sum(), losses
