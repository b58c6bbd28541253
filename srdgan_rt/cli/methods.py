"""Opens what ``-n`` names where methods are compared: baselines and models."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from srdgan_rt.checkpoint import has_sharp_weights
from srdgan_rt.errors import InputError
from srdgan_rt.metrics import BASELINES, Method
from srdgan_rt.runtime import Upscaler


def open_methods(
    models: Sequence[str], sharpness: Sequence[float], open_upscaler: Callable[..., Upscaler]
) -> dict[str, Method]:
    """Opens baselines and models; a model with sharp weights once for each sharpness.

    Args:
        models: names of baselines, or models as :class:`Upscaler` takes them.
        sharpness: 0..1; none for the default of each model.
        open_upscaler: called as ``open_upscaler(model, sharpness=...)``.

    Returns:
        The methods by their names in a table.

    Raises:
        InputError: two have the same name, or no model has the sharp weights that ``sharpness`` needs.
        CheckpointError: a model cannot be loaded.
    """
    pairs = {model for model in models if model not in BASELINES and has_sharp_weights(model)}
    if sharpness and not pairs:
        raise InputError(f"--sharpness needs a model with sharp weights (see srdgan-rt info), got {', '.join(models)}")
    methods: dict[str, Method] = {}
    for model in models:
        shares: Sequence[float | None] = sharpness if model in pairs and sharpness else [None]
        for share in shares:
            upscaler = None if model in BASELINES else open_upscaler(model, sharpness=share)
            label = model if upscaler is None else upscaler.spec.name
            if label in methods:
                raise InputError(f"--model: {label} is given twice; two files of one name must be renamed")
            methods[label] = BASELINES[model] if upscaler is None else _make_method(upscaler)
    return methods


def _make_method(upscaler: Upscaler) -> Method:
    return lambda sample: upscaler.upscale(sample.low)
