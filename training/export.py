"""Turns a run into a shipped model: ``python -m training.export --config ... --run ... --data ... --output ...``.

Writes the averaged weights of the low-to-high net with their description, scores that very file by the evaluation
protocol, and puts the scores into the file and into a model card beside it. ``--joint`` says that the run is one of the
stage joint.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.errors import InputError, SrdganError
from srdgan_rt.metrics import BASELINES, DataSet, Method, evaluate_data_set, open_data_set
from srdgan_rt.models import H2LNet, L2HNet
from srdgan_rt.runtime import Upscaler
from training.command import make_export_parser, one_line_errors
from training.config import JointConfig, L2HConfig, L2HWeightsConfig, ModelConfig, read_config
from training.trainer import checkpoint_path

LICENSE = "Apache-2.0"
TRAINING_DATA = (
    "211 photographs under CC0, CC-BY, CC-BY-SA, GPL artwork licences or in the public domain; 111 pairs of phone "
    "frames (SIDD scenes 1-6, MIT) for their noise; measured noise level functions (SIDD, MIT)"
)
EVALUATION_SETS = ("Set5", "Set14", "phone_crops", "polyu")
WHOLE_FRAMES = "phone_crops"  # scored at full resolution, too

Scores = dict[str, dict[str, tuple[float, float]]]  # data set -> method -> (PSNR, SSIM)


@dataclass(frozen=True)
class Origin:
    """Where weights come from, as far as the card tells."""

    name: str
    stage: str  # "l2h" or "joint"
    model: ModelConfig
    weights: L2HWeightsConfig
    start: str  # what the run went on from, "" for nothing


def read_origin(path: Path, *, joint: bool) -> Origin:
    """Reads the configuration of a run of the stage l2h, or of the stage joint; InputError if it is of another."""
    if joint:
        config = read_config(path, JointConfig)
        return Origin(config.name, "joint", config.l2h_model, config.l2h_weights, config.l2h_init)
    l2h = read_config(path, L2HConfig)
    return Origin(l2h.name, "l2h", l2h.model, l2h.weights, l2h.init)


def read_average(run: Path, net: L2HNet | H2LNet, key: str = "params_ema") -> int:
    """Loads the moving average of the newest checkpoint of a run.

    Args:
        run: its folder.
        net: of the sizes that the configuration says; changed in place.
        key: of the average in the checkpoint.

    Returns:
        The iteration it stems from.

    Raises:
        InputError: there is no checkpoint, or it is of another stage or of other sizes.
    """
    path = checkpoint_path(run)
    if not path.exists():
        raise InputError(f"there is no checkpoint in {run}")
    state = torch.load(path, map_location="cpu", weights_only=True)
    try:
        net.load_state_dict(state[key])
    except (KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{path} does not fit the model of the configuration: {reason}") from error
    return int(state["iteration"])


def read_commit() -> str:
    """The commit of the training code, "unknown" outside a repository."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


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


def describe(origin: Origin, metadata: Mapping[str, str], scores: Scores) -> str:
    """The model card, as Markdown."""
    sizes = origin.model
    methods = list(next(iter(scores.values()), {}))
    lines = [
        f"# {origin.name}",
        "",
        f"The paper's low-to-high net with {sizes.num_blocks} RRDBs, {sizes.num_features} features and growth "
        f"{sizes.growth_channels}; enlarges by {sizes.scale}, removes sensor noise.",
        "",
        f"- Training data: {metadata['training_data']}.",
        f"- Licence of the weights: {metadata['license']}.",
        f"- Training: `python -m training.train_{origin.stage} --config training/configs/{metadata['config']}`, "
        f"{metadata['iterations']} iterations, at commit {metadata['commit']}, {_describe_losses(origin.weights)}"
        + (f", from {origin.start}." if origin.start else "."),
        f"- Halo for tiles: {metadata['halo']} low-resolution pixels (see docs/design/seams.md).",
        "",
        "PSNR (dB) and SSIM on Y by the protocol of docs/evaluation.md; none of these pictures was trained on:",
        "",
        "| | " + " | ".join(scores) + " |",
        "|---|" + "---|" * len(scores),
    ]
    for method in methods:
        cells = (f"{psnr:.2f} / {ssim:.4f}" for psnr, ssim in (row[method] for row in scores.values()))
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Limits: one setting for all noise levels; trained on photographs, so thin text and line drawings may soften; "
        "noise that a phone smoothed, sharpened or compressed hard before the net sees it may partly stay.",
    ]
    return "\n".join(lines) + "\n"


def _describe_losses(weights: L2HWeightsConfig) -> str:
    losses = [f"{name} {weight:g}" for name, weight in vars(weights).items() if weight > 0]
    return "pixel loss only" if losses == [f"pixel {weights.pixel:g}"] else f"losses {', '.join(losses)}"


def main() -> None:
    """Command line of the export."""
    parser = make_export_parser(__doc__, "folder with the evaluation sets")
    parser.add_argument("--halo", type=int, required=True, help="measured halo for tiles, low-resolution pixels")
    parser.add_argument(
        "--border-padding", type=int, default=0, help="pixels by which pictures are continued, mirrored"
    )
    arguments = parser.parse_args()
    with one_line_errors(parser):
        origin = read_origin(arguments.config, joint=arguments.joint)
        net = L2HNet(**vars(origin.model))
        iterations = read_average(arguments.run, net)
        metadata = {
            "name": origin.name,
            "halo": str(arguments.halo),
            "border_padding": str(arguments.border_padding),
            "training_data": TRAINING_DATA,
            "license": LICENSE,
            "commit": read_commit(),
            "config": arguments.config.name,
            "iterations": str(iterations),
            "scores": "{}",
        }
        save_model(arguments.output, net, metadata)
        load_model(arguments.output)  # what cannot be read again is not shipped
        scores = score(arguments.output, arguments.data)
        ours = {name: row["this model"] for name, row in scores.items()}
        save_model(arguments.output, net, metadata | {"scores": json.dumps(ours)})
        card = describe(origin, metadata, scores)
        arguments.output.with_suffix(".md").write_text(card, encoding="utf-8")
        print(card)


if __name__ == "__main__":
    main()
