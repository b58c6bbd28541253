"""The stage joint: fine-tunes both nets together.

Section 3.3.2 of the paper, last paragraph: H2L, L2H and both discriminators at once. A clean photograph goes through
H2L; equation 2 compares the result with LR_n. L2H restores it; equation 8 compares that result with the photograph.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from training.config import JointConfig
from training.data.batch import DataShard, TensorBatch
from training.data.pictures import DataFolder
from training.loop import run
from training.loop.board import open_board
from training.loop.engine import Engine, start_engine
from training.loop.gan import GanTrainer, LossInputs
from training.loop.lock import hold_folder
from training.loop.trainer import Trainer, starting_weights
from training.models.features import Features, load_features
from training.samples.h2l_sampler import H2LBatch, H2LSampler
from training.samples.sampler import Batch, Sampler
from training.samples.sources import Sources
from training.stages.h2l import H2LGanTrainer, as_file
from training.stages.h2l import make_callbacks as make_h2l_callbacks
from training.stages.l2h import L2HGanTrainer
from training.stages.l2h import make_callbacks as make_l2h_callbacks


@dataclass(frozen=True)
class JointBatch(TensorBatch):
    """The batch of one step: samples for both nets, and samples for the second net only."""

    both: H2LBatch
    pairs: Batch


class JointSampler:
    """Makes the batches of both stages.

    Args:
        root: the folder with the data.
        config: what to make.
        device: where batches are made.
        gmsr: folder of generated pairs; None where the shipped high-to-low net makes them.
        shard: the part of the batch that is made.

    Raises:
        InputError: as the two samplers.
        ImageReadError: a picture cannot be read.
    """

    def __init__(
        self,
        root: Path,
        config: JointConfig,
        device: torch.device,
        gmsr: Path | None = None,
        shard: DataShard = DataShard(),  # noqa: B008 (immutable)
    ) -> None:
        self._patch = config.patch
        sources = Sources(DataFolder(root), config.patch, config.seed, device, config.batch.options, gmsr)
        self.both = H2LSampler(sources, config.size, config.patch, config.seed, shard)
        self._pairs = Sampler(sources, config.batch.counts, config.seed, shard)

    def batch(self, iteration: int) -> JointBatch:
        """The batch of an iteration."""
        return JointBatch(self.both.batch(iteration), self._pairs.batch(iteration, self._patch))


class JointTrainer(Trainer[JointBatch]):
    """The state of a run.

    Args:
        config: what to train.
        folder: where checkpoints and the log go; a checkpoint found there is resumed.
        engine: computes.
        features: of the feature losses; None if their weights are 0.

    Raises:
        InputError: a feature loss has a weight but no features, or the weights to start from do not fit.
        SrdganError: the checkpoint does not fit.
    """

    def __init__(self, config: JointConfig, folder: Path, engine: Engine, features: Features | None) -> None:
        h2l_init, l2h_init = (starting_weights(folder, init) for init in (config.h2l_init, config.l2h_init))
        self.h2l = H2LGanTrainer(
            config.h2l_model, config.h2l_discriminator, config.h2l_weights, config, engine, features, "h2l_", h2l_init
        )
        self.l2h = L2HGanTrainer(
            config.l2h_model,
            config.l2h_discriminator,
            config.l2h_weights,
            config,
            engine,
            features,
            config.patch,
            l2h_init,
        )
        self._h2l_gradient = config.h2l_gradient
        super().__init__(config, folder, engine, self.h2l, self.l2h)

    def compare(self, batch: JointBatch) -> list[tuple[GanTrainer, LossInputs]]:
        """Degrades the clean pictures and enlarges the results, together with the ordinary samples."""
        low = self.h2l.generator(batch.both.clean, batch.both.noise)
        # Phone frames come last, and have no sharp picture as a target for L2H.
        photographs = scale_gradient(as_file(low[: len(batch.both.high)]), self._h2l_gradient)
        result = self.l2h.generator(torch.cat([photographs, batch.pairs.low]))
        high = torch.cat([batch.both.high, batch.pairs.high])
        return [
            (self.h2l, self.h2l.compare(low, batch.both)),
            (self.l2h, self.l2h.compare(result, high, batch.pairs.low_clean)),
        ]


def scale_gradient(x: Tensor, factor: float) -> Tensor:
    """The same values, of any shape, with ``factor`` times the gradient."""
    return x.detach() + factor * (x - x.detach())


def train(config: JointConfig, data: Path, folder: Path, vgg: Path | None, gmsr: Path | None, board: bool) -> bool:
    """Runs the stage to its end; arguments, result and errors as of :func:`training.stages.l2h.train`."""
    with (
        start_engine(config.engine) as engine,
        hold_folder(folder, wanted=engine.is_main),
        open_board(folder, engine, wanted=board) as files,
    ):
        features = load_features(config, config.feature_weight, vgg)
        trainer = JointTrainer(config, folder, engine, features)
        with trainer.recorded(data):
            sampler = JointSampler(data, config, engine.batch_device, gmsr, engine.shard)
        several = [
            make_h2l_callbacks(trainer.h2l, data, sampler.both, files),
            make_l2h_callbacks(trainer.l2h, data, files),
        ]
        return run.run(trainer, sampler.batch, run.join(several, files))
