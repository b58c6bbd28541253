"""A stage l2h that ends at a given time.

For a machine that is available for a short time. The cosine of the learning rate ends with the minutes. Then the last
validation runs, and the weights are written as shards.
"""

from __future__ import annotations

import dataclasses
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from srdgan_rt.checkpoint import DEFAULT_DEGRADATION, save_model
from srdgan_rt.errors import InputError
from training.config import BatchConfig, L2HConfig
from training.data.notes import describe_files, take_notes
from training.data.packs import PackedData, describe_packs, is_packed, read_packs, unpack_validation
from training.data.pictures import DataFolder
from training.loop import run
from training.loop.checkpoints import checkpoint_path
from training.loop.engine import Engine
from training.loop.lock import hold_folder
from training.loop.throughput import count_step, finished_at, measure_peak
from training.models.features import Features, load_features
from training.publish import shards
from training.publish.card import summarise
from training.samples.sampler import Batch, Sampler
from training.samples.sources import Sources
from training.stages.l2h import L2HTrainer, make_callbacks

_TIMED_BATCHES = 20


class MinutesTrainer(L2HTrainer):
    """A run whose end is a time.

    Args:
        config: what to train; ``iterations`` is a limit that should not be reached.
        folder: where checkpoints and the log go; nets and optimiser found there are resumed, with a schedule of their
            own: warm-up and cosine begin anew.
        engine: computes.
        features: of the feature loss; None if its weight is 0.
        ends: on the clock ``time.monotonic``.
        peak: what the device can do, 10^12 operations a second.

    Raises:
        InputError: the schedule knows no end, or the feature loss has a weight but no features.
        SrdganError: the checkpoint does not fit.
    """

    def __init__(
        self, config: L2HConfig, folder: Path, engine: Engine, features: Features | None, ends: float, peak: float
    ) -> None:
        if config.schedule != "cosine":
            raise InputError(f"a run of some minutes needs schedule = 'cosine', got {config.schedule!r}")
        self._started, self._ends = time.monotonic(), ends
        super().__init__(config, folder, engine, features)
        self._first = self.iteration
        self._model, self._peak = config.model, peak
        self._taken_at, self._tflop = time.monotonic(), 0.0

    def done(self) -> float:
        """The part of the time that is over, from 0 to 1; also 1 where all iterations are done before."""
        if self.iteration >= self.config.iterations:
            return 1.0
        return min(1.0, (time.monotonic() - self._started) / max(self._ends - self._started, 1e-9))

    def step(self, batch: Batch) -> float:
        """As in every run; counts its operations."""
        self._tflop += count_step(self._model, batch.low[:, 0].numel())
        return super().step(batch)

    def take_figures(self) -> dict[str, float]:
        """As in every run, and the operations a second since the last call, also in per cent of the device's peak."""
        now = finished_at(self.engine.device)
        speed = self._tflop / (now - self._taken_at)
        self._taken_at, self._tflop = now, 0.0
        throughput = {"tflop_per_second": round(speed, 4), "percent_of_peak": round(100 * speed / self._peak, 1)}
        return super().take_figures() | throughput

    def learning_rate(self) -> float:
        """By the iterations of this run for the warm-up, and by the time for the cosine."""
        return self.config.learning_rate_at(self.iteration - self._first, self.done())


def scale_batch(batch: BatchConfig, size: int) -> BatchConfig:
    """The same mixture in a batch of another size; InputError if that is no multiple."""
    total = sum(batch.counts.values())
    if size < 1 or size % total:
        raise InputError(f"--batch must be a multiple of the configuration's {total} samples, got {size}")
    return dataclasses.replace(batch, counts={name: count * size // total for name, count in batch.counts.items()})


def train(
    config: L2HConfig,
    data: Path,
    folder: Path,
    minutes: float,
    init: Sequence[Path] = (),
    vgg: Path | None = None,
    h2l: str = DEFAULT_DEGRADATION,
    gmsr: Path | None = None,
) -> list[Path]:
    """Trains until the minutes are over, or Ctrl-C or SIGTERM comes, and writes the weights.

    Args:
        config: what to train.
        data: a data folder, or one that ``training.pack`` wrote.
        folder: of the run. A checkpoint there is resumed; the weights are written there.
        minutes: from this call to the last step, compilation included.
        init: weights to start from where there is no checkpoint: one weight file, or all its shards.
        vgg: weights of VGG16, for a feature loss with a weight.
        h2l: the high-to-low net, for samples of the kind ``gmsr``.
        gmsr: folder of generated pairs for them in its place.

    Returns:
        The shards of the fp16 weights (of the EMA).

    Raises:
        SrdganError: what the user can correct, in one line.
    """
    ends = time.monotonic() + 60 * minutes
    if not 0 < minutes < math.inf:
        raise InputError(f"minutes must be positive and finite, got {minutes}")
    engine = Engine(config.engine)
    largest = config.largest_patch
    entries = read_packs(data) if is_packed(data) else {}
    source_data = PackedData(entries) if entries else DataFolder(data)
    sources = Sources(source_data, largest, config.seed, engine.batch_device, config.batch.options, gmsr, h2l)
    with take_notes() as notes:
        sampler = Sampler(sources, config.batch.counts, config.seed)
    made_of = [*(describe_packs(data) if entries else []), *describe_files(notes.files, data)]
    features = load_features(config, config.feature_weight, vgg)
    with hold_folder(folder), tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        unpack_validation(entries, scratch)
        validation = scratch if entries else data
        if checkpoint_path(folder).exists():
            init = ()  # a resumed run does not use it
        if init:
            config = dataclasses.replace(config, init=str(_prepare_init(init, scratch)))
        trainer = MinutesTrainer(config, folder, engine, features, ends, measure_peak(engine))
        trainer.begin_stretch(made_of, notes.nets)
        milliseconds = _time_batches(sampler, largest, engine.device)
        print(trainer.log({"batch_milliseconds": milliseconds, "minutes": minutes, "init": [p.name for p in init]}))
        run.run(
            trainer,
            lambda iteration: sampler.batch(iteration, config.patch_at(trainer.done())),
            make_callbacks(trainer.gan, validation, None),
        )
        weights = scratch / f"{config.name}.safetensors"
        metadata = {
            "name": config.name,
            "iterations": str(trainer.iteration),
            "training_data": summarise(trainer.record),
            "record": trainer.record.to_text(),
        }
        save_model(weights, trainer.gan.ema, metadata)
        return shards.split(weights, folder)


def _prepare_init(init: Sequence[Path], scratch: Path) -> Path:
    """The weight file: the only path, or the shards joined."""
    if len(init) == 1 and not shards.is_shard(init[0]):
        return init[0]
    joined = scratch / "init.safetensors"
    shards.join(init, joined)
    return joined


def _time_batches(sampler: Sampler, patch: int, device: torch.device) -> float:
    """Time of a batch on the device; in a run batches are queued like steps, so it cannot be measured there."""
    sampler.batch(0, patch)
    started = finished_at(device)
    for iteration in range(_TIMED_BATCHES):
        sampler.batch(iteration, patch)
    return round((finished_at(device) - started) * 1000 / _TIMED_BATCHES, 3)
