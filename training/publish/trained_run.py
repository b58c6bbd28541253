"""What an export takes from a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srdgan_rt.errors import InputError
from training.loop.checkpoints import read_checkpoint
from training.loop.record import Record
from training.publish.card import summarise


@dataclass(frozen=True)
class TrainedRun:
    """What an export takes from a run."""

    state: dict[str, Any]  # the checkpoint
    iterations: int
    record: Record

    @property
    def metadata(self) -> dict[str, str]:
        """What the weight file says of the training."""
        stretches = self.record.stretches
        return {
            "training_data": summarise(self.record),
            "iterations": str(self.iterations),
            **({"commit": stretches[-1].commit} if stretches else {}),
            "record": self.record.to_text(),
        }

    def weights(self, key: str) -> dict[str, Any]:
        """The averaged weights of this name; InputError if the run trained no such net."""
        if key not in self.state:
            raise InputError("the run is of another stage: its checkpoint holds no averaged weights of this net")
        weights: dict[str, Any] = self.state[key]
        return weights


def open_run(folder: Path) -> TrainedRun:
    """The newest checkpoint of a run; raises as :func:`training.loop.checkpoints.read_checkpoint`."""
    state = read_checkpoint(folder)
    return TrainedRun(state, state["iteration"], Record.from_text(state["record"]))
