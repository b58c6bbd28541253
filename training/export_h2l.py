"""Turns a high-to-low net into a model with its card: ``python -m training.export_h2l --run ... --name ... ...``.

As ``training.export`` does for the net that enlarges; but what is measured of this one is its noise, against held-out
phone frames, if there are any.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from srdgan_rt.checkpoint import load_h2l, save_model
from srdgan_rt.checkpoint.keys import infer_h2l_sizes
from srdgan_rt.checkpoint.save import update_metadata
from srdgan_rt.errors import CheckpointError, InputError
from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.models import H2LNet
from training.cli.options import check_export_options, make_export_parser
from training.cli.parser import one_line_errors
from training.data.noise_level import measure_levels
from training.data.pictures import has_frames, read_frames
from training.data.typical import read_typical_photographs
from training.loop.checkpoints import checkpoint_path
from training.publish.card import describe_scores, list_changes, list_training, note_levelling, write_card
from training.publish.level_flats import level_noisy_flats
from training.publish.trained_run import TrainedRun, open_run
from training.stages.noise_report import NoiseReport

_PICTURES, _PICTURE_SIDE = 24, 256  # on which flats are levelled
_LEVELS = (0, 0.25, 0.5, 0.75)  # quantiles of the noise levels at which they are; with the highest, others get worse

_LABELS = {
    "noise_sd": "standard deviation of the noise from dark to bright, 1/255",
    "noise_variance_error": "mean relative error of the variance",
    "noise_lag1": "correlation of neighbours",
    "noise_channels": "correlation of channels",
    "noise_akld": "AKLD, divergence of the histograms (docs/evaluation.md)",
    "colour_shift": "shift of the mean colour, 1/255",
}


def build_h2l(run: TrainedRun, folder: Path) -> H2LNet:
    """The high-to-low net of a run (stage h2l or joint), with its averaged weights; InputError if there is none."""
    weights = run.weights("h2l_params_ema" if "h2l_params_ema" in run.state else "params_ema")
    try:
        net = H2LNet(*infer_h2l_sizes(weights), scale=SCALE)
        net.load_state_dict(weights)
    except (CheckpointError, InputError, RuntimeError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{checkpoint_path(folder)} holds no high-to-low net: {reason}") from error
    return net


def describe(net: H2LNet, run: TrainedRun, metadata: Mapping[str, str], figures: Mapping[str, object]) -> str:
    """The model card, as Markdown.

    Args:
        net: the net.
        run: the run.
        metadata: of the file.
        figures: of :meth:`NoiseReport.measure`; empty if nothing was measured.
    """
    rows = {label: _format_pair(figures[name]) for name, label in _LABELS.items()} if figures else {}
    lines = [
        f"# {metadata['name']}",
        "",
        f"The paper's high-to-low net with {net.num_blocks} residual blocks and {net.num_features} features; "
        f"makes a clean picture {SCALE} times smaller and as noisy as the camera of its training data would.",
        "",
        f"- Licence of the weights: {metadata['license']}.",
        *list_training(run.record, run.iterations),
        *list_changes(metadata),
        "",
        *describe_scores(
            ("generated", "real") if figures else (),
            rows,
            "Noise against that of held-out phone frames at their noise levels (the middle of each; `srdgan-rt noise` "
            "compares whole frames at equal variance, see docs/evaluation.md):",
            "Not measured: no held-out frames were there when the weights were exported.",
        ),
    ]
    return "\n".join(lines) + "\n"


def _format_pair(value: object) -> list[str]:
    """A figure as [generated, real], or of a list of such figures each column in one cell."""
    pairs = np.array(value, dtype=object).reshape(-1, 2) if isinstance(value, list) else [(value, "")]
    return [", ".join(str(cell) for cell in column) for column in zip(*pairs, strict=True)]


def main() -> None:
    """Command line of the export."""
    parser = make_export_parser(__doc__, "folder with the real frames that were trained on, and held-out ones")
    parser.add_argument(
        "--level-flats",
        type=Path,
        metavar="FOLDER",
        help="make noisy flat areas keep their mean colour; folder with train_photos",
    )
    arguments = parser.parse_args()
    with one_line_errors(parser):
        check_export_options(arguments)
        run = open_run(arguments.run)
        net = build_h2l(run, arguments.run)
        shape, levels = measure_levels(read_frames(arguments.data, "train"))
        changes: dict[str, str] = {}
        if arguments.level_flats:
            pictures = read_typical_photographs(arguments.level_flats, _PICTURES, _PICTURE_SIDE)
            change = level_noisy_flats(net, [0.0, *np.quantile(levels, _LEVELS)], pictures)
            changes = note_levelling(change)
        metadata = {
            "name": arguments.name,
            "license": arguments.licence,
            "noise_levels": ",".join(f"{level:.4f}" for level in levels),
            **run.metadata,
            **changes,
        }
        save_model(arguments.output, net, metadata)
        written = load_h2l(arguments.output).net  # what is shipped is what is measured
        figures: Mapping[str, object] = {}
        if has_frames(arguments.data, "test"):
            figures = NoiseReport(read_frames(arguments.data, "test"), shape).measure(written)
            update_metadata(arguments.output, {"scores": json.dumps(figures)})
        card = describe(net, run, metadata, figures)
        write_card(arguments.output.with_suffix(".md"), card)
        print(card)


if __name__ == "__main__":
    main()
