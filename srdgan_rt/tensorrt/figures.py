"""What was measured of an engine on a GPU, kept beside the engine: measuring costs seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from srdgan_rt.tensorrt.files import EngineFiles, StoredEngine, write_json


@dataclass(frozen=True)
class Figures:
    """Accuracy and speed of one engine on one GPU.

    Args:
        psnr: in dB to fp32, by probe (:mod:`srdgan_rt.tensorrt.accuracy`).
        seconds: for one picture, by the name of the engine (:mod:`srdgan_rt.tensorrt.speed`); empty if never timed.
    """

    psnr: Mapping[str, float]
    seconds: Mapping[str, float] = field(default_factory=dict)


def read_figures(files: EngineFiles) -> dict[str, dict[str, Figures]]:
    """By GPU and digest of the engine; empty where nothing was measured yet."""
    try:
        facts = json.loads(files.numerics.read_bytes())
        return {
            str(gpu): {str(digest): _parse(entry) for digest, entry in entries.items()}
            for gpu, entries in facts.items()
        }
    except (OSError, AttributeError, KeyError, TypeError, ValueError):  # not there, damaged, or of an older version
        return {}


def _parse(entry: Mapping[str, Mapping[str, float]]) -> Figures:
    return Figures(*({str(name): float(value) for name, value in entry[key].items()} for key in ("psnr", "seconds")))


def find_figures(stored: StoredEngine, gpu: str) -> Figures | None:
    """What was measured of an engine on a GPU; None if nothing was."""
    known = {} if stored.files is None else read_figures(stored.files)
    return known.get(gpu, {}).get(stored.manifest.sha256)


def keep_figures(stored: StoredEngine, gpu: str, figures: Figures) -> None:
    """Keeps what was measured. Where the folder cannot be written to, it has to be measured again next time."""
    if stored.files is None:
        return
    known = {
        name: {digest: asdict(entry) for digest, entry in entries.items()}
        for name, entries in read_figures(stored.files).items()
    }
    with suppress(OSError):
        write_json(stored.files.numerics, {**known, gpu: {stored.manifest.sha256: asdict(figures)}})
