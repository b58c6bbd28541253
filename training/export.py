"""Turns a run into a model with its card: ``python -m training.export --run ... --name ... --licence ... ...``.

Writes the averaged weights of the low-to-high net with their description, scores that very file by the evaluation
protocol, and puts the scores into the file and into a model card beside it. What the card says of the training comes
from the record in the checkpoint. Name and licence are the caller's: nobody else can know them.

With ``--mix FILE:SHARE``, they are mixed with other weights of the same sizes (network interpolation). With
``--level-flats FOLDER``, flat areas are made to keep their colour (:mod:`training.publish.level_flats`).

An ``--output`` that ends in ``.sharp.safetensors`` makes a pair with the faithful weights beside it (``NAME.sharp`` and
``NAME``), whose default sharpness is ``--sharpness``. The scores are then those of the pair, and both cards name it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from srdgan_rt.checkpoint import Model, load_model, save_model
from srdgan_rt.checkpoint.load import build_network
from srdgan_rt.checkpoint.mix import mix_models, parse_share
from srdgan_rt.checkpoint.pair import SHARPNESS_KEY, check_sharpness, faithful_path
from srdgan_rt.checkpoint.save import update_metadata
from srdgan_rt.errors import CheckpointError, InputError
from srdgan_rt.models import L2HNet
from training.cli.options import DATA_HELP, check_export_options, make_export_parser
from training.cli.parser import one_line_errors
from training.data.typical import read_typical
from training.loop.checkpoints import checkpoint_path
from training.publish.card import (
    NOT_KNOWN,
    describe_scores,
    list_changes,
    list_training,
    note_levelling,
    write_card,
)
from training.publish.level_flats import level_flats
from training.publish.score import Scores, score
from training.publish.trained_run import TrainedRun, open_run

_PICTURES, _PICTURE_SIDE = 16, 64  # on which flats are levelled

_HALO, _SHARP = "- Halo for tiles:", "- Sharp weights:"
"""Beginnings of lines in a card."""


def build_l2h(run: TrainedRun, folder: Path) -> L2HNet:
    """The low-to-high net of a run, with its averaged weights; InputError if there is none."""
    try:
        net, _ = build_network(run.weights("params_ema"))
    except CheckpointError as error:
        raise InputError(f"{checkpoint_path(folder)} holds no low-to-high net: {error}") from error
    return net


def mix_with(net: L2HNet, mix: str) -> tuple[L2HNet, dict[str, str]]:
    """Mixes a network with other weights.

    Args:
        net: the network of the run.
        mix: ``FILE:SHARE``, or the name of a shipped model in place of the file.

    Returns:
        The mix, and what its metadata say of it.

    Raises:
        InputError: the text is not of this form.
        CheckpointError: the other weights cannot be read, or are of other sizes.
    """
    name, share = parse_share(mix) or ("", 0.0)
    if not 0 < share < 1:
        raise InputError(f"--mix must be FILE:SHARE with a share between 0 and 1, got {mix!r}")
    other = load_model(name)
    mixed = mix_models(mix, [Model.from_net(net), other], [1 - share, share])
    source = f"{other.spec.name} (SHA-256 {other.digest[:16]})"
    facts = {"mix": f"{1 - share:g} of the run and {share:g} of {source}"}
    data = other.metadata.get("training_data", NOT_KNOWN)
    return mixed.net, facts | {"mixed_training_data": f"{source}: {data}"}


def describe(
    name: str, net: L2HNet, run: TrainedRun, metadata: Mapping[str, str], scores: Scores, pair: Sequence[str] = ()
) -> str:
    """The model card, as Markdown; ``pair`` is what :func:`join_pair` says."""
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
        *list_changes(metadata),
        *pair,
        f"{_HALO} {metadata['halo']} low-resolution pixels (see docs/design/seams.md).",
        "",
        *describe_scores(
            scores,
            rows,
            "PSNR (dB) and SSIM on Y by the protocol of docs/evaluation.md:",
            "Not scored: no evaluation set was there when the weights were exported.",
        ),
    ]
    return "\n".join(lines) + "\n"


def join_pair(faithful: Path, sharp: Path, sharpness: float) -> str:
    """Makes a pair of two weight files: states the default sharpness in the faithful one and in its card.

    Args:
        faithful: weight file.
        sharp: the sharp weights beside it.
        sharpness: default of the pair.

    Returns:
        An item of a Markdown list, for the card of the sharp weights.

    Raises:
        CheckpointError: the two cannot be mixed.
    """
    load_model(faithful, sharpness=0.5)
    update_metadata(faithful, {SHARPNESS_KEY: f"{sharpness:g}"})
    card = faithful.with_suffix(".md")
    default = f"the default sharpness is {sharpness:g}."
    if card.is_file():
        lines = [line for line in card.read_text(encoding="utf-8").splitlines() if not line.startswith(_SHARP)]
        place = next((index for index, line in enumerate(lines) if line.startswith(_HALO)), len(lines))
        lines.insert(place, f"{_SHARP} `{sharp.name}`; {default}")
        write_card(card, "\n".join(lines) + "\n")
    return f"- These are the sharp weights of a pair; the faithful ones are `{faithful.name}`; {default}"


def main() -> None:
    """Command line of the export."""
    parser = make_export_parser(__doc__, "folder with the evaluation sets; those that are there are scored")
    parser.add_argument("--halo", type=int, required=True, help="measured halo for tiles, low-resolution pixels")
    parser.add_argument(
        "--border-padding", type=int, default=0, help="pixels by which pictures are extended by mirroring"
    )
    parser.add_argument("--mix", metavar="FILE:SHARE", help="other weights of the same sizes, and their share")
    parser.add_argument(
        "--level-flats",
        type=Path,
        metavar="FOLDER",
        help=f"make flat areas keep their colour; {DATA_HELP}",
    )
    parser.add_argument("--sharpness", type=float, help="default of the pair, 0..1, for sharp weights (default: 0)")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        check_export_options(arguments)
        output: Path = arguments.output
        faithful = faithful_path(output)
        if faithful is None and arguments.sharpness is not None:
            raise InputError("--sharpness is for sharp weights, whose --output ends in .sharp.safetensors")
        if faithful is not None and not faithful.is_file():
            raise InputError(f"{output.name} are the sharp weights of {faithful}: there is no such file")
        sharpness = check_sharpness(arguments.sharpness or 0.0)
        run = open_run(arguments.run)
        net = build_l2h(run, arguments.run)
        changes: dict[str, str] = {}
        if arguments.mix:
            net, changes = mix_with(net, arguments.mix)
        if arguments.level_flats:
            change = level_flats(net, read_typical(arguments.level_flats, _PICTURES, _PICTURE_SIDE))
            changes |= note_levelling(change)
        metadata = {
            "name": arguments.name,
            "license": arguments.licence,
            "halo": str(arguments.halo),
            "border_padding": str(arguments.border_padding),
            **run.metadata,
            **changes,
        }
        save_model(output, net, metadata, base=faithful)
        load_model(output)  # what cannot be read again is not shipped
        rows = {"this model": (output, 0.0)}
        pair = []
        if faithful is not None:
            pair = [join_pair(faithful, output, sharpness)]
            rows = {f"sharpness {share:g}": (faithful, share) for share in sorted({0.0, sharpness or 0.5, 1.0})}
        scores = score(rows, arguments.data)
        if scores:
            ours = {name: list(row.values())[-1] for name, row in scores.items()}  # the last row is that of this file
            update_metadata(output, {"scores": json.dumps(ours)})
        card = describe(arguments.name, net, run, metadata, scores, pair)
        write_card(output.with_suffix(".md"), card)
        print(card)


if __name__ == "__main__":
    main()
