"""Opens what ``-n`` names where methods are compared: baselines and models."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from srdgan_rt.checkpoint import has_sharp_weights
from srdgan_rt.errors import InputError
from srdgan_rt.metrics import BASELINES, Method
from srdgan_rt.runtime import AUTO, AutoUpscaler, Upscaler


def open_methods(
    models: Sequence[str],
    sharpness: Sequence[float],
    open_upscaler: Callable[..., Upscaler | AutoUpscaler],
    denoise: Sequence[float | str] = (),
) -> dict[str, Method]:
    """Opens baselines and models; a model with sharp weights once for each sharpness.

    Args:
        models: names of baselines, or models as :func:`open_upscalers` takes them.
        sharpness: see :func:`open_upscalers`.
        open_upscaler: see :func:`open_upscalers`.
        denoise: strengths, 0..1 or ``"auto"``; each model has a method for each. None for full strength.

    Returns:
        The methods by their names in a table.

    Raises:
        InputError: two have the same name, ``denoise`` is given without a model, or as :func:`open_upscalers`.
        CheckpointError: a model cannot be loaded.
    """
    upscalers = open_upscalers([model for model in models if model not in BASELINES], sharpness, open_upscaler)
    if denoise and not upscalers:
        raise InputError(f"--denoise needs a model, got {', '.join(models)}")
    strengths = {value: f", denoise {value}" for value in denoise} or {1.0: ""}
    methods: dict[str, Method] = {}
    for model in models:
        opened = {
            upscaler.name + suffix: _make_method(upscaler, strength)
            for upscaler in upscalers.get(model, [])
            for strength, suffix in strengths.items()
        }
        for name, method in (opened or {model: BASELINES[model]}).items():
            if name in methods:
                raise InputError(f"--model: {name} is given twice; two files of one name must be renamed")
            methods[name] = method
    return methods


def open_upscalers(
    models: Sequence[str], sharpness: Sequence[float], open_upscaler: Callable[..., Upscaler | AutoUpscaler]
) -> dict[str, list[Upscaler | AutoUpscaler]]:
    """Opens models; those with sharp weights once for each sharpness.

    Args:
        models: as :func:`srdgan_rt.runtime.open_upscaler` takes them.
        sharpness: 0..1; none for the default of each model.
        open_upscaler: called as ``open_upscaler(model, sharpness=...)``.

    Returns:
        One upscaler or more for each model.

    Raises:
        InputError: ``sharpness`` is not in 0..1, or no model has sharp weights.
        CheckpointError: a model cannot be loaded.
    """
    pairs = {model for model in models if model == AUTO or has_sharp_weights(model)}
    if sharpness and not pairs:
        names = ", ".join(models) or "none"
        raise InputError(f"--sharpness needs a model with sharp weights (see srdgan-rt info), got {names}")
    upscalers = {}
    for model in models:
        shares: Sequence[float | None] = sharpness if model in pairs and sharpness else [None]
        upscalers[model] = [open_upscaler(model, sharpness=share) for share in shares]
    return upscalers


def _make_method(upscaler: Upscaler | AutoUpscaler, denoise: float | str) -> Method:
    return lambda sample: upscaler.upscale(sample.low, denoise=denoise)
