"""The stage l2h: trains the low-to-high net.

Section 3.3.2 and Fig. 3b of the paper: pixel, feature and adversarial losses of equation 8, each of which may have a
weight of 0. Without the latter two it is a plain training for PSNR.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from srdgan_rt.errors import InputError
from srdgan_rt.image.resample import shift_half_pixel
from srdgan_rt.metrics.protocol import PHASE, SCALE
from srdgan_rt.models.l2h import L2HNet
from srdgan_rt.ops import nearest_downsample
from training.config import (
    L2HConfig,
    L2HWeightsConfig,
    ModelConfig,
    PictureDiscriminatorConfig,
    RestorationConfig,
)
from training.data.pictures import DataFolder
from training.loop import run
from training.loop.board import Board, open_board
from training.loop.engine import Engine, start_engine
from training.loop.gan import GanTrainer, LossInputs
from training.loop.lock import hold_folder
from training.loop.trainer import Trainer, starting_weights
from training.models.discriminator import PictureDiscriminator
from training.models.features import Features, load_features
from training.models.initialise import initialise
from training.models.losses import block_mean_loss, mean_distance, mesh_loss
from training.models.start_from import start_from
from training.samples.sampler import Batch, Sampler
from training.samples.sources import Sources
from training.stages.validation import draw, validate


class L2HGanTrainer(GanTrainer):
    """The low-to-high net and its discriminator.

    Args:
        model: sizes of the net.
        discriminator: sizes of the discriminator.
        weights: alpha 4 to 6 of equation 8.
        config: of the pixel loss, the optimisers and the seed.
        engine: computes.
        features: of the feature loss; None if its weight is 0.
        smallest_patch: of the run, low-resolution pixels a side.
        init: weights to start from, "" for those of a bilinear enlarger.

    Raises:
        InputError: the feature loss has a weight but no features, the weights do not fit, or a patch is too small for
            the discriminator.
        CheckpointError: the weights cannot be read.
    """

    def __init__(
        self,
        model: ModelConfig,
        discriminator: PictureDiscriminatorConfig,
        weights: L2HWeightsConfig,
        config: RestorationConfig,
        engine: Engine,
        features: Features | None,
        smallest_patch: int,
        init: str = "",
    ) -> None:
        self._loss = config.loss
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            net = L2HNet(**vars(model))
            discriminator_net = PictureDiscriminator(**vars(discriminator))
            self.ema = L2HNet(**vars(model))
        if weights.adversarial > 0 and SCALE * smallest_patch < discriminator_net.window:
            needed = f"patch must be at least {math.ceil(discriminator_net.window / SCALE)}"
            raise InputError(f"{needed} where num_halvings is {discriminator.num_halvings}, got {smallest_patch}")
        if init:
            start_from(net, init)
        else:
            initialise(net, config.seed)
        super().__init__(net, self.ema, discriminator_net, weights, config, engine, features, rate_of=config.rate_of)

    def compare(self, result: Tensor, high: Tensor, low_clean: Tensor) -> LossInputs:
        """What equation 8 compares: features and discriminator see the samples whose HR is known.

        Args:
            result: ``(N, 3, 4P, 4P)``, what the net made of the batch.
            high: ``(N - M, 3, 4P, 4P)``: what the first N - M should be.
            low_clean: ``(M, 3, P, P)``: of the last M only the low-resolution samples are known.
        """
        known, unknown = result.split([len(high), len(low_clean)])
        pixel = [mean_distance(known, high, self._loss), mean_distance(low_samples(unknown), low_clean, self._loss)]
        losses = {"pixel": torch.cat(pixel).mean()}
        if self.weighs("mean"):
            losses["mean"] = block_mean_loss(known, high)
        if self.weighs("mesh"):
            # The sharp picture of a real frame is not known, but it has no mesh: an enlargement takes its place.
            smooth = F.interpolate(low_clean, scale_factor=SCALE, mode="bilinear")
            losses["mesh"] = mesh_loss(result, torch.cat([high, smooth]))
        return LossInputs(losses, known, high, (known,), (high,))


class L2HTrainer(Trainer[Batch]):
    """The state of a run.

    Args:
        config: what to train.
        folder: where checkpoints and the log go; a checkpoint found there is resumed.
        engine: computes.
        features: of the feature loss; None if its weight is 0.

    Raises:
        InputError: the feature loss has a weight but no features, or the weights to start from do not fit.
        SrdganError: the checkpoint does not fit.
    """

    def __init__(self, config: L2HConfig, folder: Path, engine: Engine, features: Features | None) -> None:
        init = starting_weights(folder, config.init)
        sizes = (config.model, config.discriminator)
        self.gan = L2HGanTrainer(*sizes, config.weights, config, engine, features, config.smallest_patch, init)
        super().__init__(config, folder, engine, self.gan)

    def compare(self, batch: Batch) -> list[tuple[GanTrainer, LossInputs]]:
        """Enlarges the small pictures (equation 7)."""
        return [(self.gan, self.gan.compare(self.gan.generator(batch.low), batch.high, batch.low_clean))]


def low_samples(high: Tensor) -> Tensor:
    """Reads the value of an enlarged picture where the low-resolution samples lie.

    Args:
        high: ``(N, 3, 4P, 4P)`` on the centred grid.

    Returns:
        ``(N, 3, P, P)``: the middle of each 4x4 block, interpolated.
    """
    return nearest_downsample(shift_half_pixel(high), SCALE, PHASE - 1)


def train(config: L2HConfig, data: Path, folder: Path, vgg: Path | None, gmsr: Path | None, board: bool) -> bool:
    """Runs the stage to its end.

    Args:
        config: what to train.
        data: folder with train_photos and phone_pairs.
        folder: of the run; resumed if a checkpoint is there.
        vgg: weights of VGG16, for a feature loss with a weight.
        gmsr: folder of generated pairs, for samples of the kind ``gmsr``.
        board: write files for TensorBoard.

    Returns:
        Whether the end was reached; False if the run was stopped before.

    Raises:
        SrdganError: what the user can correct, in one line.
    """
    with (
        start_engine(config.engine) as engine,
        hold_folder(folder, wanted=engine.is_main),
        open_board(folder, engine, wanted=board) as files,
    ):
        features = load_features(config, config.feature_weight, vgg)
        trainer = L2HTrainer(config, folder, engine, features)
        device, options = engine.batch_device, config.batch.options
        sources = Sources(DataFolder(data), config.largest_patch, config.seed, device, options, gmsr)
        with trainer.recorded(data):
            sampler = Sampler(sources, config.batch.counts, config.seed, engine.shard)
        return run.run(
            trainer,
            lambda iteration: sampler.batch(iteration, config.patch_at(iteration / config.iterations)),
            make_callbacks(trainer.gan, data, files),
        )


def make_callbacks(gan: L2HGanTrainer, data: Path, board: Board | None) -> run.Callbacks:
    """Scores the EMA on the validation sets that are there."""
    return run.Callbacks(lambda: validate(gan.ema, data), lambda: draw(gan.ema, data), board)
