"""Trains the high-to-low net (stage h2l): ``python -m training.train_h2l --config ... --data ... --run ... --vgg ...``.

Section 3.2.2 and Fig. 3a of the paper: pixel and feature losses against LR_n of I_pair, and a discriminator that
knows real phone noise from I_n.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from srdgan_rt.errors import InputError, SrdganError
from srdgan_rt.models.h2l import H2LNet
from training import run
from training.config import H2LConfig, read_config
from training.data import PHASE, SCALE
from training.data_h2l import H2LBatch, H2LSampler
from training.discriminator import NoiseDiscriminator
from training.features import VGGFeatures
from training.losses import colour_loss, discriminator_loss, feature_loss, generator_loss, pixel_loss
from training.noise_report import NoiseReport

_BETAS = (0.9, 0.999)


class H2LTrainer(run.Trainer[H2LBatch]):
    """The state of a run: both nets, the moving average of the generator, two optimisers, the iteration.

    Args:
        config: what to train.
        folder: where checkpoints and the log go; a checkpoint found there is resumed.
        features: of the feature loss; None if its weight is 0.

    Raises:
        InputError: the feature loss has a weight but no features.
    """

    def __init__(self, config: H2LConfig, folder: Path, features: VGGFeatures | None) -> None:
        if config.weights.feature > 0 and features is None:
            raise InputError(
                f"weights.feature is {config.weights.feature}, so the weights of VGG16 are needed: give them by --vgg, "
                "or set weights.feature to 0"
            )
        self.config = config
        self._features = features
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.net = H2LNet(**vars(config.model), scale=SCALE)
            self.discriminator = NoiseDiscriminator(**vars(config.discriminator))
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = H2LNet(**vars(config.model), scale=SCALE)
        self.average.load_state_dict(self.net.state_dict())
        self.optimiser, self.discriminator_optimiser = (
            torch.optim.Adam(net.parameters(), config.learning_rate, betas=_BETAS, fused=True)
            for net in (self.net, self.discriminator)
        )
        self._sums: dict[str, float] = {}  # of losses since the last line of the log
        self._num_summed = 0
        super().__init__(
            folder,
            {
                "params": self.net,
                "params_ema": self.average,
                "discriminator": self.discriminator,
                "optimiser": self.optimiser,
                "discriminator_optimiser": self.discriminator_optimiser,
            },
        )
        self.resume()

    def learning_rate(self) -> float:
        """The same for both nets."""
        return self.config.learning_rate_at(self.iteration)

    def step(self, batch: H2LBatch) -> float:
        """One update of the discriminator, then one of the generator; returns the generator's loss (equation 2).

        Raises SrdganError before the update whose loss is not finite.
        """
        for optimiser in (self.optimiser, self.discriminator_optimiser):
            for group in optimiser.param_groups:
                group["lr"] = self.learning_rate()
        low: Tensor = self.net(*(x.contiguous(memory_format=torch.channels_last) for x in (batch.clean, batch.noise)))
        judge = self._update_discriminator(low, batch)
        loss, parts = self._update_generator(low, batch)
        run.update_average(self.average, self.net, self.config.ema_decay, self.iteration)
        for name, value in {"discriminator": judge, **parts}.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._num_summed += 1
        self.iteration += 1
        return loss

    def _update_discriminator(self, low: Tensor, batch: H2LBatch) -> float:
        fake, real = (
            self.discriminator(as_file(low.detach()), batch.level),
            self.discriminator(batch.real, batch.real_level),
        )
        loss = discriminator_loss(fake, real, relativistic=self.config.relativistic)
        value = self.finite(loss, "loss of the discriminator")
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.discriminator_optimiser.step()
        return value

    def _update_generator(self, low: Tensor, batch: H2LBatch) -> tuple[float, dict[str, float]]:
        """Equation 2; returns the sum and the losses that it adds up, those with a weight of 0 left out."""
        weights = self.config.weights
        losses: dict[str, Tensor] = {}
        if weights.pixel > 0:
            losses["pixel"] = pixel_loss(low, batch.low_noisy)
        if weights.feature > 0:
            assert self._features is not None
            losses["feature"] = feature_loss(self._features(low), self._features(batch.low_noisy))
        if weights.adversarial > 0:
            self.discriminator.requires_grad_(False)
            real = self.discriminator(batch.real, batch.real_level) if self.config.relativistic else None
            losses["adversarial"] = generator_loss(self.discriminator(as_file(low), batch.level), real)
            self.discriminator.requires_grad_(True)
        losses["colour"] = colour_loss(as_file(low), batch.clean[..., PHASE::SCALE, PHASE::SCALE])
        alphas = {**vars(weights), "colour": self.config.colour_weight}
        total = torch.stack([alphas[name] * loss for name, loss in losses.items()]).sum()
        value = self.finite(total, "loss of the generator")
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        self.optimiser.step()
        return value, {name: loss.item() for name, loss in losses.items()}

    def take_figures(self) -> dict[str, float]:
        """The mean of each loss, unweighted, since they were last taken."""
        figures = {name: round(value / self._num_summed, 6) for name, value in self._sums.items()}
        self._sums, self._num_summed = {}, 0
        return figures


def as_file(low: Tensor) -> Tensor:
    """A generated picture as a file would hold it: clipped and rounded to 8 bits, which real ones are, too.

    Without it the discriminator could tell the two kinds by their rounding. The gradient passes the rounding as if it
    were not there, and ends where the picture is clipped.

    Args:
        low: ``(N, 3, H, W)``, nominally in [0, 1].

    Returns:
        The same shape, multiples of 1/255 in [0, 1].
    """
    clipped = low.clamp(0, 1)
    rounded = (clipped.detach() * 255).round() / 255
    return clipped + (rounded - clipped.detach())


def train(trainer: H2LTrainer, sampler: H2LSampler, report: NoiseReport | None) -> None:
    """Runs a trainer to the end of its configuration; Ctrl-C saves and returns.

    Args:
        trainer: the run.
        sampler: makes its batches.
        report: measures how real the noise is now and then, None for not.
    """
    validate = None if report is None else lambda: report.measure(trainer.average)
    run.run(trainer, trainer.config, sampler.batch, validate)


def main() -> None:
    """Command line of the trainer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="TOML file, see training/configs/h2l.toml")
    parser.add_argument("--data", type=Path, required=True, help="folder with train_photos, phone_pairs, noise_model")
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and the log; resumed if there")
    parser.add_argument("--vgg", type=Path, help="VGG16 weights (.npz) for the feature loss")
    arguments = parser.parse_args()
    try:
        config = read_config(arguments.config, H2LConfig)
        features = None if arguments.vgg is None else VGGFeatures(arguments.vgg, config.feature_layer)
        trainer = H2LTrainer(config, arguments.run, features)
        sampler = H2LSampler(arguments.data, config.batch, config.patch, config.seed)
        held_out = arguments.data / "phone_pairs" / "test"
        train(trainer, sampler, NoiseReport(held_out, sampler.shape) if held_out.is_dir() else None)
    except SrdganError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
