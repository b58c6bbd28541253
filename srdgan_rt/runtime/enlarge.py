"""Enlarges a picture or a batch of tensors with a network, piece by piece."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from srdgan_rt.pixels import Pixels
from srdgan_rt.runtime.canvas import Canvas
from srdgan_rt.runtime.grid import OutputGrid
from srdgan_rt.runtime.pixels import is_opaque, to_unit
from srdgan_rt.runtime.progress import Progress, ProgressCallback
from srdgan_rt.runtime.removed_noise import RemovedNoise
from srdgan_rt.runtime.runner import Runner
from srdgan_rt.runtime.source import Source
from srdgan_rt.tiling import Box

OpenRunner = Callable[[Source, Box, float], Runner]
"""``open_runner(source, needed, outscale)``, see :func:`srdgan_rt.runtime.runner.open_runner`."""


def enlarge_picture(
    picture: Pixels,
    grid: OutputGrid,
    open_runner: OpenRunner,
    progress: ProgressCallback | None = None,
    *,
    denoise: float = 1.0,
) -> Pixels:
    """Enlarges a region of a picture.

    Args:
        picture: as :func:`srdgan_rt.pixels.check_pixels` returns it.
        grid: the region, and the samples of its result.
        open_runner: opens what runs the network.
        progress: called as ``progress(done, total)`` in pixels of the region.
        denoise: share of the noise that is removed, 0..1; the rest is put back.

    Returns:
        The region's result, in the layout and dtype of the picture.

    Raises:
        InputError: the result does not fit into memory.
        BackendUnavailableError: memory ran out.
    """
    canvas = Canvas(picture, grid.rows.out_size, grid.columns.out_size)
    alpha = None
    if canvas.alpha is not None and is_opaque(canvas.alpha):
        canvas.fill_alpha(canvas.alpha[0, 0])
    elif canvas.alpha is not None:
        alpha = to_unit(canvas.alpha)
    region = grid.region
    reporter = Progress(progress, region.area)

    def note_read(box: Box) -> None:
        rows_before = min(max(box.y - region.y, 0), region.height)  # a window may begin or end beyond the region
        reporter.note_read(rows_before * region.width)

    source = Source.from_picture(canvas.colour)
    removed = None
    if denoise < 1:
        removed = RemovedNoise(lambda box: canvas.select_channels(source.read(box)[0]), grid)

    def find_needed(box: Box) -> Box:
        return grid.needed_box(box) if removed is None else grid.needed_box(box).join(removed.needed_box(box))

    runner = open_runner(source.watched(note_read), find_needed(grid.bounds), grid.outscale)
    done = 0
    for piece in runner.split(region):
        box = grid.output_box(piece)
        if box.area > 0:
            needed = find_needed(box)
            # Clipped first, so that any outscale is a resampling of the picture that the network's own scale gives.
            planes = canvas.select_channels(runner.enlarge(needed)[0]).clamp(0, 1)
            colours = grid.resample(planes, needed, box)
            if removed is not None:
                colours = colours + (1 - denoise) * removed.resample(planes, needed, box)
            canvas.write_colour(box, colours)
            if alpha is not None:
                window = grid.picture_box(box)
                part = alpha[window.y : window.bottom, window.x : window.right]
                canvas.write_alpha(box, grid.resample_picture(part, window, box))
        done += piece.area
        reporter.note_finished(done)
    return canvas.pixels


def enlarge_tensor(x: Tensor, scale: int, open_runner: OpenRunner) -> Tensor:
    """Enlarges a batch.

    Args:
        x: ``(N, 3, H, W)`` RGB, floating point, in [0, 1].
        scale: enlargement of the network.
        open_runner: opens what runs the network.

    Returns:
        ``(N, 3, scale * H, scale * W)``, clamped to [0, 1], type and device of ``x``.

    Raises:
        BackendUnavailableError: memory ran out.
    """
    source = Source.from_tensor(x)
    # Before the runner, and written: so its memory does not count as free where strips and tiles are chosen.
    result = x.new_zeros(source.batch, 3, scale * source.height, scale * source.width)
    runner = open_runner(source, source.bounds, scale)
    for piece in runner.split(source.bounds):
        out = Box(*(scale * value for value in piece))
        result[..., out.y : out.bottom, out.x : out.right] = runner.enlarge(piece).clamp(0, 1)
    return result
