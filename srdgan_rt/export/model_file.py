"""From a model's name or file to an ONNX file that states what it is."""

from __future__ import annotations

import os

from srdgan_rt.checkpoint import DIGEST_KEY, available_degradations, load_h2l, load_model
from srdgan_rt.checkpoint.digest import digest_tensors
from srdgan_rt.export.onnx_export import export_onnx

_KEPT = ("description", "license", "training_data", "commit")


def export_model(name_or_path: str | os.PathLike[str], *, precision: str = "fp32", form: str = "concat") -> bytes:
    """Exports a model with its description.

    Args:
        name_or_path: a low-to-high model as :func:`~srdgan_rt.checkpoint.load_model` takes it, or the name of a shipped
            model that degrades pictures.
        precision: see :func:`~srdgan_rt.export.export_onnx`.
        form: see :func:`~srdgan_rt.export.export_onnx`.

    Returns:
        The content of an ``.onnx`` file. Its properties have the model's ``name``, the digest of its weights
        (``sha256``), ``halo`` and ``border_padding`` in LR pixels, and the licence and origin where the weights state
        them.

    Raises:
        CheckpointError: the model cannot be loaded.
        BackendUnavailableError: the package ``onnx`` is not installed.
        InputError: see :func:`~srdgan_rt.export.export_onnx`.
    """
    name = os.fspath(name_or_path)
    if name in available_degradations():
        degradation, metadata = load_h2l(name)
        facts = {"name": name, DIGEST_KEY: digest_tensors(degradation.state_dict())}
        return export_onnx(degradation, precision=precision, form=form, metadata={**_keep(metadata), **facts})
    net, spec, metadata = load_model(name_or_path)
    facts = {
        "name": spec.name,
        DIGEST_KEY: digest_tensors(net.state_dict()),
        "halo": str(spec.halo),
        "border_padding": str(spec.border_padding),
    }
    return export_onnx(net, precision=precision, form=form, metadata={**_keep(metadata), **facts})


def _keep(metadata: dict[str, str]) -> dict[str, str]:
    return {key: metadata[key] for key in _KEPT if key in metadata}
