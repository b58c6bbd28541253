"""The stage h2l: trains the high-to-low net.

Section 3.2.2 and Fig. 3a of the paper: pixel and feature losses against LR_n of I_pair, and a discriminator that
knows real phone noise from I_n.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.models.h2l import H2LNet
from srdgan_rt.ops import nearest_downsample
from srdgan_rt.pixels import round_to_8_bits
from training.config import DiscriminatorConfig, H2LConfig, H2LModelConfig, H2LWeightsConfig, StageConfig
from training.data.pictures import DataFolder, has_frames, read_frames
from training.loop import run
from training.loop.board import Board, open_board
from training.loop.engine import Engine, start_engine
from training.loop.gan import GanTrainer, LossInputs
from training.loop.lock import hold_folder
from training.loop.trainer import Trainer, starting_weights
from training.models.discriminator import NoiseDiscriminator
from training.models.features import Features, load_features
from training.models.losses import colour_loss, pixel_loss
from training.models.start_from import start_from
from training.samples.h2l_sampler import H2LBatch, H2LSampler
from training.samples.sources import Sources
from training.stages.noise_report import NoiseReport


class H2LGanTrainer(GanTrainer):
    """The high-to-low net and its discriminator.

    Args:
        model: sizes of the net.
        discriminator: sizes of the discriminator.
        weights: alpha 1 to 3 of equation 2.
        config: of the optimisers and the seed.
        engine: computes.
        features: of the feature loss; None if its weight is 0.
        prefix: of the names in checkpoint and log.
        init: weights to start from, "" for random ones.

    Raises:
        InputError: the feature loss has a weight but no features, or the weights do not fit.
        CheckpointError: the weights cannot be read.
    """

    def __init__(
        self,
        model: H2LModelConfig,
        discriminator: DiscriminatorConfig,
        weights: H2LWeightsConfig,
        config: StageConfig,
        engine: Engine,
        features: Features | None,
        prefix: str = "",
        init: str = "",
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            net = H2LNet(**vars(model), scale=SCALE)
            discriminator_net = NoiseDiscriminator(**vars(discriminator))
            self.ema = H2LNet(**vars(model), scale=SCALE)
        if init:
            start_from(net, init)
        super().__init__(net, self.ema, discriminator_net, weights, config, engine, features, prefix)

    def compare(self, low: Tensor, batch: H2LBatch) -> LossInputs:
        """What equations 2 to 6 compare.

        Args:
            low: ``(N, 3, P, P)``, what the net made of the batch.
            batch: the batch.
        """
        written = as_file(low)
        losses = {
            "pixel": pixel_loss(low, batch.low_noisy),
            "colour": colour_loss(written, nearest_downsample(batch.clean, SCALE)),
        }
        return LossInputs(losses, low, batch.low_noisy, (written, batch.level), (batch.real, batch.real_level))


class H2LTrainer(Trainer[H2LBatch]):
    """The state of a run.

    Args:
        config: what to train.
        folder: where checkpoints and the log go; a checkpoint found there is resumed.
        engine: computes.
        features: of the feature loss; None if its weight is 0.

    Raises:
        InputError: the feature loss has a weight but no features.
        SrdganError: the checkpoint does not fit.
    """

    def __init__(self, config: H2LConfig, folder: Path, engine: Engine, features: Features | None) -> None:
        init = starting_weights(folder, config.init)
        self.gan = H2LGanTrainer(
            config.model, config.discriminator, config.weights, config, engine, features, init=init
        )
        super().__init__(config, folder, engine, self.gan)

    def compare(self, batch: H2LBatch) -> list[tuple[GanTrainer, LossInputs]]:
        """Degrades the clean pictures (equation 1)."""
        return [(self.gan, self.gan.compare(self.gan.generator(batch.clean, batch.noise), batch))]


def as_file(low: Tensor) -> Tensor:
    """A generated picture as in a file: clipped and rounded to 8 bits, as real ones are.

    Without it the discriminator could distinguish the two by their rounding. The gradient passes the rounding, and ends
    where the picture is clipped.

    Args:
        low: ``(N, 3, H, W)``, nominally in [0, 1].

    Returns:
        The same shape, multiples of 1/255 in [0, 1].
    """
    clipped = low.clamp(0, 1)
    return clipped + (round_to_8_bits(clipped.detach()) - clipped.detach())


def train(config: H2LConfig, data: Path, folder: Path, vgg: Path | None, board: bool) -> bool:
    """Runs the stage to its end.

    Args:
        config: what to train.
        data: folder with train_photos and phone_pairs.
        folder: of the run; resumed if a checkpoint is there.
        vgg: weights of VGG16, for a feature loss with a weight.
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
        trainer = H2LTrainer(config, folder, engine, features)
        sources = Sources(DataFolder(data), config.patch, config.seed, engine.batch_device)
        with trainer.recorded(data):
            sampler = H2LSampler(sources, config.batch, config.patch, config.seed, engine.shard)
        return run.run(trainer, sampler.batch, make_callbacks(trainer.gan, data, sampler, files))


def make_callbacks(gan: H2LGanTrainer, data: Path, sampler: H2LSampler, board: Board | None) -> run.Callbacks:
    """Measures the noise against held-out frames, if there are any."""
    if not has_frames(data, "test"):
        return run.Callbacks(board=board)
    report = NoiseReport(read_frames(data, "test"), sampler.shape)
    return run.Callbacks(lambda: report.measure(gan.ema), lambda: report.draw(gan.ema), board)
