"""Assigns scenes to training, validation and test."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

SPLITS = ("train", "val", "test")
_PARTS = {"val": 27 / 447, "test": 20 / 447}  # the paper, section 3.1: 400, 27 and 20 of 447 scenes
_FEWEST = {"val": 3, "test": 2}  # scenes from which on a split gets one


def assign_splits(scenes: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """Divides scenes as the paper does, in an order that depends on their names alone.

    A scene keeps the split it has once been given, or a scene of the test set could turn up in training after more
    scenes were photographed.

    Args:
        scenes: names.
        known: splits that were given before.

    Returns:
        One of ``SPLITS`` for each scene. A single scene is for training; of two one is for the test; from three on each
        split has one.
    """
    names = sorted(set(scenes), key=lambda name: hashlib.sha256(name.encode()).digest())
    splits = {name: known[name] for name in names if name in known}
    used = Counter(splits.values())
    for split, part in _PARTS.items():
        quota = max(1, round(len(names) * part)) if len(names) >= _FEWEST[split] else 0
        new = [name for name in names if name not in splits][: max(0, quota - used[split])]
        splits |= dict.fromkeys(new, split)
    return {name: splits.get(name, "train") for name in names}
