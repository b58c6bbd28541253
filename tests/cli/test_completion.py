"""Completion in shells: what is offered for a command line that is being typed."""

import shutil
import subprocess
import sys

import pytest
from typer.completion import get_completion_script

from srdgan_rt.checkpoint import available_degradations, available_models
from srdgan_rt.cli import COMMANDS, options
from srdgan_rt.runtime.backend import DTYPES
from srdgan_rt.runtime.engines.registry import ENGINES


@pytest.fixture
def complete(run, monkeypatch):
    """The words that bash is offered."""

    def complete(line):
        words = line.split(" ")
        monkeypatch.setenv("_SRDGAN_RT_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        return run().out.split()

    return complete


def test_commands(complete):
    assert complete("srdgan-rt ") == list(COMMANDS)
    assert complete("srdgan-rt up") == ["upscale"]


def test_options_of_a_command(complete):
    assert {"--denoise", "--device", "--debug"} == set(complete("srdgan-rt upscale --de"))
    assert complete("srdgan-rt engine l") == ["ls"]


def test_values(complete):
    assert complete("srdgan-rt upscale a.jpg -n ") == [*available_models(), "auto"]
    assert complete("srdgan-rt bench -n ") == available_models()
    assert complete("srdgan-rt degrade a.jpg -n ") == complete("srdgan-rt noise a -n ") == available_degradations()
    mixed = available_models()[0]
    assert complete(f"srdgan-rt upscale -n x.pth:0.5+{mixed[:-1]}") == [f"x.pth:0.5+{mixed}"]
    assert complete("srdgan-rt upscale --engine t") == ["torch", "tensorrt"]
    assert complete("srdgan-rt upscale --precision int") == ["int8"]
    assert complete("srdgan-rt upscale --ext a") == ["auto", "avif"]
    assert complete("srdgan-rt evaluate a -n bicubic") == ["bicubic", "bicubic-clean"]
    assert complete("srdgan-rt evaluate a -n au") == ["auto"]


def test_names_of_the_options_are_those_of_the_runtime():
    assert sorted(options.ENGINES) == sorted(["auto", *(engine.NAME for engine in ENGINES)])
    assert list(options.PRECISIONS) == ["auto", *DTYPES]


@pytest.fixture
def script(tmp_path):
    """Writes the script that ``--install-completion`` writes for a shell."""

    def write(shell):
        path = tmp_path / "script"
        text = get_completion_script(prog_name="srdgan-rt", complete_var="_SRDGAN_RT_COMPLETE", shell=shell)
        path.write_text(text)
        return path

    return write


def find_shell(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    return shell


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_accepted_by_their_shells(shell, script):
    subprocess.run([find_shell(shell), "-n", script(shell)], check=True, capture_output=True)


@pytest.mark.slow
def test_fish_completes(script, tmp_path):
    shell = find_shell("fish")
    program = tmp_path / "srdgan-rt"
    program.write_text(f"#!{sys.executable}\nfrom srdgan_rt.cli import main\nmain()\n")
    program.chmod(0o755)
    command = f"set -x PATH {tmp_path} $PATH; source {script('fish')}; complete -C 'srdgan-rt upscale --engine na'"
    result = subprocess.run([shell, "-c", command], check=True, capture_output=True, text=True)
    assert result.stdout.split() == ["native"]
