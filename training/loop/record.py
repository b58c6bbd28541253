"""The record of a run: data, configuration, commit and the weights that it started from, with their own record.

The record is JSON text in the checkpoint and in the metadata of exported weights. A run that is continued with other
data, settings or code gets a further stretch, so the record is complete.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from srdgan_rt.camera import library
from srdgan_rt.checkpoint.mix import parse_mix
from srdgan_rt.checkpoint.read import read_safetensors
from srdgan_rt.checkpoint.shipped import WEIGHTS_FOLDER, is_weight_path
from srdgan_rt.degrade.pairs import hash_file
from srdgan_rt.errors import SrdganError
from training.config import StageConfig

_HELD = re.compile(r"(model|discriminator)\.|weights\.adversarial|^frozen|^conv_body_rate")  # keys of what is trained
_DESCRIPTION = ("name", "license", "training_data", "iterations", "commit")  # of a weight file's metadata


@dataclass(frozen=True)
class Stretch:
    """A part of a run in which nothing changed but the weights."""

    begins: int  # iteration
    commit: str  # of the training code
    config: dict[str, Any]  # every key
    data: list[dict[str, Any]]  # see training.data.notes.describe_files
    cameras: str  # SHA-256 of the library of the camera model
    nets: list[dict[str, Any]]  # that made samples: see describe_weights


@dataclass(frozen=True)
class Record:
    """The record of a run."""

    stage: str  # h2l, l2h or joint
    starts: dict[str, Any] = field(default_factory=dict)  # by the configuration's key: see describe_weights
    stretches: tuple[Stretch, ...] = ()

    def add(self, stretch: Stretch) -> Record:
        """The record with a further stretch, unless nothing has changed."""
        if self.stretches and dataclasses.replace(stretch, begins=self.stretches[-1].begins) == self.stretches[-1]:
            return self
        kept = tuple(one for one in self.stretches if one.begins < stretch.begins)  # others were lost by a kill
        return dataclasses.replace(self, stretches=(*kept, stretch))

    def describe_misfit(self, config: StageConfig) -> str:
        """The keys of a configuration that decide what a checkpoint holds, and differ from those of the run.

        Args:
            config: of the same stage.

        Returns:
            Such as ``model.num_blocks was 4, is 6``; "" if nothing differs, or nothing is recorded yet.
        """
        if not self.stretches:
            return ""
        before, now = (_flatten(one) for one in (self.stretches[-1].config, _to_json(config)))
        changed = [key for key in now if _HELD.search(key) and key in before and before[key] != now[key]]
        return ", ".join(f"{key} was {before[key]}, is {now[key]}" for key in changed)

    def to_text(self) -> str:
        """As checkpoints and weight files hold it."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Record:
        """The record of a checkpoint or a weight file; SrdganError if it is none."""
        try:
            return cls.from_json(json.loads(text))
        except ValueError as error:
            raise SrdganError(f"the record of the training is damaged: {error}") from error

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Record:
        """As :meth:`from_text`, from parsed JSON, as in the record of a run that started from these weights."""
        try:
            stretches = tuple(Stretch(**stretch) for stretch in content["stretches"])
            return cls(content["stage"], content["starts"], stretches)
        except (TypeError, KeyError) as error:
            raise SrdganError(f"the record of the training is damaged: {error}") from error


def name_stage(config: StageConfig) -> str:
    """The stage that a configuration is of: ``h2l``, ``l2h`` or ``joint``."""
    return type(config).__name__.removesuffix("Config").lower()


def begin_record(config: StageConfig) -> Record:
    """The record of a run without a checkpoint.

    Args:
        config: its keys that end in ``init`` name weights.

    Raises:
        SrdganError: the weights cannot be read.
    """
    names = {key: source for key, source in vars(config).items() if key.endswith("init") and source}
    return Record(name_stage(config), {key: describe_weights(source) for key, source in names.items()})


def describe_stretch(begins: int, config: StageConfig, data: list[dict[str, Any]], nets: Iterable[str] = ()) -> Stretch:
    """What a run trains with from now on.

    Args:
        begins: iteration.
        config: of the run.
        data: see :func:`training.data.notes.describe_files`.
        nets: weights of nets that make samples.
    """
    return Stretch(
        begins,
        read_commit(),
        _to_json(config),
        data,
        hash_file(Path(library.__file__).with_name("cameras.json")),
        [describe_weights(source) for source in sorted(nets)],
    )


def _to_json(config: StageConfig) -> dict[str, Any]:
    """A configuration with lists for tuples, as it is read again from a record."""
    content: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return content


def _flatten(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of a configuration by their full keys, such as ``model.num_blocks``."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def describe_weights(source: str) -> dict[str, Any]:
    """What is known of weights.

    Args:
        source: a shipped model's name, a file, a checkpoint, or a mix of these.

    Returns:
        ``source`` as it was named, ``sha256`` of the file, and what the file tells: its description (``name``,
        ``license``, ``training_data``, ``iterations``, ``commit``) and its ``record``. Of a mix ``mix`` instead: the
        same for each of its parts.

    Raises:
        SrdganError: it cannot be read.
    """
    if (parts := parse_mix(source)) is not None:
        return {"source": source, "mix": [describe_weights(name) | {"share": share} for name, share in parts]}
    path = Path(source).expanduser() if is_weight_path(source) else WEIGHTS_FOLDER / f"{source}.safetensors"
    shown = source if not Path(source).is_absolute() else Path(*path.parts[-2:]).as_posix()
    entry: dict[str, Any] = {"source": shown, "sha256": hash_file(path)}
    if path.suffix == ".safetensors":
        _, metadata = read_safetensors(path)
        entry |= {key: metadata[key] for key in _DESCRIPTION if key in metadata}
        record = metadata.get("record")
    else:
        state = torch.load(path, map_location="cpu", weights_only=True) if path.suffix in (".pt", ".pth") else {}
        entry |= {"iterations": state["iteration"]} if "iteration" in state else {}
        record = state.get("record")
    return entry | ({"record": json.loads(record)} if record else {})


def read_commit() -> str:
    """The commit of the training code, with "+" where files were changed since; "unknown" outside a repository."""
    git = ["git", "-C", str(Path(__file__).resolve().parents[2])]
    try:
        head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
