"""Reads a configuration from TOML: strict, so that a misspelt key is an error."""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from srdgan_rt.errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the same parser under its old name
    import tomli as tomllib


T = TypeVar("T")
ConfigT = TypeVar("ConfigT")


def _build(kind: Any, table: dict[str, Any], where: str) -> Any:
    """Builds a dataclass from a TOML table; an unknown key is an error that names the known ones."""
    types = typing.get_type_hints(kind)
    hints = {item.name: types[item.name] for item in dataclasses.fields(kind)}
    check_keys(table, hints, where)
    needed = [item.name for item in dataclasses.fields(kind) if item.default is item.default_factory]  # both MISSING
    if missing := [name for name in needed if name not in table]:
        raise InputError(f"{where}: the key {missing[0]!r} is missing")
    return construct(kind, {key: convert(hints[key], value, f"{where}.{key}") for key, value in table.items()}, where)


def construct(kind: Callable[..., T], values: dict[str, Any], where: str) -> T:
    """Calls a dataclass; where it refuses a value, the error names the place of the table, too."""
    try:
        return kind(**values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def check_keys(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    if unknown := sorted(set(table) - set(known)):
        raise InputError(f"{where}: unknown key {unknown[0]!r}; known keys: {', '.join(known)}")


def convert(hint: Any, value: Any, where: str) -> Any:
    """One value of a TOML table as the type that its key asks for."""
    if typing.get_origin(hint) is tuple:
        item, *others = typing.get_args(hint)
        if not isinstance(value, list):
            raise InputError(f"{where} must be a list, got {value!r}")
        if Ellipsis not in others and len(value) != 1 + len(others):
            raise InputError(f"{where} must be a list of {1 + len(others)}, got {value!r}")
        return tuple(convert(item, entry, where) for entry in value)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise InputError(f"{where} must be a table, got {value!r}")
        return hint.from_table(value, where) if hasattr(hint, "from_table") else _build(hint, value, where)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:  # and not isinstance: a truth value is no number
        raise InputError(f"{where} must be of type {hint.__name__}, got {value!r}")
    return value


def read_table(path: Path) -> dict[str, Any]:
    """Reads a TOML file; InputError if it is missing or none."""
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return table
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no valid TOML: {error}") from error


def build_config(kind: type[ConfigT], table: dict[str, Any], where: str) -> ConfigT:
    """The configuration of a stage from a table.

    Args:
        kind: of the stage.
        table: its keys.
        where: the place that they come from, for error messages.

    Raises:
        InputError: a key is unknown or missing, or a value is of the wrong type or range.
    """
    config: ConfigT = _build(kind, table, where)
    return config


def read_config(path: Path, kind: type[ConfigT]) -> ConfigT:
    """Reads a run's configuration.

    Args:
        path: a TOML file whose keys are those of ``kind``.
        kind: the configuration of the stage.

    Raises:
        InputError: the file is missing or no TOML, a key is unknown, or a value is of the wrong type or range.
    """
    return build_config(kind, read_table(path), path.name)
