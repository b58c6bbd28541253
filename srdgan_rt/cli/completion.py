"""What the shell completes: command lines that are being typed, and the values of options."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence

_COMMAND_LINE = ("_TYPER_COMPLETE_ARGS", "COMP_WORDS")  # where zsh and fish, and bash, pass what has been typed


def read_typed_words() -> list[str] | None:
    """The words after the program's name that have been typed so far; None where no shell asks for completion."""
    if "_SRDGAN_RT_COMPLETE" not in os.environ:
        return None
    text = next((os.environ[name] for name in _COMMAND_LINE if name in os.environ), "")
    try:
        return shlex.split(text)[1:]
    except ValueError:  # a quotation mark is still open
        return text.split()[1:]


def complete_model(incomplete: str) -> list[str]:
    """Names of shipped models that begin like this; also the last one of a mix, as in ``a:0.7+b``."""
    from srdgan_rt.checkpoint.shipped import available_models

    mixed, plus, last = incomplete.rpartition("+")
    return [mixed + plus + name for name in available_models() if name.startswith(last)]


def complete_degradation(incomplete: str) -> list[str]:
    """Names of shipped high-to-low nets that begin like this."""
    from srdgan_rt.checkpoint.shipped import available_degradations

    return offer(available_degradations())(incomplete)


def complete_model_or_auto(incomplete: str) -> list[str]:
    """The same, with the choice by the noise."""
    return [*complete_model(incomplete), *offer(("auto",))(incomplete)]


def complete_method(incomplete: str) -> list[str]:
    """The same, with the baselines of ``evaluate``."""
    from srdgan_rt.metrics import BASELINES

    return [*complete_model_or_auto(incomplete), *offer(tuple(BASELINES))(incomplete)]


def offer(words: Sequence[str]) -> Callable[[str], list[str]]:
    """Makes a function that gives those of the words that begin as has been typed."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete
