"""``srdgan-rt export``: a model as an ONNX file."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srdgan_rt.cli import options
from srdgan_rt.errors import ImageWriteError, InputError

if TYPE_CHECKING:
    from torch import Tensor


class GraphPrecision(str, enum.Enum):
    """Types of an exported graph."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    INT8 = "int8"


_CALIBRATION_SIDE = 256  # pixels a side of the middle of a picture


class GraphForm(str, enum.Enum):
    """How dense blocks are written; see :func:`srdgan_rt.export.export_onnx`."""

    CONCAT = "concat"
    PUSH = "push"


def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="ONNX file to write.", show_default=False)],
    model: options.Model = None,
    sharpness: options.Sharpness = None,
    precision: Annotated[
        GraphPrecision, typer.Option(help="Type of the weights, the activations, the input and the output.")
    ] = GraphPrecision.FP32,
    form: Annotated[
        GraphForm,
        typer.Option(
            help="Dense blocks with concatenations, or with sums of partial convolutions (push). Same results."
        ),
    ] = GraphForm.CONCAT,
    calibrate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PICTURE", help="For int8: a picture or folder like those to be enlarged; may be repeated."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Writes a model as an ONNX graph for pictures of any size.

    The input is called "input": (N, 3, H, W), RGB in [0, 1]. The output is called "output": (N, 3, S*H, S*W), where S
    is the scale; it is not clipped. Shipped models that degrade pictures (srdgan-h2l) take a second input, "noise", and
    give (N, 3, H/S, W/S). The file's metadata hold the model's name, digest, scale, halo and border padding. The
    command needs the package onnx.

    int8 is for the convolutions of dense blocks, marked by QuantizeLinear and DequantizeLinear; the rest is fp32. Their
    ranges are measured on the middle of each picture of --calibrate.

    Exit status: 0 written, 1 failed, 2 wrong usage.
    """
    if output.suffix.lower() != ".onnx":
        raise InputError(f"--output must end in .onnx, got {str(output)!r}")
    if output.exists() and not overwrite:
        raise ImageWriteError(f"{output} exists: choose --overwrite")

    if (precision is GraphPrecision.INT8) != bool(calibrate):
        raise InputError("--precision int8 and --calibrate need each other")

    # Imported only now: they load PyTorch, and wrong usage should be reported at once.
    from srdgan_rt.atomic import replace_file
    from srdgan_rt.checkpoint import DEFAULT_MODEL
    from srdgan_rt.export import export_model

    pictures = _read_middles(calibrate or [])
    content = export_model(
        model or DEFAULT_MODEL, sharpness=sharpness, precision=precision.value, form=form.value, pictures=pictures
    )
    with replace_file(output) as file:
        file.write(content)
    typer.echo(f"{output} ({len(content) / 1e6:.1f} MB)")


def _read_middles(inputs: Sequence[str]) -> Iterator[Tensor]:
    """The middle of each picture, (1, 3, h, w) float32 RGB in [0, 1]; transparency is ignored."""
    import numpy as np
    import torch

    from srdgan_rt.image import convert_depth, find_pictures, read_picture

    for found in find_pictures(inputs):
        if found.error is not None:
            raise found.error
        if not found.is_picture:
            continue
        pixels = read_picture(found.path).pixels
        top, left = (max(0, (side - _CALIBRATION_SIDE) // 2) for side in pixels.shape[:2])
        middle = convert_depth(pixels[top : top + _CALIBRATION_SIDE, left : left + _CALIBRATION_SIDE], np.float32)
        num_colours = 1 if middle.ndim == 2 or middle.shape[2] < 3 else 3
        planes = middle.reshape(*middle.shape[:2], -1)[..., :num_colours].transpose(2, 0, 1)
        yield torch.from_numpy(np.ascontiguousarray(planes)).expand(1, 3, -1, -1)
