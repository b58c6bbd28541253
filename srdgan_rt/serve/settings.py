"""The settings of the page: what is shown, what is allowed, and where each value goes.

A new setting is one more line in :func:`list_settings`. If it goes to ``MODEL``, it is an argument of
:class:`srdgan_rt.runtime.Upscaler`; if it goes to ``RESULT``, one of
:func:`srdgan_rt.files.upscale_file.enlarge_and_mark`. Those of ``SAVE`` are used when the result is saved.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from srdgan_rt.checkpoint import available_models, has_sharp_weights, load_model
from srdgan_rt.checks import is_number
from srdgan_rt.errors import InputError
from srdgan_rt.files.extension import Extension
from srdgan_rt.runtime import AUTO

Value = str | float | None


class Goal(str, enum.Enum):
    """What a setting belongs to."""

    MODEL = "model"
    RESULT = "result"
    DEPTH = "depth"
    SAVE = "save"


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Attributes:
        value: as it is sent.
        label: as it is shown.
    """

    value: str
    label: str


@dataclass(frozen=True)
class Setting:
    """One setting: either some choices, or a number in a range.

    Attributes:
        name: its name, which is also that of the argument.
        label: as it is shown.
        goal: what it belongs to.
        default: its value where nothing is chosen.
        choices: all values that are allowed; empty for a number.
        low: smallest number.
        high: largest number.
        step: step of the slider; 0 for a field without one.
        only_with: another setting, and the values of it for which this one is used, with the default for each.
        hint: one sentence below the control.
    """

    name: str
    label: str
    goal: Goal
    default: Value
    choices: tuple[Choice, ...] = ()
    low: float = 0
    high: float = 0
    step: float = 0
    only_with: tuple[str, Mapping[str, float]] | None = None
    hint: str = ""

    def check(self, value: Any) -> Value:
        """Returns the value.

        Raises:
            InputError: it is not allowed.
        """
        if self.choices:
            values = [choice.value for choice in self.choices]
            if value not in values:
                raise InputError(f"{self.name} must be one of {', '.join(values)}, got {str(value)[:50]!r}")
            return str(value)
        if not is_number(value) or not self.low <= value <= self.high:
            raise InputError(f"{self.name} must be {self.low:g}..{self.high:g}, got {str(value)[:50]}")
        return float(value)


def list_settings(models: Sequence[str] = ()) -> tuple[Setting, ...]:
    """All settings of the page, in their order.

    Args:
        models: models to choose from, the default first; none for the shipped ones.

    Raises:
        SrdganError: one of them cannot be loaded.
    """
    for name in models:
        if not has_sharp_weights(name):  # those that have some are loaded below
            load_model(name)
    names = models or available_models()
    choices = tuple(Choice(name, Path(name).name) for name in names)
    sharp = {name: load_model(name, sharpness=None).sharpness for name in names if has_sharp_weights(name)}
    if not models:
        choices = (Choice(AUTO, "chosen by the noise"), *choices)
        sharp[AUTO] = 0.0
    hint = "0 stays closest to the picture; near 1, details may not be real."
    return (
        Setting("model", "Model", Goal.MODEL, choices[0].value, choices),
        Setting("sharpness", "Sharpness", Goal.MODEL, 0, high=1, step=0.05, only_with=("model", sharp), hint=hint),
        Setting("outscale", "Factor", Goal.RESULT, 4, low=0.25, high=8, hint="1 removes noise and keeps the size."),
        Setting("denoise", "Noise removed", Goal.RESULT, 1, high=1, step=0.05, hint="0 keeps all of the grain."),
        Setting("depth", "Depth", Goal.DEPTH, "same", _DEPTHS, hint="JPEG and WebP hold 8 bits only, AVIF 10 or 12."),
        Setting("format", "Format", Goal.SAVE, "auto", _FORMATS),
        Setting("quality", "Quality", Goal.SAVE, 95, low=1, high=100, step=1, hint="Of JPEG, WebP and AVIF."),
    )


_DEPTHS = (Choice("same", "as the picture"), Choice("8", "8 bits"), Choice("16", "16 bits"))
_FORMATS = (
    Choice(Extension.AUTO.value, "as the picture"),
    *(Choice(e.value, e.value.upper()) for e in Extension if e is not Extension.AUTO),
)


def check_values(settings: Sequence[Setting], values: Any, *goals: Goal) -> dict[str, Value]:
    """Checks what a page has sent.

    Args:
        settings: of :func:`list_settings`.
        values: value by name; missing ones get their default.
        goals: the settings with these goals are taken.

    Returns:
        Value by name. A setting that is not used with the others is left out.

    Raises:
        InputError: a value is not allowed, or there is no such setting.
    """
    if not isinstance(values, dict):
        raise InputError(f"settings must be an object, got {type(values).__name__}")
    wanted = [setting for setting in settings if setting.goal in goals]
    unknown = values.keys() - {setting.name for setting in wanted}
    if unknown:
        raise InputError(f"no setting {sorted(map(str, unknown))[0][:50]!r}")
    checked = {setting.name: setting.check(values.get(setting.name, setting.default)) for setting in wanted}
    for setting in wanted:
        if setting.only_with is not None and checked[setting.only_with[0]] not in setting.only_with[1]:
            del checked[setting.name]
    return checked


def select(settings: Sequence[Setting], values: Mapping[str, Value], goal: Goal) -> dict[str, Any]:
    """The values that have a goal, as keyword arguments."""
    names = {setting.name for setting in settings if setting.goal is goal}
    return {name: value for name, value in values.items() if name in names}


def describe_settings(settings: Sequence[Setting]) -> list[dict[str, Any]]:
    """The settings as the page reads them, in JSON's types."""
    return [asdict(setting) | {"goal": setting.goal.value} for setting in settings]
