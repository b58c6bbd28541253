from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from training.bursts.split import assign_splits


def test_the_papers_numbers() -> None:
    splits = assign_splits([f"scene {number}" for number in range(447)], {})
    assert Counter(splits.values()) == {"train": 400, "val": 27, "test": 20}


@given(st.sets(st.text(min_size=1), max_size=40), st.sets(st.text(min_size=1), max_size=10))
def test_splits_hold_when_scenes_are_added(first: set[str], more: set[str]) -> None:
    before = assign_splits(first, {})
    assert assign_splits(sorted(first, reverse=True), {}) == before
    after = assign_splits(first | more, before)
    assert {name: after[name] for name in first} == before
    assert set(after) == first | more
    expected = {0: set(), 1: {"train"}, 2: {"train", "test"}}.get(len(first), {"train", "val", "test"})
    assert set(before.values()) == expected


def test_the_first_scene_trains_and_the_second_tests() -> None:
    """Photographed one after the other, whatever their names."""
    known: dict[str, str] = {}
    for number, split in enumerate(("train", "test", "val")):
        known = assign_splits([*known, f"scene {number}"], known)
        assert known[f"scene {number}"] == split
