"""Turns a high-to-low net into a shipped model: ``python -m training.export_h2l --config ... --run ... --data ...``.

As ``training.export`` does for the net that enlarges; but what is measured of this one is its noise, against held-out
phone frames. With ``--joint`` the run is one of the stage joint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from srdgan_rt.checkpoint import load_h2l, save_model
from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.models import H2LNet
from training.command import make_export_parser, one_line_errors
from training.config import H2LConfig, H2LModelConfig, H2LWeightsConfig, JointConfig, read_config
from training.data import read_frames
from training.export import LICENSE, TRAINING_DATA, read_average, read_commit
from training.noise_level import measure_levels
from training.noise_report import NoiseReport

_LABELS = {
    "noise_sd": "standard deviation of the noise from dark to bright, 1/255",
    "noise_variance_error": "mean relative error of the variance",
    "noise_lag1": "correlation of neighbours",
    "noise_channels": "correlation of channels",
    "noise_akld": "AKLD, divergence of the histograms (docs/evaluation.md)",
    "colour_shift": "shift of the mean colour, 1/255",
}


def describe(
    metadata: Mapping[str, str], model: H2LModelConfig, weights: H2LWeightsConfig, figures: Mapping[str, object]
) -> str:
    """The model card, as Markdown.

    Args:
        metadata: of the file.
        model: sizes of the net.
        weights: of the losses it was trained with.
        figures: of :meth:`NoiseReport.measure`.
    """
    losses = ", ".join(f"{name} {weight:g}" for name, weight in vars(weights).items() if weight > 0)
    lines = [
        f"# {metadata['name']}",
        "",
        f"The paper's high-to-low net with {model.num_blocks} residual blocks and {model.num_features} features; "
        f"makes a clean picture {SCALE} times smaller and as noisy as a phone would.",
        "",
        f"- Training data: {metadata['training_data']}.",
        f"- Licence of the weights: {metadata['license']}.",
        f"- Training: `python -m training.train_{metadata['stage']} --config training/configs/{metadata['config']}`, "
        f"{metadata['iterations']} iterations, at commit {metadata['commit']}, losses {losses}.",
        "",
        "Noise against that of held-out phone frames at their noise levels (the middle of each; `srdgan-rt noise` "
        "compares whole frames at equal variance, see docs/training.md):",
        "",
        "| | generated | real |",
        "|---|---|---|",
    ]
    for name, label in _LABELS.items():
        value = figures[name]
        pairs = np.array(value, dtype=object).reshape(-1, 2) if isinstance(value, list) else [(value, "")]
        generated, real = (", ".join(str(cell) for cell in column) for column in zip(*pairs, strict=True))
        lines.append(f"| {label} | {generated} | {real} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Command line of the export."""
    parser = make_export_parser(__doc__, "folder with real frames to train on and held out")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        if arguments.joint:
            joint = read_config(arguments.config, JointConfig)
            name, model, weights, key = f"{joint.name}-h2l", joint.h2l_model, joint.h2l_weights, "h2l_params_ema"
        else:
            config = read_config(arguments.config, H2LConfig)
            name, model, weights, key = config.name, config.model, config.weights, "params_ema"
        net = H2LNet(**vars(model), scale=SCALE)
        iterations = read_average(arguments.run, net, key)
        shape, levels = measure_levels(read_frames(arguments.data, "train"))
        metadata = {
            "name": name,
            "stage": "joint" if arguments.joint else "h2l",
            "training_data": TRAINING_DATA,
            "license": LICENSE,
            "commit": read_commit(),
            "config": arguments.config.name,
            "iterations": str(iterations),
            "noise_levels": ",".join(f"{level:.4f}" for level in levels),
            "scores": "{}",
        }
        save_model(arguments.output, net, metadata)
        written, _ = load_h2l(arguments.output)  # what is shipped is what is measured
        figures = NoiseReport(read_frames(arguments.data, "test"), shape).measure(written)
        save_model(arguments.output, net, metadata | {"scores": json.dumps(figures)})
        card = describe(metadata, model, weights, figures)
        arguments.output.with_suffix(".md").write_text(card, encoding="utf-8")
        print(card)


if __name__ == "__main__":
    main()
