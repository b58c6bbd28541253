"""Every fuzz target, in a process of its own, because a decoder that crashes takes its process with it."""

import subprocess
import sys
from pathlib import Path

import pytest

TARGETS = ["packed", "pictures", "weights"]


def _fuzz(target, count):
    command = [sys.executable, "-m", f"tests.fuzz.{target}", "--count", str(count)]
    ran = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=1200)
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-5000:]


@pytest.mark.parametrize("target", TARGETS)
def test_some_damage(target):
    _fuzz(target, 100)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_much_damage(target):
    _fuzz(target, 2000)
