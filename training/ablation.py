"""What each part of the method gives: ``python -m training.ablation --config ... --data ... --run ... --gmsr ...``.

The paper's Fig. 6 and section 4.3 for a net of any size: trains the variants of a configuration one after the other
(each is resumed if it was interrupted, and skipped if it is finished) and scores all of them on the same data sets.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srdgan_rt.errors import InputError
from srdgan_rt.metrics import BASELINES, DataSet, Evaluation, Method, evaluate_data_set, open_data_set, render_markdown
from srdgan_rt.runtime import Upscaler
from srdgan_rt.signals import INTERRUPTED
from training.cli.options import add_gmsr, make_stage_parser
from training.cli.parser import one_line_errors
from training.config import JointConfig, L2HConfig, build_config, read_table
from training.loop.checkpoints import checkpoint_path
from training.publish.card import write_card
from training.stages import joint, l2h


@dataclass(frozen=True)
class Variant:
    """One row of the table."""

    name: str
    config: L2HConfig | JointConfig

    @property
    def uses_gmsr(self) -> bool:
        """Whether it is trained on generated pairs."""
        return self.config.batch.counts["gmsr"] > 0

    @property
    def uses_features(self) -> bool:
        """Whether it has a feature loss."""
        return self.config.feature_weight > 0


def read_variants(path: Path, runs: Path) -> tuple[list[str], list[Variant]]:
    """Reads an ablation.

    Args:
        path: a TOML file with ``data_sets``, the keys of the stage l2h in ``[base]``, those of the stage joint in
            ``[joint]``, and the ``[[variants]]``: each has a ``name`` and whatever it has instead of the base. One
            with ``joint_from``, the name of one before it, is that one fine-tuned together with the high-to-low net.
        runs: folder of the runs.

    Returns:
        Names of the data sets, and the variants in their order.

    Raises:
        InputError: a key is unknown, a value is of the wrong type or range, two variants have one name, or a variant
            starts from none before it.
    """
    table = read_table(path)
    unknown = sorted(set(table) - {"data_sets", "base", "joint", "variants"})
    if unknown:
        raise InputError(f"{path.name}: unknown key {unknown[0]!r}; known keys: data_sets, base, joint, variants")
    for key, kind, words in (*((key, dict, "a table") for key in ("base", "joint")), ("data_sets", list, "a list")):
        if not isinstance(table.get(key, kind()), kind):
            raise InputError(f"{path.name}: {key} must be {words}, got {table[key]!r}")
    entries = table.get("variants", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path.name}: variants must be tables, [[variants]], got {entries!r}")
    variants: list[Variant] = []
    for entry in entries:
        changes = dict(entry)
        origin = changes.pop("joint_from", None)
        where = f"{path.name}: variant {changes.get('name')!r}"
        names = [variant.name for variant in variants]
        if origin is None:
            config: L2HConfig | JointConfig = build_config(L2HConfig, merge(table.get("base", {}), changes), where)
        elif origin not in names:
            raise InputError(f"{where}: joint_from must name a variant before it, got {origin!r}")
        else:
            start = {"l2h_init": str(checkpoint_path(runs / origin))}
            config = build_config(JointConfig, merge(merge(table.get("joint", {}), start), changes), where)
        if config.name in names:
            raise InputError(f"{where}: names of variants must differ, as their folders have them")
        variants.append(Variant(config.name, config))
    if not variants:
        raise InputError(f"{path.name}: there are no variants")
    return [str(name) for name in table.get("data_sets", [])], variants


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The base with what is changed, table by table."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def train_variants(variants: Sequence[Variant], arguments: argparse.Namespace) -> bool:
    """Trains the variants in order, as one may start from an earlier one. False if it was stopped."""
    for variant in variants:
        train = joint.train if isinstance(variant.config, JointConfig) else l2h.train
        folder = arguments.run / variant.name
        vgg = arguments.vgg if variant.uses_features else None
        gmsr = arguments.gmsr if variant.uses_gmsr else None
        if not train(variant.config, arguments.data, folder, vgg, gmsr, arguments.tensorboard):  # type: ignore[arg-type]
            return False
    return True


def score_variants(variants: Sequence[Variant], data_sets: Sequence[DataSet], runs: Path) -> list[Evaluation]:
    """Scores the EMA of the newest checkpoints, and bicubic interpolation."""
    methods: dict[str, Method] = {"bicubic interpolation": BASELINES["bicubic"]}
    for variant in variants:
        upscaler = Upscaler(checkpoint_path(runs / variant.name), device="cpu", precision="fp32")
        methods[variant.name] = lambda sample, upscaler=upscaler: upscaler.upscale(sample.low)  # type: ignore[misc]
    return [evaluate_data_set(data_set, methods) for data_set in data_sets]


def main() -> None:
    """Command line."""
    parser = make_stage_parser(__doc__)
    add_gmsr(parser)
    arguments = parser.parse_args()
    with one_line_errors(parser):
        names, variants = read_variants(arguments.config, arguments.run)
        uses_gmsr = any(variant.uses_gmsr for variant in variants)
        if arguments.gmsr is None and uses_gmsr:
            raise InputError("there are variants with generated pairs: give their folder by --gmsr")
        if arguments.gmsr is not None and not uses_gmsr:
            raise InputError("batch.gmsr of a variant must be above 0 where --gmsr is given, got 0 in all")
        if arguments.vgg is not None and not any(variant.uses_features for variant in variants):
            raise InputError("weights.feature of a variant must be above 0 where --vgg is given, got 0 in all")
        data_sets = [open_data_set(arguments.data / name) for name in names]  # before hours of training
        if not train_variants(variants, arguments):
            sys.exit(INTERRUPTED)
        evaluations = score_variants(variants, data_sets, arguments.run)
        text = render_markdown(evaluations)
        write_card(arguments.run / "ablation.md", text)
        print(text)


if __name__ == "__main__":
    main()
