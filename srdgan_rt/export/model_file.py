"""Exports a model, by name or file, as an ONNX file with a description."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from torch import Tensor

from srdgan_rt.checkpoint import DIGEST_KEY, available_degradations, load_h2l, load_model
from srdgan_rt.errors import InputError
from srdgan_rt.export.calibration import measure_input_ranges
from srdgan_rt.export.onnx_export import QUANTIZED, export_onnx

_KEPT = ("description", "license", "training_data", "commit")


def export_model(
    name_or_path: str | os.PathLike[str],
    *,
    sharpness: float | None = None,
    precision: str = "fp32",
    form: str = "concat",
    pictures: Iterable[Tensor] = (),
) -> bytes:
    """Exports a model with its description.

    Args:
        name_or_path: a low-to-high model as :func:`~srdgan_rt.checkpoint.load_model` takes it, or the name of a shipped
            model that degrades pictures.
        sharpness: see :func:`~srdgan_rt.checkpoint.load_model`; models that degrade pictures have none.
        precision: see :func:`~srdgan_rt.export.export_onnx`.
        form: see :func:`~srdgan_rt.export.export_onnx`.
        pictures: for int8 and fp8, typical inputs, see :func:`~srdgan_rt.export.measure_input_ranges`.

    Returns:
        The content of an ``.onnx`` file. Its properties have the model's ``name``, the digest of its weights
        (``sha256``), ``halo`` and ``border_padding`` in LR pixels, the licence and origin where the weights state them,
        and those of :func:`~srdgan_rt.export.export_onnx`.

    Raises:
        CheckpointError: the model cannot be loaded.
        BackendUnavailableError: the package ``onnx`` is not installed.
        InputError: ``sharpness`` is not in 0..1, or see :func:`~srdgan_rt.export.export_onnx`.
    """
    if os.fspath(name_or_path) in available_degradations():
        if sharpness:
            raise InputError(f"{name_or_path} degrades pictures and has no sharpness, got {sharpness:g}")
        degradation = load_h2l(name_or_path)
        facts = {"name": degradation.name, DIGEST_KEY: degradation.digest}
        return export_onnx(
            degradation.net, precision=precision, form=form, metadata=_keep(degradation.metadata) | facts
        )
    model = load_model(name_or_path, sharpness=sharpness)
    facts = {
        "name": model.spec.name,
        DIGEST_KEY: model.digest,
        "halo": str(model.spec.halo),
        "border_padding": str(model.spec.border_padding),
    }
    ranges = measure_input_ranges(model.net, pictures) if precision in QUANTIZED else None
    return export_onnx(model.net, precision=precision, form=form, metadata=_keep(model.metadata) | facts, ranges=ranges)


def _keep(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key: metadata[key] for key in _KEPT if key in metadata}
