"""The documentation's links, commands and options exist."""

from __future__ import annotations

import dataclasses
import importlib
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from srdgan_rt.cli import COMMANDS, SUBCOMMANDS, main
from srdgan_rt.files.result import Result

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "srdgan_rt" / "weights").glob("*.md")])
CARDS = {path for path in PAGES if path.parent.name == "weights"}  # they state the commands of their time


def strip_code(text: str) -> str:
    """The text without blocks of code, in which a bracket is no link and a number sign no heading."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def list_anchors(path: Path) -> set[str]:
    """Anchors of a page's headings as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", strip_code(path.read_text(encoding="utf-8")), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = strip_code(page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue  # another site
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if anchor and path.suffix == ".md":
            assert anchor in list_anchors(path), target


def list_commands() -> list[list[str]]:
    """Words of every command in blocks of code and between backticks, without comments."""
    commands = []
    for page in PAGES:
        if page in CARDS or page.name == "CHANGELOG.md":
            continue
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        lines = [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", strip_code(text))
        for line in lines:
            try:
                words = shlex.split(line, comments=True)
            except ValueError:
                continue  # a quotation, not a command
            if words[:1] == ["srdgan-rt"] or words[:2] == ["python", "-m"]:
                commands.append(words)
    return commands


def list_options(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if re.fullmatch(r"--?[a-z][\w-]*(=.*)?", word)}


def is_ours(words: list[str]) -> bool:
    """Whether it is a program of this repository, and one with a name: ``benchmarks.X`` stands for any."""
    return words[0] == "python" and re.fullmatch(r"(training|benchmarks|examples)\.[a-z]\w+", words[2]) is not None


MODULES = sorted({words[2] for words in list_commands() if is_ours(words)})


def read_help(run: Callable[[list[str]], object], words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stop:
        run([*words, "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


def assert_known(options: Iterable[str], known: str) -> None:
    missing = [option for option in options if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", known)]
    assert not missing


@pytest.mark.parametrize("name", MODULES)
def test_programs_and_their_options_exist(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = importlib.import_module(name)
    commands = [words[3:] for words in list_commands() if words[2:3] == [name]]

    def run(words: list[str]) -> None:
        monkeypatch.setattr(sys, "argv", [name, *words])
        module.main()

    known = read_help(run, [], capsys)
    for command in sorted({words[0] for words in commands if words} & {"join", "split"}):  # of training.shards
        known += read_help(run, [command], capsys)
    assert_known(set().union(*map(list_options, commands)), known)


FULL_NAMES = [[name, *rest] for name in COMMANDS for rest in ([[sub] for sub in SUBCOMMANDS.get(name, ())] or [[]])]


@pytest.mark.parametrize("name", FULL_NAMES, ids=" ".join)
def test_options_of_srdgan_rt_exist(
    name: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # or long options are cut off
    known = read_help(main, name, capsys)
    for words in list_commands():
        if words[: len(name) + 1] == ["srdgan-rt", *name]:
            assert_known(list_options(words[len(name) + 1 :]), known)


def test_every_command_that_is_shown_exists() -> None:
    shown = {words[1] for words in list_commands() if words[0] == "srdgan-rt" and len(words) > 1}
    assert {word for word in shown if word.isalpha()} <= set(COMMANDS)
    for group, members in SUBCOMMANDS.items():
        used = {words[2] for words in list_commands() if words[:2] == ["srdgan-rt", group] and len(words) > 2}
        assert used <= {*members, "--help", "-h"}


def test_every_path_that_is_named_exists() -> None:
    """Paths in code font below the repository's own folders, as `training/loop/run.py`."""
    pattern = re.compile(r"`((?:srdgan_rt|training|csrc|tests|benchmarks|examples|docs|cmake)/[\w./-]*\w)`")
    named = {(page, path) for page in set(PAGES) - CARDS for path in pattern.findall(page.read_text(encoding="utf-8"))}
    assert sorted(f"{page.name}: {path}" for page, path in named if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_line_is_longer_than_120_characters(page: Path) -> None:
    if page in CARDS:
        return
    lines = strip_code(page.read_text(encoding="utf-8")).splitlines()
    assert [line for line in lines if len(line) > 120 and not line.lstrip().startswith("|")] == []


def test_the_table_of_json_has_the_fields_of_a_result() -> None:
    text = (ROOT / "docs" / "design" / "files.md").read_text(encoding="utf-8")
    rows = text.partition("| field | meaning |\n|---|---|\n")[2].partition("\n\n")[0].splitlines()
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert listed == [field.name for field in dataclasses.fields(Result)]
