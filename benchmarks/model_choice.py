"""Scores the choice of ``-n auto`` on every kind of training sample: ``python -m benchmarks.model_choice --data DATA``.

Each row has the mean PSNR of Y (dB) of the two models, of the one that is chosen for each sample, and of the better one
for each sample; how often the second model is chosen; and the largest loss against always taking the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from srdgan_rt.metrics import luma, psnr
from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.pixels import Pixels, round_to_bytes
from srdgan_rt.runtime import AutoUpscaler, Upscaler
from srdgan_rt.runtime.auto import PROCESSED, SENSOR
from training.cli.parser import CommandParser, one_line_errors
from training.data.pictures import DataFolder
from training.imaging.random_source import RandomSource
from training.samples.kinds import KINDS
from training.samples.options import SampleOptions
from training.samples.sources import Sources

_COLOURED = ("phone_noise", "camera_noise", "camera_frame")  # kinds whose noise can lose its colour
_PATCH = 96  # low-resolution pixels a side
_BORDER = 4 * SCALE  # pixels that are not scored
_MOST_DB = 58  # flat fields, on which every model is right


@dataclass(frozen=True)
class Scored:
    """One sample: PSNR of both models, and whether the second one is chosen."""

    sensor: float
    processed: float
    is_processed: bool

    @property
    def chosen(self) -> float:
        """PSNR of the model that is chosen."""
        return self.processed if self.is_processed else self.sensor


def draw_samples(data: Path, count: int, *, is_weak: bool) -> Iterator[tuple[str, Pixels, Pixels]]:
    """Kind, low-resolution picture (bytes) and original (0..255) of ``count`` samples of each kind.

    With ``is_weak``, only the kinds whose noise can lose its colour, without it.
    """
    options = SampleOptions(weak_colour=float(is_weak), grey=0)
    sources = Sources(DataFolder(data), _PATCH, 7, torch.device("cpu"), options)
    for name, kind in KINDS.items():
        if not kind.is_known or (is_weak and name not in _COLOURED):
            continue
        samples = kind(sources).make(count, _PATCH, RandomSource((5,), torch.device("cpu")))
        for low, high in zip(*samples, strict=True):
            low, high = (255 * plane.clamp(0, 1).permute(1, 2, 0).double().numpy() for plane in (low, high))
            yield f"{name}, weak colour" if is_weak else name, round_to_bytes(low), high


def score_sample(low: Pixels, high: Pixels, models: Sequence[Upscaler], auto: AutoUpscaler) -> Scored:
    """Enlarges a sample with both models."""
    inner = (slice(_BORDER, -_BORDER),) * 2
    scores = [psnr(luma(model.upscale(low)[inner].astype(np.float64)), luma(high[inner])) for model in models]
    return Scored(scores[0], scores[1], auto.choose(low).name == PROCESSED)


def render(name: str, scored: Sequence[Scored]) -> str:
    """A row of the table."""
    values = [
        [one.sensor for one in scored],
        [one.processed for one in scored],
        [one.chosen for one in scored],
        [max(one.sensor, one.processed) for one in scored],
    ]
    means = " | ".join(f"{np.mean(column):.2f}" for column in values)
    loss = max(max(one.sensor - one.chosen, 0.0) for one in scored)
    return f"| {name} | {means} | {sum(one.is_processed for one in scored)} of {len(scored)} | {loss:.2f} |"


def print_table(data: Path, count: int) -> None:
    """A row for each kind of sample."""
    models = [Upscaler(SENSOR), Upscaler(PROCESSED)]
    auto = AutoUpscaler()
    rows: dict[str, list[Scored]] = {}
    for is_weak in (False, True):
        for name, low, high in draw_samples(data, count, is_weak=is_weak):
            scored = score_sample(low, high, models, auto)
            if max(scored.sensor, scored.processed) < _MOST_DB:
                rows.setdefault(name, []).append(scored)
    print(f"| kind | {SENSOR} | {PROCESSED} | auto | the better one | {PROCESSED} chosen | largest loss |")
    print("|---|" + "---:|" * 6)
    for name, row in rows.items():
        print(render(name, row), flush=True)


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder as the trainings read it")
    parser.add_argument("--count", type=int, default=24, help="samples of each kind (%(default)s)")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        print_table(arguments.data, arguments.count)


if __name__ == "__main__":
    main()
