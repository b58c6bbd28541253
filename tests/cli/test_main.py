"""The program around its commands: help, version, statuses, and what becomes of errors."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest
import typer

import srdgan_rt
from srdgan_rt.cli import COMMANDS, SUBCOMMANDS
from srdgan_rt.cli.failures import handle_errors
from srdgan_rt.errors import CheckpointError, ImageTooLargeError, InputError, one_line


def test_help_lists_the_commands(run):
    outcome = run("--help")
    assert outcome.status == 0
    assert all(command in outcome.out for command in COMMANDS)


SUMMARIES = {(name,): summary for name, summary in COMMANDS.items() if name not in SUBCOMMANDS} | {
    (group, name): summary for group, members in SUBCOMMANDS.items() for name, summary in members.items()
}


@pytest.mark.parametrize("words", SUMMARIES, ids=" ".join)
def test_every_command_has_help_and_the_summary_of_its_docstring(run, words):
    function = getattr(importlib.import_module(".".join(["srdgan_rt.cli", *words])), words[-1])
    assert function.__doc__.splitlines()[0] == SUMMARIES[words]
    outcome = run(*words, "--help")
    assert outcome.status == 0
    assert "--debug" in outcome.out


@pytest.mark.parametrize("group", SUBCOMMANDS)
def test_groups_list_their_commands(run, group):
    outcome = run(group, "--help")
    assert outcome.status == 0
    assert all(command in outcome.out for command in SUBCOMMANDS[group])
    assert run(group).err_lines == [f"srdgan-rt: error: Missing command. (srdgan-rt {group} -h helps)"]


def test_version(run):
    outcome = run("--version")
    assert outcome.status == 0
    assert outcome.out == f"srdgan-rt {srdgan_rt.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["--no-such-option"]])
def test_wrong_usage_is_status_2(run, arguments):
    assert run(*arguments).status == 2


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--sharpness", "3", "--sharpness must be at most 1, got '3'"),
        ("--max-pixels", "-1", "--max-pixels must be at least 0, got '-1'"),
        ("-s", "x", "--outscale must be a valid number, got 'x'"),
        ("--ext", "gif", "Invalid value for '--ext': 'gif' is not one of "),
    ],
)
def test_values_that_typer_refuses_are_one_line(run, option, value, message):
    outcome = run("upscale", "a.png", option, value)
    assert outcome.status == 2
    (line,) = outcome.err_lines
    assert line.startswith(f"srdgan-rt: error: {message}")
    assert line.endswith(" (srdgan-rt upscale -h helps)")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["upscale", "--help"], ["upscale"], ["nonsense"]])
def test_help_and_wrong_usage_do_not_load_pytorch(arguments):
    program = f"import sys, srdgan_rt.cli as cli\ntry: cli.main({arguments})\nfinally: sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment).returncode == 0


def test_broken_installation_is_one_line(tmp_path):
    """One process for all commands: loading torch takes seconds. stream needs none of the missing packages."""
    commands = [command for command in COMMANDS if command != "stream"]
    arguments = {
        "upscale": [str(tmp_path)],
        "degrade": [str(tmp_path), "-o", str(tmp_path)],
        "compare": ["a.png", "b.png", "-o", str(tmp_path / "a.html")],
        "export": ["-o", str(tmp_path / "a.onnx")],
        "engine": ["build"],
    }
    program = f"""
import sys, srdgan_rt.cli as cli
sys.modules.update({{"cv2": None, "safetensors": None}})
for arguments in {[[command, *arguments.get(command, [])] for command in commands]}:
    try:
        cli.main(arguments)
    except SystemExit as ended:
        print(ended.code)"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=environment, text=True, check=False
    )
    assert process.stdout.splitlines() == ["1"] * len(commands)
    assert len(process.stderr.splitlines()) == len(commands)
    assert all("unexpected ModuleNotFoundError: " in line for line in process.stderr.splitlines())


def run_handled(command, *arguments):
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(handle_errors(command))
    with pytest.raises(SystemExit) as exit_:
        app(args=list(arguments))
    return exit_.value.code


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (InputError("tile must be even, got 3"), 2, "error: tile must be even, got 3"),
        (CheckpointError("x.pth: damaged"), 1, "error: x.pth: damaged"),
        (PermissionError(13, "Permission denied", "a.png"), 1, "error: a.png: Permission denied"),
        (KeyError("colour"), 1, "error: unexpected KeyError: 'colour' (--debug shows where)"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_errors_are_one_line_and_a_status(capsys, error, status, text):
    def command() -> None:
        raise error

    assert run_handled(command) == status
    assert capsys.readouterr().err == f"srdgan-rt: {text}\n"


def test_debug_adds_the_traceback(capsys):
    def command() -> None:
        raise CheckpointError("damaged")

    assert run_handled(command, "--debug") == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith("srdgan-rt: error: damaged\n")


def test_status_of_a_command_passes_through(capsys):
    def command() -> None:
        raise typer.Exit(7)

    assert run_handled(command) == 7
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (MemoryError(), ", or choose a smaller --tile"),
        (ImageTooLargeError("a.png: too large"), "; lift it with --max-pixels if the file can be trusted"),
    ],
)
def test_advice_names_only_options_that_the_command_has(capsys, error, advice):
    def with_options(tile: int = 0, max_pixels: int = 0) -> None:
        raise error

    def without() -> None:
        raise error

    run_handled(with_options)
    run_handled(without)
    first, second = capsys.readouterr().err.splitlines()
    assert first == second + advice


def test_one_line_keeps_what_can_be_shown():
    assert one_line("Größe 图.png") == "Größe 图.png"
    assert one_line("a\nb\x1b[31m\udcff") == "a\\nb\\x1b[31m\\udcff"


def test_help_is_wrapped_to_the_terminal_and_not_to_the_source():
    def command() -> None:
        """Summary.

        A paragraph that is
        written in two lines.
        """

    assert handle_errors(command).__doc__ == "Summary.\n\nA paragraph that is written in two lines."
