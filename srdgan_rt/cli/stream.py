"""``srdgan-rt stream``: enlarges raw frames from a pipe, without PyTorch."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from srdgan_rt.cli import options
from srdgan_rt.cli.completion import offer
from srdgan_rt.cli.failures import say
from srdgan_rt.cli.frame_progress import FrameProgress
from srdgan_rt.cli.raw_frames import STANDARD_STREAM, check_target, open_source, open_target, read_frame, write_frame
from srdgan_rt.errors import ImageReadError, InputError

_MIB = 1 << 20


def stream(
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Width and height of the frames in pixels.")],
    source: Annotated[
        str, typer.Argument(metavar="[INPUT]", help="File or named pipe with the frames; - is stdin.")
    ] = STANDARD_STREAM,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="File or named pipe for the results; - is stdout. A file that exists is replaced."
        ),
    ] = STANDARD_STREAM,
    input_format: Annotated[
        str, typer.Option("--format", "-f", metavar="NAME", help="Pixel format of the frames.")
    ] = "nv12",
    output_format: Annotated[
        str | None,
        typer.Option("--output-format", metavar="NAME", help="Pixel format of the results.", show_default="--format"),
    ] = None,
    matrix: Annotated[
        str, typer.Option(metavar="NAME", help="Colour matrix of YUV formats: bt601, bt709 or bt2020.")
    ] = "bt709",
    value_range: Annotated[
        str, typer.Option("--range", metavar="NAME", help="Value range of YUV formats: limited or full.")
    ] = "limited",
    siting: Annotated[
        str, typer.Option(metavar="NAME", help="Place of chroma in YUV formats: centre, or left as in most videos.")
    ] = "centre",
    output_matrix: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Colour matrix of the results.", show_default="--matrix"),
    ] = None,
    output_range: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Value range of the results.", show_default="--range"),
    ] = None,
    output_siting: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Place of chroma in the results.", show_default="--siting"),
    ] = None,
    roi: Annotated[
        str | None,
        typer.Option(metavar="X,Y,W,H", help="Enlarge only this region of each frame.", show_default="the whole frame"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-n",
            metavar="NAME|PATH",
            help="Shipped model or .safetensors file. Mixes must be saved as a file first (docs/session.md, Limits).",
            show_default="srdgan-x4-fast",
        ),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="fp32, int8, bf16 or auto (bf16 where that is fast, else fp32).",
            autocompletion=offer(("fp32", "int8", "bf16", "auto")),
        ),
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that compute.", show_default="one for each processor")
    ] = None,
    max_latency: Annotated[
        float | None,
        typer.Option(metavar="MS", help="End at once if a frame would take longer than so many milliseconds."),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Enlarges raw frames from a pipe, without PyTorch.

    Frames follow each other without headers, their rows and planes without gaps, as ffmpeg writes and reads them with
    -f rawvideo. Each result is written as soon as its frame has arrived and is computed.

    Formats: rgb8, bgr8, rgba8, bgra8, rgb16, bgr16, rgb_float, bgr_float, rgb_planar8, rgb_planar16, rgb_planar_float,
    nv12, nv21, i420 and p010. Samples of more than one byte have the byte order of this machine.

    Example: ffmpeg -i in.mp4 -vf scale=out_color_matrix=bt709 -f rawvideo -pix_fmt nv12 - | srdgan-rt stream --size
    640x480 --siting left | ffplay -f rawvideo -pixel_format nv12 -video_size 2560x1920 -
    """
    width, height = options.parse_numbers("--size", size, r"(\d+)x(\d+)", "WIDTHxHEIGHT in pixels")
    region = options.parse_roi(roi)
    # Imported only now: it loads numpy, and help and wrong usage should answer at once.
    from srdgan_rt.checkpoint import DEFAULT_MODEL
    from srdgan_rt.session import FORMATS, MATRICES, PRECISIONS, RANGES, SITINGS, Session

    for option, value, allowed in (
        ("--format", input_format, FORMATS),
        ("--output-format", output_format, FORMATS),
        ("--matrix", matrix, MATRICES),
        ("--output-matrix", output_matrix, MATRICES),
        ("--range", value_range, RANGES),
        ("--output-range", output_range, RANGES),
        ("--siting", siting, SITINGS),
        ("--output-siting", output_siting, SITINGS),
        ("--precision", precision, PRECISIONS),
    ):
        if value is not None and value not in allowed:
            raise InputError(f"{option} must be one of {', '.join(allowed)}, got {value!r}")
    if max_latency is not None and not 0 < max_latency < float("inf"):
        raise InputError(f"--max-latency must be a number of milliseconds above 0, got {max_latency:g}")

    session = Session(model or DEFAULT_MODEL, threads=threads, precision=precision)
    session.configure(
        height,
        width,
        input=input_format,
        output=output_format,
        roi=region,
        matrix=matrix,
        value_range=value_range,
        siting=siting,
        output_matrix=output_matrix,
        output_range=output_range,
        output_siting=output_siting,
        max_latency_ms=max_latency,
    )
    with ExitStack() as files:
        frames = files.enter_context(open_source(source))
        progress = files.enter_context(FrameProgress(shown=not quiet))
        frame, result = session.make_input(), session.make_output()
        check_target(output, frames)
        results = None
        while num_bytes := read_frame(frames, frame):
            if num_bytes < frame.nbytes:
                raise ImageReadError(
                    f"the input ends within frame {progress.num_frames + 1}: a frame of {width} x {height} pixels in "
                    f"{input_format} has {frame.nbytes} bytes, got {num_bytes}"
                )
            with progress.computing():
                session.process(frame, result)
            if results is None:  # only now: where no frame arrives, an existing file stays as it is
                results = files.enter_context(open_target(output))
            write_frame(results, result)
    if progress.num_frames == 0:
        raise ImageReadError("the input holds no frame")
    if not quiet:
        say(f"{progress.describe()}; {session.memory_bytes / _MIB:.0f} MiB of memory")
