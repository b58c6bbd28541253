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
    if len(first) >= 3:
        assert set(before.values()) == {"train", "val", "test"}
