"""Fixtures shared by all tests."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from srdgan_rt.models.vgg import list_convolutions

_ROOT = Path(__file__).resolve().parents[1]
_SHARED_DATA = _ROOT.parent / "shared" / "data"

# The trainer, the benchmarks and the examples are not installed. They go to the end of the path, so that an installed
# package is tested rather than the source tree.
sys.path.append(str(_ROOT))

# Per property; .ci/run tries more (pytest --hypothesis-profile=thorough). No deadline, as machines may be busy.
settings.register_profile("quick", max_examples=30, deadline=None)
settings.register_profile("thorough", max_examples=200, deadline=None)
settings.load_profile("quick")

# Background jobs of a shell ignore Ctrl-C, and their children do, too. Tests that send it want Python's own handler.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The evaluation data beside a checkout; tests that use them are skipped if they are absent."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("the evaluation data are not there: ../shared/data")
    return _SHARED_DATA


@pytest.fixture(scope="session")
def vgg16(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in the form of VGG16's, of all its convolutions, with four channels and random weights."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("vgg16") / "vgg16.npz"
    arrays, channels = {}, 3
    for name in list_convolutions("vgg16"):
        arrays[f"{name}.weight"] = rng.normal(0, (2 / (9 * channels)) ** 0.5, (4, channels, 3, 3)).astype(np.float32)
        arrays[f"{name}.bias"] = rng.normal(0, 0.1, 4).astype(np.float32)
        channels = 4
    np.savez(path, **arrays)
    return path
