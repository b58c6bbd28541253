"""The choice of the instruction set. `.ci/run` runs the tests marked ``isa`` with each one that this processor has."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from srdgan_rt import _ext

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))


def test_the_best_instruction_set_is_taken() -> None:
    if not os.environ.get("SRDGAN_RT_CPU_ISA"):
        assert _ext.cpu_isa() == _ext.cpu_isas()[0]


def test_an_unknown_instruction_set_is_refused() -> None:
    program = "from srdgan_rt import _ext; print(_ext.why_not())"
    environment = {**os.environ, "SRDGAN_RT_CPU_ISA": "sse9"}
    folder = Path(__file__).parent  # not the root of the source tree, whose package would hide an installed one
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert re.search(r"SRDGAN_RT_CPU_ISA must be .*portable, got sse9", result.stdout)
