"""Python programs in processes of their own, for what must be measured from the start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from srdgan_rt.errors import SrdganError


def run_python(words: Sequence[str], environment: Mapping[str, str], folder: Path | None = None) -> str:
    """Runs Python.

    Args:
        words: what follows ``python`` on a command line.
        environment: all its variables.
        folder: where it runs; None for here.

    Returns:
        What it prints.

    Raises:
        SrdganError: it failed, for the reason in the last line of its traceback.
    """
    command = [sys.executable, *words]
    result = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        line = (result.stderr.strip() or f"Python ended with status {result.returncode}").splitlines()[-1]
        raise SrdganError(line.partition(": ")[2] or line)  # without the name of the exception
    return result.stdout
