"""Ctrl-C while a program is loaded, which takes seconds, and once it works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from srdgan_rt.signals import end_while_loading, stop_on_signals

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("module", "slow"),
    [
        ("srdgan_rt", "typer"),
        ("training.pack", "cv2"),
        ("training.train_l2h", "torch"),
        ("benchmarks.low_precision_speed", "torch"),
    ],
)
def test_ctrl_c_while_a_program_is_loaded_ends_it_quietly(module: str, slow: str, tmp_path: Path) -> None:
    """In place of a large module, one that tells when it is being loaded, and waits."""
    (tmp_path / f"{slow}.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(60)\n")
    with subprocess.Popen(
        [sys.executable, "-m", module],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a test in the background may ignore it
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "")


@pytest.fixture
def _ctrl_c_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_as_before")
def test_ctrl_c_is_an_exception_once_the_work_begins() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end_while_loading()
    with pytest.raises(KeyboardInterrupt), stop_on_signals():
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("_ctrl_c_as_before")
def test_an_ignored_ctrl_c_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_while_loading()
    with stop_on_signals():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
