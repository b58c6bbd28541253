"""Options that several commands share."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from srdgan_rt.cli.completion import complete_model, complete_model_or_auto, offer
from srdgan_rt.cli.failures import say
from srdgan_rt.errors import InputError

_SMALLEST_TILE = 32  # input pixels; smaller tiles would cost far more for their halo than for themselves

# Names of the runtime, which help does not load, because PyTorch is slow. tests/cli/test_completion.py compares them.
ENGINES = ("auto", "native", "cuda", "torch", "onnxruntime", "tensorrt")
PRECISIONS = ("auto", "fp32", "fp16", "bf16", "int8", "fp8")

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-n",
        metavar="NAME|PATH",
        help="Shipped model (srdgan-rt info lists them), weight file, or interpolation of models (a:0.7+b:0.3).",
        show_default="srdgan-x4-fast",
        autocompletion=complete_model,
    ),
]
ModelOrAuto = Annotated[
    str,
    typer.Option(
        "--model",
        "-n",
        metavar="NAME|PATH|auto",
        help="Shipped model (srdgan-rt info lists them), weight file, or interpolation of models (a:0.7+b:0.3); auto "
        "chooses srdgan-x4-fast or srdgan-x4-photo by the noise of each picture.",
        autocompletion=complete_model_or_auto,
    ),
]
Sharpness = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        metavar="S",
        help="0 stays closest to the input, 1 gives the sharpest picture, with details that may not be real; for "
        "models with sharp weights (srdgan-rt info lists them).",
        show_default="the model's own",
    ),
]
Denoise = Annotated[
    str,
    typer.Option(
        metavar="D|auto",
        help="Share of the noise that is removed: 0 keeps all of it, 1 removes all; auto measures the noise of each "
        "picture and leaves clean ones alone.",
    ),
]
Tile = Annotated[
    str,
    typer.Option(
        "--tile",
        "-t",
        metavar="N|auto",
        help="Largest side of a tile in input pixels; for the engine native, rows of a strip. 0 computes all at once.",
    ),
]
Tta = Annotated[
    bool,
    typer.Option(
        "--tta",
        help="Take the mean of the results for all eight flips and turns of a picture (self-ensemble): better, in "
        "eight times the time.",
    ),
]
Precision = Annotated[
    str, typer.Option(metavar="NAME", help=f"{', '.join(PRECISIONS)}.", autocompletion=offer(PRECISIONS))
]
Engine = Annotated[str, typer.Option(metavar="NAME", help=f"{', '.join(ENGINES)}.", autocompletion=offer(ENGINES))]
Device = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="auto, cpu, cuda or cuda:N.", autocompletion=offer(("auto", "cpu", "cuda", "cuda:0"))
    ),
]
MaxPixels = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Refuse inputs with more pixels; 0 sets no limit.",
        show_default="268 million",
    ),
]
Calibrate = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PICTURE", help="For int8 and fp8: a picture or folder like those to be enlarged; may be repeated."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON to stdout instead of text.")]


def parse_tile(text: str) -> int | None:
    """A tile size as the runtime takes it: None for ``auto``.

    Raises:
        InputError: it is not ``auto``, 0, or a whole number of at least 32.
    """
    if text == "auto":
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text) or 0 < int(text) < _SMALLEST_TILE:
        raise InputError(f"--tile must be auto, 0, or at least {_SMALLEST_TILE} pixels, got {text!r}")
    return int(text)


def parse_denoise(text: str) -> float | str:
    """A strength of denoising as the runtime takes it.

    Raises:
        InputError: it is neither ``auto`` nor a number in 0..1.
    """
    if text == "auto":
        return text
    try:
        strength = float(text)
    except ValueError:
        strength = -1.0
    if not 0 <= strength <= 1:
        raise InputError(f"--denoise must be auto or 0..1, got {text!r}")
    return strength


def parse_numbers(option: str, text: str, pattern: str, form: str) -> list[int]:
    """The whole numbers of an option that takes several.

    Args:
        option: its name, for the error.
        text: what was given.
        pattern: regular expression with a group of digits for each number.
        form: says in the error what it must be: "X,Y,W,H in pixels".

    Raises:
        InputError: the text does not match the pattern, or a number has more than nine digits.
    """
    match = re.fullmatch(pattern, text, re.ASCII)
    if match is None or any(len(digits) > 9 for digits in match.groups()):
        raise InputError(f"{option} must be {form}, got {text!r}")
    return [int(digits) for digits in match.groups()]


def parse_roi(text: str | None) -> tuple[int, int, int, int] | None:
    """The region that ``--roi`` gives: x, y, width, height.

    Raises:
        InputError: it is not X,Y,W,H.
    """
    if text is None:
        return None
    x, y, width, height = parse_numbers("--roi", text, r"(\d+),(\d+),(\d+),(\d+)", "X,Y,W,H in pixels")
    return x, y, width, height


def warn_of_slow_precision(device: str, precision: str) -> None:
    """Warns, before the work begins, of a precision that is slow on this device."""
    if device == "cpu" and precision == "fp16":
        say("--precision fp16 is many times slower than fp32 on a CPU, which computes in fp32: choose fp32, or a GPU")
    elif device == "cpu" and precision == "bf16":
        from srdgan_rt import _ext

        if _ext.why_no_bf16() is not None:
            say("--precision bf16 is slower than fp32 on a CPU without AMX: choose fp32, or a GPU")


def limit_pixels(max_pixels: int | None) -> int | None:
    """Converts ``--max-pixels``, where 0 means no limit, to the readers' argument, where None means it."""
    from srdgan_rt.image import DEFAULT_MAX_PIXELS  # imported only now: help should not wait for it

    return DEFAULT_MAX_PIXELS if max_pixels is None else max_pixels or None
