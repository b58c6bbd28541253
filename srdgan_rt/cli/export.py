"""``srdgan-rt export``: a model as an ONNX file, or as weights for other programs."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from srdgan_rt.cli import options
from srdgan_rt.cli.calibration import check_calibration, read_calibration
from srdgan_rt.cli.failures import say
from srdgan_rt.cli.output_file import check_output_file
from srdgan_rt.errors import InputError


class Target(str, enum.Enum):
    """What the file is for."""

    ONNX = "onnx"
    SPANDREL = "spandrel"


class GraphPrecision(str, enum.Enum):
    """Types of an exported graph."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    INT8 = "int8"
    FP8 = "fp8"


class GraphForm(str, enum.Enum):
    """How dense blocks are written; see :func:`srdgan_rt.export.export_onnx`."""

    CONCAT = "concat"
    PUSH = "push"


def export(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="File to write: .onnx, or .safetensors for spandrel.", show_default=False),
    ],
    model: options.Model = None,
    sharpness: options.Sharpness = None,
    target: Annotated[
        Target,
        typer.Option("--for", help="An ONNX graph, or weights for programs that use spandrel (ComfyUI, chaiNNer)."),
    ] = Target.ONNX,
    precision: Annotated[
        GraphPrecision, typer.Option(help="Type of the weights, the activations, the input and the output.")
    ] = GraphPrecision.FP32,
    form: Annotated[
        GraphForm,
        typer.Option(
            help="Dense blocks with concatenations, or with sums of partial convolutions (push). Same results."
        ),
    ] = GraphForm.CONCAT,
    calibrate: options.Calibrate = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Writes a model as an ONNX graph for pictures of any size, or as weights for other programs.

    The input is called "input": (N, 3, H, W), RGB in [0, 1]. The output is called "output": (N, 3, S*H, S*W), where S
    is the scale; it is not clipped. Shipped models that degrade pictures (srdgan-h2l) take a second input, "noise", and
    give (N, 3, H/S, W/S). The file's metadata hold the model's name, digest, scale, halo and border padding. The
    command needs the package onnx.

    int8 and fp8 (e4m3) are for the convolutions of dense blocks, marked by QuantizeLinear and DequantizeLinear; the
    rest is fp32. Their ranges are measured on the middle of each picture of --calibrate.

    With --for spandrel, the file holds fp32 weights of ESRGAN's network, RRDBNet, with 32 growth channels.

    Exit status: 0 written, 1 failed, 2 wrong usage.
    """
    ending = ".onnx" if target is Target.ONNX else ".safetensors"
    check_output_file(output, overwrite=overwrite, endings=(ending,))

    if target is Target.SPANDREL:
        if calibrate or precision is not GraphPrecision.FP32 or form is not GraphForm.CONCAT:
            raise InputError("--precision, --form and --calibrate are for ONNX, not for --for spandrel")
        _export_for_spandrel(model, sharpness, output)
        return
    check_calibration(precision.value, calibrate)

    # Imported only now: they load PyTorch, and wrong usage should be reported at once.
    from srdgan_rt.atomic import replace_file
    from srdgan_rt.checkpoint import DEFAULT_MODEL
    from srdgan_rt.export import export_model

    pictures = read_calibration(calibrate or [])
    content = export_model(
        model or DEFAULT_MODEL, sharpness=sharpness, precision=precision.value, form=form.value, pictures=pictures
    )
    with replace_file(output) as file:
        file.write(content)
    typer.echo(f"{output} ({len(content) / 1e6:.1f} MB)")


def _export_for_spandrel(model: str | None, sharpness: float | None, output: Path) -> None:
    from srdgan_rt.checkpoint import DEFAULT_MODEL
    from srdgan_rt.export import export_rrdbnet

    padding = export_rrdbnet(model or DEFAULT_MODEL, output, sharpness=sharpness)
    typer.echo(f"{output} ({output.stat().st_size / 1e6:.1f} MB)")
    if padding:
        say(f"for equal edges in other programs, pad pictures by {padding} mirrored pixels and crop the result")
