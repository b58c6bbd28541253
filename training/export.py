"""Turns a run into a model with its card: ``python -m training.export --run ... --name ... --licence ... ...``.

Writes the averaged weights of the low-to-high net with their description, scores that very file by the evaluation
protocol, and puts the scores into the file and into a model card beside it. What the card says of the training comes
from the record in the checkpoint. Name and licence are the caller's: nobody else can know them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.checkpoint.load import build_network
from srdgan_rt.errors import CheckpointError, InputError
from srdgan_rt.models import L2HNet
from training.cli.options import check_export_options, make_export_parser
from training.cli.parser import one_line_errors
from training.loop.checkpoints import checkpoint_path
from training.publish.card import describe_scores, list_training
from training.publish.score import Scores, score
from training.publish.trained_run import TrainedRun, open_run


def build_l2h(run: TrainedRun, folder: Path) -> L2HNet:
    """The low-to-high net of a run, with its averaged weights; InputError if there is none."""
    try:
        net, _ = build_network(run.weights("params_ema"))
    except CheckpointError as error:
        raise InputError(f"{checkpoint_path(folder)} holds no low-to-high net: {error}") from error
    return net


def describe(name: str, net: L2HNet, run: TrainedRun, metadata: Mapping[str, str], scores: Scores) -> str:
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
        *list_training(run.record, run.iterations),
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
        "--border-padding", type=int, default=0, help="pixels by which pictures are extended by mirroring"
    )
    arguments = parser.parse_args()
    with one_line_errors(parser):
        check_export_options(arguments)
        run = open_run(arguments.run)
        net = build_l2h(run, arguments.run)
        metadata = {
            "name": arguments.name,
            "license": arguments.licence,
            "halo": str(arguments.halo),
            "border_padding": str(arguments.border_padding),
            **run.metadata,
        }
        save_model(arguments.output, net, metadata)
        load_model(arguments.output)  # what cannot be read again is not shipped
        scores = score(arguments.output, arguments.data)
        if scores:
            ours = {name: row["this model"] for name, row in scores.items()}
            save_model(arguments.output, net, metadata | {"scores": json.dumps(ours)})
        card = describe(arguments.name, net, run, metadata, scores)
        arguments.output.with_suffix(".md").write_text(card, encoding="utf-8")
        print(card)


if __name__ == "__main__":
    main()
