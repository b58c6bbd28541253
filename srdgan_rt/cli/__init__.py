"""The command line, ``srdgan-rt``: one file per command."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

import srdgan_rt
from srdgan_rt.cli.completion import read_typed_words
from srdgan_rt.cli.ending import (
    BROKEN_PIPE,
    discard_streams,
    escape_unknown_characters,
    flush_streams,
)
from srdgan_rt.cli.failures import WRONG_USAGE, handle_errors, say, say_end, show_tracebacks
from srdgan_rt.signals import stop_on_signals

COMMANDS = {
    "upscale": "Enlarges and denoises pictures.",
    "stream": "Enlarges raw frames from a pipe, without PyTorch.",
    "degrade": "Makes training pairs from clean photographs: each with a small, noisy copy as a phone would take it.",
    "evaluate": "Scores models and baselines on data sets; without -n, bicubic and the default model.",
    "compare": "Writes a page that compares pictures of one scene: zoom, slider, side by side, difference.",
    "serve": "Serves a local page that enlarges pictures: drop one, choose a region, compare, save.",
    "export": "Writes a model as an ONNX graph for pictures of any size, or as weights for other programs.",
    "engine": "Builds, lists, verifies and removes TensorRT engines.",
    "noise": "Compares generated noise with that of real photographs.",
    "info": "Shows versions, the build, and which engines, ops and models can be used here.",
    "bench": "Times the engines on this machine's CPU.",
}
"""Every command and its line in the overview: the first line of its docstring, kept here because reading the docstring
would load PyTorch."""

SUBCOMMANDS = {
    "engine": {
        "build": "Builds a TensorRT engine; no GPU is needed with TensorRT-RTX.",
        "ls": "Lists the engines that are kept.",
        "verify": "Checks that engines are whole, and for which GPUs they are; needs neither a GPU nor TensorRT.",
        "gc": "Removes damaged engines, those of other versions, and the least used ones beyond a limit.",
    }
}
"""The commands of a command, with their summaries: one module each in a package of the command's name."""

_UsageError: Any = typer.BadParameter.__mro__[1]  # click's UsageError, or typer's copy of it


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command and ends the process.

    The exit status is 0 where all is done, 1 where some input failed, 2 for wrong usage, and 128 plus the signal's
    number after a signal: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP, 141 where the reader of the output is gone.

    Args:
        arguments: the command line without the program's name; None for that of this process.

    Raises:
        SystemExit: always, with the exit status.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    typed = read_typed_words()
    wanted = next((word for word in (arguments if typed is None else typed) if not word.startswith("-")), None)
    escape_unknown_characters()
    try:
        with stop_on_signals():
            try:
                app = _make_app(wanted)
            except (Exception, KeyboardInterrupt) as error:  # a dependency is missing or broken, or Ctrl-C
                show_tracebacks("--debug" in arguments)
                sys.exit(say_end(error))
            try:
                status = app(args=arguments or ["--help"], prog_name="srdgan-rt", standalone_mode=False)
            except _UsageError as error:  # in one line, like all errors
                say(f"error: {_describe_usage(error)} ({' '.join(['srdgan-rt', *_list_command(wanted)])} -h helps)")
                status = WRONG_USAGE
            finally:
                flush_streams()
            sys.exit(status if arguments else WRONG_USAGE)
    except BrokenPipeError:
        sys.exit(BROKEN_PIPE)
    except OSError as error:  # the disk below stdout is full
        sys.exit(say_end(error))
    finally:
        discard_streams()


def _describe_usage(error: Any) -> str:
    """An error of typer; the rule and the value where pydantic, by which newer versions check values, found it."""
    found = error.__cause__.errors() if hasattr(error.__cause__, "errors") else []
    if not found or not found[0]["msg"].startswith("Input should be "):
        return str(error.format_message()).replace(": Value error, ", ": ")
    rule = found[0]["msg"].removeprefix("Input should ").partition(", unable")[0]
    rule = rule.replace("less than or equal to", "at most").replace("greater than or equal to", "at least")
    return f"{max(error.param.opts, key=len)} must {rule}, got {found[0]['input']!r}"


def _list_command(wanted: str | None) -> list[str]:
    return [wanted] if wanted in COMMANDS else []


def _add_group(app: typer.Typer, name: str, summary: str) -> None:
    group = typer.Typer(help=summary)
    for subcommand in SUBCOMMANDS[name]:
        function = getattr(importlib.import_module(f"{__name__}.{name}.{subcommand}"), subcommand)
        group.command(subcommand)(handle_errors(function))
    app.add_typer(group, name=name)


def _make_app(wanted: str | None) -> typer.Typer:
    """The application; only the wanted command is imported, so that ``--help`` need not load PyTorch."""
    app = typer.Typer(
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_describe_program)
    for name, summary in COMMANDS.items():
        if name == wanted and name in SUBCOMMANDS:
            _add_group(app, name, summary)
        elif name == wanted:
            function = getattr(importlib.import_module(f"{__name__}.{name}"), name)
            app.command(name)(handle_errors(function))
        else:
            app.command(name, help=summary)(_never_called)
    return app


def _never_called() -> None:
    raise AssertionError("a command that was not asked for")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"srdgan-rt {srdgan_rt.__version__}")
        raise typer.Exit


def _describe_program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """x4 super-resolution and denoising of phone photographs."""
