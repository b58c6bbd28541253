"""The shipped models as parameters of tests."""

from __future__ import annotations

import pytest

from srdgan_rt.checkpoint import available_models
from srdgan_rt.checkpoint.locate import locate_model

_LARGE = 20_000_000  # bytes of weights


def shipped_models() -> list[object]:
    """Names for ``pytest.mark.parametrize``; tests of large models are slow."""
    return [
        pytest.param(name, marks=pytest.mark.slow) if locate_model(name).stat().st_size > _LARGE else name
        for name in available_models()
    ]
