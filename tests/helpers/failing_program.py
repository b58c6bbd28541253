"""Runs a developer command that must fail with one line."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable

import pytest

Fail = Callable[..., tuple[int, str]]


def make_fail(package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fail:
    """A function that runs ``python -m PACKAGE.PROGRAM WORDS...`` and returns its status and its only line."""

    def run(program: str, *words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", [program, *words])
        with pytest.raises(SystemExit) as stop:
            importlib.import_module(f"{package}.{program}").main()
        (line,) = capsys.readouterr().err.splitlines()
        assert re.match(r"[\w ./-]+: error: ", line)
        return stop.value.code, line

    return run
