"""``srdgan-rt export``: a model as an ONNX file."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from srdgan_rt.cli import options
from srdgan_rt.errors import ImageWriteError, InputError


class GraphPrecision(str, enum.Enum):
    """Types of an exported graph."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"


class GraphForm(str, enum.Enum):
    """How dense blocks are written."""

    CONCAT = "concat"
    PUSH = "push"


def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="ONNX file to write.", show_default=False)],
    model: options.Model = None,
    precision: Annotated[
        GraphPrecision, typer.Option(help="Type of weights, values, input and output.")
    ] = GraphPrecision.FP32,
    form: Annotated[
        GraphForm,
        typer.Option(help="Dense blocks with concatenations, or with sums and none (push; the same result)."),
    ] = GraphForm.CONCAT,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Writes a model as an ONNX graph for pictures of any size.

    Input "input": (N, 3, H, W), RGB in [0, 1]. Output "output": (N, 3, S*H, S*W), where S is the scale, not clipped.
    Shipped models that degrade pictures (srdgan-h2l) take a second input, "noise", and give (N, 3, H/S, W/S). The file
    states the model's name, digest, scale, halo and border padding. Needs the package onnx.

    Exit status: 0 written, 1 failed, 2 wrong usage.
    """
    if output.suffix.lower() != ".onnx":
        raise InputError(f"--output must end in .onnx, got {str(output)!r}")
    if output.exists() and not overwrite:
        raise ImageWriteError(f"{output} exists: choose --overwrite")

    # Only now: they load PyTorch, and wrong usage should be told at once.
    from srdgan_rt.atomic import replace_file
    from srdgan_rt.checkpoint import DEFAULT_MODEL
    from srdgan_rt.export import export_model

    content = export_model(model or DEFAULT_MODEL, precision=precision.value, form=form.value)
    with replace_file(output) as file:
        file.write(content)
    typer.echo(f"{output} ({len(content) / 1e6:.1f} MB)")
