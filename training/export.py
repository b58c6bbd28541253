"""Turns a run into a model with its card: ``python -m training.export --run ... --name ... --licence ... ...``.

Writes the averaged weights of the low-to-high net with their description, scores that very file by the evaluation
protocol, and puts the scores into the file and into a model card beside it. What the card says of the training comes
from the record in the checkpoint. Name and licence are the caller's: nobody else can know them.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.checkpoint.load import build_network
from srdgan_rt.errors import CheckpointError, InputError, SrdganError
from srdgan_rt.metrics import BASELINES, DataSet, Method, evaluate_data_set, open_data_set
from srdgan_rt.models import L2HNet
from srdgan_rt.runtime import Upscaler
from training.card import describe_scores, list_training, summarise
from training.checkpoints import checkpoint_path, read_checkpoint
from training.command import make_export_parser, one_line_errors
from training.record import Record

EVALUATION_SETS = ("Set5", "Set14", "phone_crops", "polyu")
WHOLE_FRAMES = "phone_crops"  # scored at full resolution, too

Scores = dict[str, dict[str, tuple[float, float]]]  # data set -> method -> (PSNR, SSIM)


@dataclass(frozen=True)
class Source:
    """What an export takes from a run."""

    state: dict[str, Any]  # the checkpoint
    iterations: int
    record: Record | None  # None in old checkpoints

    @property
    def metadata(self) -> dict[str, str]:
        """What the weight file says of the training."""
        record = {} if self.record is None else {"record": self.record.to_text()}
        stretches = () if self.record is None else self.record.stretches
        commit = stretches[-1].commit if stretches else ""
        return {
            "training_data": summarise(self.record),
            "iterations": str(self.iterations),
            **({"commit": commit} if commit else {}),
            **record,
        }

    def weights(self, key: str) -> dict[str, Any]:
        """The averaged weights of this name; InputError if the run trained no such net."""
        if key not in self.state:
            raise InputError("the run is of another stage: its checkpoint holds no averaged weights of this net")
        weights: dict[str, Any] = self.state[key]
        return weights


def open_run(folder: Path) -> Source:
    """The newest checkpoint of a run; raises as :func:`training.checkpoints.read_checkpoint`."""
    state = read_checkpoint(folder)
    record = Record.from_text(state["record"]) if "record" in state else None
    return Source(state, state["iteration"], record)


def build_l2h(source: Source, folder: Path) -> L2HNet:
    """The low-to-high net of a run, with its averaged weights; InputError if there is none."""
    try:
        net, _ = build_network(source.weights("params_ema"))
    except CheckpointError as error:
        raise InputError(f"{checkpoint_path(folder)} holds no low-to-high net: {error}") from error
    return net


def score(model: Path, root: Path) -> Scores:
    """Scores a weight file and the baselines on the evaluation sets that are there."""
    upscaler = Upscaler(str(model), device="cpu", precision="fp32")
    methods: Mapping[str, Method] = {
        "bicubic": BASELINES["bicubic"],
        "nlm": BASELINES["nlm"],
        "this model": lambda sample: upscaler.upscale(sample.low),
    }
    scores: Scores = {}
    for name in EVALUATION_SETS:
        if (root / name).is_dir():
            scores[name] = _mean_scores(open_data_set(root / name), methods)
    if WHOLE_FRAMES in scores:
        whole = open_data_set(root / WHOLE_FRAMES, full_resolution=True)
        scores[f"{WHOLE_FRAMES} at full resolution"] = _mean_scores(whole, methods)
    return scores


def _mean_scores(data_set: DataSet, methods: Mapping[str, Method]) -> dict[str, tuple[float, float]]:
    evaluation = evaluate_data_set(data_set, methods)
    if evaluation.failures:
        raise SrdganError(f"{evaluation.failures[0].picture}: {evaluation.failures[0].error}")
    means = {method: evaluation.mean(method) for method in methods}
    return {method: (round(mean.psnr, 2), round(mean.ssim, 4)) for method, mean in means.items() if mean is not None}


def describe(name: str, net: L2HNet, source: Source, metadata: Mapping[str, str], scores: Scores) -> str:
    """The model card, as Markdown."""
    rows = {
        method: [f"{psnr:.2f} / {ssim:.4f}" for psnr, ssim in (column[method] for column in scores.values())]
        for method in next(iter(scores.values()), {})
    }
    lines = [
        f"# {name}",
        "",
        f"The paper's low-to-high net with {net.num_blocks} RRDBs, {net.num_features} features and growth "
        f"{net.growth_channels}; enlarges by {net.scale}.",
        "",
        f"- Licence of the weights: {metadata['license']}.",
        *list_training(source.record, source.iterations),
        f"- Halo for tiles: {metadata['halo']} low-resolution pixels (see docs/design/seams.md).",
        "",
        *describe_scores(
            scores,
            rows,
            "PSNR (dB) and SSIM on Y by the protocol of docs/evaluation.md:",
            "Not scored: no evaluation set was there when the weights were exported.",
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Command line of the export."""
    parser = make_export_parser(__doc__, "folder with the evaluation sets; those that are there are scored")
    parser.add_argument("--halo", type=int, required=True, help="measured halo for tiles, low-resolution pixels")
    parser.add_argument(
        "--border-padding", type=int, default=0, help="pixels by which pictures are continued, mirrored"
    )
    arguments = parser.parse_args()
    with one_line_errors(parser):
        check_options(arguments)
        source = open_run(arguments.run)
        net = build_l2h(source, arguments.run)
        metadata = {
            "name": arguments.name,
            "license": arguments.licence,
            "halo": str(arguments.halo),
            "border_padding": str(arguments.border_padding),
            **source.metadata,
        }
        save_model(arguments.output, net, metadata)
        load_model(arguments.output)  # what cannot be read again is not shipped
        scores = score(arguments.output, arguments.data)
        if scores:
            ours = {name: row["this model"] for name, row in scores.items()}
            save_model(arguments.output, net, metadata | {"scores": json.dumps(ours)})
        card = describe(arguments.name, net, source, metadata, scores)
        arguments.output.with_suffix(".md").write_text(card, encoding="utf-8")
        print(card)


def check_options(arguments: Namespace) -> None:
    """Raises InputError where an option of an export cannot be meant."""
    for name in ("name", "licence"):
        if not getattr(arguments, name).strip():
            raise InputError(f"--{name} must not be empty")
    for name in ("halo", "border_padding"):
        if getattr(arguments, name, 0) < 0:
            raise InputError(f"--{name.replace('_', '-')} must be at least 0, got {getattr(arguments, name)}")
    if not arguments.data.is_dir():
        raise InputError(f"there is no folder {arguments.data}")


if __name__ == "__main__":
    main()
