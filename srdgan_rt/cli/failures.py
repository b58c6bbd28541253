"""Error handling of the command line: one line on stderr and an exit status; a traceback only with ``--debug``."""

from __future__ import annotations

import functools
import inspect
import re
import sys
import traceback
import typing
from collections.abc import Callable, Collection
from typing import Annotated, Any

import typer

from srdgan_rt.cli.ending import BROKEN_PIPE
from srdgan_rt.errors import BackendUnavailableError, InputError, describe, one_line
from srdgan_rt.signals import name_of, status_of

FAILED, WRONG_USAGE = 1, 2
"""Exit statuses: some input failed, the call itself was wrong."""

_WRONG_CALLS = (InputError, BackendUnavailableError)  # also an engine or device that is missing
_debug = False
_options: Collection[str] = ()  # of the command that runs
_DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")]


def handle_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the option ``--debug``, and turns whatever it raises into one line and an exit status."""

    @functools.wraps(command)
    def handled(*args: Any, debug: bool = False, **kwargs: Any) -> None:
        global _options
        _options = hints.keys()
        show_tracebacks(debug)
        try:
            command(*args, **kwargs)
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise  # typer's own way of ending
        except BrokenPipeError as error:  # no message: the reader is gone
            raise typer.Exit(BROKEN_PIPE) from error
        except (Exception, KeyboardInterrupt) as error:
            raise typer.Exit(say_end(error)) from error

    # typer reads the options from the signature; annotations that are text are resolved here, with the command's names.
    hints = typing.get_type_hints(command, include_extras=True)
    parameters = [
        parameter.replace(annotation=hints[name]) for name, parameter in inspect.signature(command).parameters.items()
    ]
    debug = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_DebugOption)
    handled.__signature__ = inspect.Signature([*parameters, debug])  # type: ignore[attr-defined]
    handled.__annotations__ = {**hints, "debug": _DebugOption}
    # One line a paragraph: the help is wrapped to the width of the terminal.
    handled.__doc__ = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.getdoc(command) or "")
    return handled


def show_tracebacks(wanted: bool) -> None:
    """Sets whether errors are shown with their tracebacks from now on."""
    global _debug
    _debug = wanted


def say_end(error: BaseException) -> int:
    """Prints the error that ends a command; returns the exit status."""
    if isinstance(error, KeyboardInterrupt):
        say(name_of(error))
        return status_of(error)
    say_failure(None, error)
    return WRONG_USAGE if isinstance(error, _WRONG_CALLS) else FAILED


def say(message: str) -> None:
    """Writes one line to stderr."""
    if sys.stderr is not None:  # where it is None, print would write to stdout
        print(f"srdgan-rt: {one_line(message)}", file=sys.stderr, flush=True)


def describe_failure(error: BaseException) -> str:
    """An error in one line; its advice names only options that the running command has."""
    return describe(error, _options)


def say_failure(subject: str | None, error: BaseException) -> None:
    """Writes an error to stderr in one line, after its traceback with ``--debug``.

    Args:
        subject: input that failed; None for the whole command.
        error: the error.
    """
    if _debug:
        traceback.print_exception(error)
    text = describe_failure(error)
    say(f"error: {text}" if subject is None or text.startswith(subject) else f"error: {subject}: {text}")
