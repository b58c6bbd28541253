"""The state of a run of any stage: nets, iteration, checkpoint and log.

Every batch is a function of seed and iteration, and the checkpoint holds all other state, so a run that is killed and
started again continues exactly where its last checkpoint stood.
"""

from __future__ import annotations

import json
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from srdgan_rt.errors import SrdganError
from training.config import StageConfig
from training.data.batch import TensorBatch
from training.data.notes import describe_files, take_notes
from training.loop.checkpoints import checkpoint_path, read_checkpoint, write_checkpoint
from training.loop.engine import Engine
from training.loop.gan import GanTrainer, LossInputs, TrainedNet
from training.loop.graph import StepGraph
from training.loop.kernels import NATIVE, TORCH
from training.loop.progress import LOG
from training.loop.record import Record, begin_record, describe_stretch, name_stage

BatchT_contra = TypeVar("BatchT_contra", bound=TensorBatch, contravariant=True)


def starting_weights(folder: Path, init: str) -> str:
    """The weights that a run starts from; "" if it is resumed, because then they need not exist any more."""
    return "" if checkpoint_path(folder).exists() else init


class Trainer(ABC, Generic[BatchT_contra]):
    """The state of a run. A stage derives from it and defines :meth:`compare`.

    Args:
        config: of the stage.
        folder: where the checkpoint and the log go; a checkpoint found there is resumed.
        engine: computes.
        gans: the generators that are trained, with their discriminators.

    Raises:
        SrdganError: the checkpoint is of another stage or of nets of other sizes.
    """

    def __init__(self, config: StageConfig, folder: Path, engine: Engine, *gans: GanTrainer) -> None:
        self.config = config
        self.folder = folder
        self.engine = engine
        self.gans = gans
        self.iteration = 0
        self._state = {name: part for gan in gans for name, part in gan.state().items()}
        self._graph = self._make_graph() if engine.uses_graphs else None
        self._sums: dict[str, float] = {}  # of losses since the last line of the log
        self._num_summed = 0
        self._largest_norm = 0.0
        folder.mkdir(parents=True, exist_ok=True)
        self.record = self._resume() if self.checkpoint.exists() else begin_record(config)

    def _make_graph(self) -> StepGraph[BatchT_contra] | None:
        """The graph of a step; None with discriminators, whose updates lie between the passes."""
        if any(gan.discriminator is not None for gan in self.gans):
            return None
        parameters = [parameter for gan in self.gans for parameter in gan.generator.net.parameters()]
        return StepGraph(lambda batch: self._differentiate(self.compare(batch)), parameters)

    @contextmanager
    def recorded(self, root: Path) -> Iterator[None]:
        """Records the files that are read in this context as the training data; ``root`` is the data folder."""
        with take_notes() as notes:
            yield
        if self.engine.is_main:
            self.begin_stretch(describe_files(notes.files, root), notes.nets)

    def begin_stretch(self, data: list[dict[str, Any]], nets: Iterable[str] = ()) -> None:
        """Records the training data from now on; arguments as of :func:`training.loop.record.describe_stretch`."""
        self.record = self.record.add(describe_stretch(self.iteration, self.config, data, nets))

    @abstractmethod
    def compare(self, batch: BatchT_contra) -> list[tuple[GanTrainer, LossInputs]]:
        """Runs the generators on a batch; returns what the losses of each are computed from."""

    def step(self, batch: BatchT_contra) -> float:
        """One update of each discriminator, then one of all generators; returns the loss of the generators.

        Raises:
            SrdganError: before the update whose loss or gradient is not finite.
        """
        figures: dict[str, float] = {}
        if self._graph is not None:
            losses = self._graph(batch)
        else:
            all_inputs = self.compare(batch)
            for gan, loss_inputs in all_inputs:
                if gan.discriminator is not None:
                    name = f"{gan.prefix}discriminator"
                    gan.discriminator.optimiser.zero_grad(set_to_none=True)
                    loss = gan.discriminator_loss(loss_inputs)
                    torch.autograd.backward(loss)
                    figures[name] = self._update(loss, f"loss of the {name}", gan.discriminator)
            losses = self._differentiate(all_inputs)
        self._update(losses["loss"], "loss", *(gan.generator for gan in self.gans))
        figures |= {name: loss.item() for name, loss in losses.items()}
        for name, value in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._num_summed += 1
        self.iteration += 1
        return figures["loss"]

    def _differentiate(self, all_inputs: list[tuple[GanTrainer, LossInputs]]) -> dict[str, Tensor]:
        """Computes the gradients of the generators; returns the losses, unweighted, and their weighted sum ``loss``."""
        total = torch.zeros((), device=self.engine.device)
        losses: dict[str, Tensor] = {}
        for gan, loss_inputs in all_inputs:
            gan.generator.optimiser.zero_grad(set_to_none=True)
            loss, parts = gan.generator_loss(loss_inputs)
            total = total + loss
            losses |= {f"{gan.prefix}{name}": part.detach() for name, part in parts.items()}
        torch.autograd.backward(total)
        return losses | {"loss": total.detach()}

    def _update(self, loss: Tensor, name: str, *trained_nets: TrainedNet) -> float:
        """One step of the optimisers of some nets, if loss and gradients are finite; returns the value of the loss."""
        norms = [trained_net.limit_gradients() for trained_net in trained_nets]
        numbers: list[float] = torch.stack([loss.detach(), *norms]).tolist()  # together: each copy waits for a GPU
        for what, number in zip([name, *[f"gradient of the {name}"] * len(norms)], numbers, strict=True):
            if not math.isfinite(number):
                raise SrdganError(f"the {what} is {number} at iteration {self.iteration}; nothing was updated by it")
        self._largest_norm = max(self._largest_norm, *numbers[1:])
        for trained_net in trained_nets:
            trained_net.update(self.learning_rate(), self.iteration)
        return numbers[0]

    def learning_rate(self) -> float:
        """The learning rate of the coming step, the same for all nets."""
        return self.config.learning_rate_at(self.iteration)

    def kernels(self) -> str:
        """By whose kernels the generators are computed: ``native`` or ``torch``; "" before the first step."""
        chosen = {gan.generator.kernels.chosen for gan in self.gans}
        return NATIVE if NATIVE in chosen else TORCH if TORCH in chosen else ""

    def done(self) -> float:
        """The part of the run that is over: 1 at its end."""
        return self.iteration / self.config.iterations

    def take_figures(self) -> dict[str, float]:
        """The mean of each loss, unweighted, and the largest norm of a gradient, since they were last taken."""
        figures = {name: round(value / self._num_summed, 6) for name, value in self._sums.items()}
        if self._largest_norm:
            figures["largest_gradient_norm"] = round(self._largest_norm, 3)
        self._sums, self._num_summed, self._largest_norm = {}, 0, 0.0
        return figures

    @property
    def checkpoint(self) -> Path:
        """The newest checkpoint of the run."""
        return checkpoint_path(self.folder)

    def save(self) -> None:
        """Writes the checkpoint, as :func:`training.loop.checkpoints.write_checkpoint`."""
        if not self.engine.is_main:
            return
        state: dict[str, Any] = {"iteration": self.iteration, "record": self.record.to_text()}
        state["optimiser_name"] = self.config.optimiser  # "optimiser" is its state
        state["kernels"] = {gan.prefix: gan.generator.kernels.chosen for gan in self.gans}
        state |= {name: part.state_dict() for name, part in self._state.items()}
        write_checkpoint(self.folder, state)

    def _resume(self) -> Record:
        """Takes the state of the checkpoint; returns its record."""
        saved = read_checkpoint(self.folder)
        record, stage = Record.from_text(saved["record"]), name_stage(self.config)
        if record.stage != stage:
            raise SrdganError(f"{self.checkpoint} is of the stage {record.stage}, not {stage}")
        optimiser = saved["optimiser_name"]
        if optimiser != self.config.optimiser:  # its state would be taken, and fail at the first step
            raise SrdganError(f"{self.checkpoint} is of optimiser {optimiser!r}, not {self.config.optimiser!r}")
        try:
            for name, part in self._state.items():
                part.load_state_dict(saved[name])
        except (KeyError, RuntimeError, ValueError) as error:
            reason = record.describe_misfit(self.config) or str(error).splitlines()[-1].strip()
            raise SrdganError(f"{self.checkpoint} does not fit the configuration: {reason}") from error
        for gan in self.gans:
            gan.generator.kernels.keep(saved["kernels"][gan.prefix])
        self.iteration = saved["iteration"]
        return record

    def log(self, record: Mapping[str, object]) -> str:
        """Appends one line of JSON to the run's log; returns it. SrdganError if the log cannot be written."""
        line = json.dumps({"iteration": self.iteration, **record})
        path = self.folder / LOG
        try:
            with path.open("a+b") as file:
                # A full disk may have cut off the line before, which must not spoil this one.
                is_cut_off = file.tell() > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
                file.write(b"\n" * is_cut_off + line.encode() + b"\n")
        except OSError as error:
            raise SrdganError(f"{path} cannot be written: {error.strerror}") from error
        return line
