"""Trains the high-to-low net (stage h2l): ``python -m training.train_h2l --config ... --data ... --run ... --vgg ...``.

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
from training import run
from training.board import Board
from training.command import make_parser, one_line_errors, open_board
from training.config import DiscriminatorConfig, H2LConfig, H2LModelConfig, H2LWeightsConfig, StageConfig, read_config
from training.data import DataFolder, has_frames, read_frames
from training.discriminator import NoiseDiscriminator
from training.duel import Comparison, Duel
from training.engine import Engine, start_engine
from training.features import Features, load_features
from training.losses import colour_loss, pixel_loss
from training.noise_report import NoiseReport
from training.samples.h2l_sampler import H2LBatch, H2LSampler
from training.samples.sources import Sources
from training.trainer import Trainer, fresh_start
from training.weights import start_from


class H2LDuel(Duel):
    """The high-to-low net and its discriminator.

    Args:
        model: sizes of the net.
        discriminator: sizes of the discriminator.
        weights: alpha 1 to 3 of equation 2.
        config: of the optimisers and the seed.
        engine: computes.
        features: of the feature loss; None if its weight is 0.
        prefix: of the names in checkpoint and log.
        init: weights to start from, "" for those of a fresh net.

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
            judge = NoiseDiscriminator(**vars(discriminator))
            self.average = H2LNet(**vars(model), scale=SCALE)
        if init:
            start_from(net, init)
        super().__init__(net, self.average, judge, weights, config, engine, features, prefix)

    def compare(self, low: Tensor, batch: H2LBatch) -> Comparison:
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
        return Comparison(losses, low, batch.low_noisy, (written, batch.level), (batch.real, batch.real_level))


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
        init = fresh_start(folder, config.init)
        self.duel = H2LDuel(config.model, config.discriminator, config.weights, config, engine, features, init=init)
        super().__init__(config, folder, engine, self.duel)

    def compare(self, batch: H2LBatch) -> list[tuple[Duel, Comparison]]:
        """Photographs the clean pictures (equation 1)."""
        return [(self.duel, self.duel.compare(self.duel.generator(batch.clean, batch.noise), batch))]


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


def main() -> None:
    """Command line of the stage."""
    parser = make_parser(__doc__)
    arguments = parser.parse_args()
    with one_line_errors(parser):
        config = read_config(arguments.config, H2LConfig)
        with (
            start_engine(config.engine) as engine,
            open_board(arguments.run, engine, wanted=arguments.tensorboard) as board,
        ):
            features = load_features(config, config.weights.feature, arguments.vgg)
            trainer = H2LTrainer(config, arguments.run, engine, features)
            sources = Sources(DataFolder(arguments.data), config.patch, config.seed, engine.batch_device)
            with trainer.recorded(arguments.data):
                sampler = H2LSampler(sources, config.batch, config.patch, config.seed, engine.share)
            run.run(trainer, sampler.batch, watch(trainer.duel, arguments.data, sampler, board))


def watch(duel: H2LDuel, data: Path, sampler: H2LSampler, board: Board | None) -> run.Watch:
    """Measures the noise against held-out frames, if there are any."""
    if not has_frames(data, "test"):
        return run.Watch(board=board)
    report = NoiseReport(read_frames(data, "test"), sampler.shape)
    return run.Watch(lambda: report.measure(duel.average), lambda: report.draw(duel.average), board)


if __name__ == "__main__":
    main()
