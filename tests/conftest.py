"""Fixtures shared by all tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

_ROOT = Path(__file__).resolve().parents[1]
_SHARED_DATA = _ROOT.parent / "shared" / "data"

# The trainer, the benchmarks and the examples are not installed. They go to the end of the path, so that an installed
# package is tested rather than the source tree.
sys.path.append(str(_ROOT))

# Per property; .ci/run tries more (pytest --hypothesis-profile=thorough). No deadline, as machines may be busy.
settings.register_profile("quick", max_examples=30, deadline=None)
settings.register_profile("thorough", max_examples=200, deadline=None)
settings.load_profile("quick")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The evaluation data beside a checkout; tests that use them are skipped if they are absent."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("the evaluation data are not there: ../shared/data")
    return _SHARED_DATA
