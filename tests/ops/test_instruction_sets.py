"""The tests marked ``isa``, with every instruction set that this processor has."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from srdgan_rt import _ext

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

# The instruction set is chosen once in a process. Tests must not be skipped because the extension does not load.
PROGRAM = """
import sys
import pytest
from srdgan_rt import _ext
if _ext.why_not():
    sys.exit(_ext.why_not())
print(_ext.cpu_isa())
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-m", "isa", *sys.argv[1:]]))
"""


def run(program: str, isa: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SRDGAN_RT_CPU_ISA": isa, "OMP_NUM_THREADS": "1"}
    # Not from the root of the source tree, whose package would hide an installed one.
    folder = Path(__file__).parent
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_ops() -> None:
    isas = _ext.cpu_isas()
    assert isas[-1] == "portable"
    for isa in isas:
        if isa == _ext.cpu_isa():  # what all other tests run with
            continue
        result = run(PROGRAM, isa, str(Path(__file__).parent))
        assert result.returncode == 0, result.stdout + result.stderr
        assert result.stdout.startswith(f"{isa}\n")
        assert " passed" in result.stdout
        assert "skipped" not in result.stdout


def test_the_best_instruction_set_is_taken() -> None:
    if not os.environ.get("SRDGAN_RT_CPU_ISA"):
        assert _ext.cpu_isa() == _ext.cpu_isas()[0]


def test_an_unknown_instruction_set_is_refused() -> None:
    result = run("from srdgan_rt import _ext; print(_ext.why_not())", "sse9")
    assert re.search(r"SRDGAN_RT_CPU_ISA must be .*portable, got sse9", result.stdout)
