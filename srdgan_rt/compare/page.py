"""Puts the page together: the data of the pictures, and the HTML, style and scripts of the folder ``page``."""

from __future__ import annotations

import html
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from srdgan_rt.compare.entry import Entry, make_entry
from srdgan_rt.compare.names import shorten_names
from srdgan_rt.compare.scores import score_pair
from srdgan_rt.compare.template import VIEWER_SCRIPTS, fill_page, pack_json, read_part
from srdgan_rt.errors import InputError
from srdgan_rt.image import DEFAULT_MAX_PIXELS
from srdgan_rt.tiling import Box

DEFAULT_SHOWN_PIXELS = 40_000_000
"""Browsers show a few pictures of this size smoothly, and refuse much larger ones."""

SCRIPTS = (*VIEWER_SCRIPTS, "details.js", "main.js")


@dataclass(frozen=True)
class Comparison:
    """A page, and what its maker should know.

    Attributes:
        page: HTML in UTF-8, with the pictures in it.
        notes: file and note, for all that was lost or decided.
    """

    page: bytes
    notes: tuple[tuple[str, str], ...]


def compare_files(
    paths: Sequence[str | os.PathLike[str]],
    *,
    title: str | None = None,
    roi: tuple[int, int, int, int] | None = None,
    max_pixels: int | None = DEFAULT_MAX_PIXELS,
    shown_pixels: int = DEFAULT_SHOWN_PIXELS,
    with_metadata: bool = True,
    on_step: Callable[[], None] = lambda: None,
) -> Comparison:
    """Makes a page that compares pictures of one scene. It needs no other file and no network.

    Args:
        paths: two picture files or more. They may differ in size: the page shows all as large as the largest.
        title: title of the page; None makes one of the names.
        roi: ``(x, y, width, height)``: show only this region, in pixels of the first picture, and the same part of the
            others, which must have its shape. None shows the whole pictures.
        max_pixels: files that declare more pixels are refused; None for no limit.
        shown_pixels: pictures (or regions) with more pixels are shown reduced to this many, and not scored; at least 1.
        with_metadata: whether the page may hold EXIF and other metadata, which may tell where a photograph was taken.
        on_step: called after each picture.

    Returns:
        The page.

    Raises:
        InputError: there are fewer than two paths, ``shown_pixels`` is below 1, or ``roi`` is not inside the first
            picture, or another picture has not the shape of the first.
        ImageReadError: a file cannot be read.
    """
    if len(paths) < 2:
        raise InputError(f"a comparison needs at least 2 pictures, got {len(paths)}")
    if shown_pixels < 1:
        raise InputError(f"shown_pixels must be at least 1, got {shown_pixels}")
    pictures = [Path(path) for path in paths]
    entries: list[Entry] = []
    for path, name in zip(pictures, shorten_names(pictures), strict=True):
        entries.append(
            make_entry(
                path,
                name,
                max_pixels=max_pixels,
                shown_pixels=shown_pixels,
                with_metadata=with_metadata,
                roi=roi,
                frame=(entries[0].height, entries[0].width) if entries else None,
            )
        )
        on_step()
    if title is None:
        title = " / ".join(entry.name for entry in entries)
    notes = [(str(path), note) for path, entry in zip(pictures, entries, strict=True) for note in entry.notes]
    return Comparison(_fill_page(title, entries), tuple(notes))


def _fill_page(title: str, entries: Sequence[Entry]) -> bytes:
    values = {
        "title": html.escape(title),
        "region": html.escape(_describe_region(entries[0])),
        "scores": pack_json(list(_list_scores(entries))),
        "picture": [pack_json(_list_facts(entry)) for entry in entries],
    }
    style = read_part("viewer.css") + read_part("style.css")
    script = "\n".join(map(read_part, SCRIPTS))
    return fill_page(read_part("page.html"), style, script, values)


def _describe_region(first: Entry) -> str:
    if first.part is None:
        return ""
    x, y, width, height = first.part.box
    return (
        f"Only a region is shown: {width} x {height} pixels at ({x}, {y}) of {first.name}, and the same part of the "
        "other pictures. Histograms, PSNR and SSIM are those of the region."
    )


def _list_facts(entry: Entry) -> dict[str, Any]:
    box = Box(0, 0, entry.width, entry.height) if entry.part is None else entry.part.box
    region = () if entry.part is None else (("region", f"{box.width} x {box.height} pixels at ({box.x}, {box.y})"),)
    return {
        "name": entry.name,
        "url": entry.url,
        "width": box.width,
        "height": box.height,
        "part": entry.part and entry.part.place._asdict(),
        "facts": [
            ("size", f"{entry.width} x {entry.height} pixels"),
            *region,
            ("file", f"{entry.format}, {_format_size(entry.num_bytes)}"),
            ("pixels", entry.kind),
        ],
        "histograms": [asdict(histogram) for histogram in entry.histograms],
        "metadata": [asdict(group) for group in entry.metadata],
        "notes": entry.notes,
    }


def _list_scores(entries: Sequence[Entry]) -> Iterator[dict[str, Any]]:
    """The scores of all pairs of pictures that have one size."""
    for (i, first), (j, second) in combinations(enumerate(entries), 2):
        has_one_size = (first.width, first.height) == (second.width, second.height)
        if has_one_size and first.luma is not None and second.luma is not None:
            score = score_pair(first.luma, second.luma)
            psnr = "identical" if math.isinf(score.psnr) else f"{score.psnr:.2f} dB"
            yield {"pictures": (i, j), "psnr": psnr, "ssim": "" if score.ssim is None else f"{score.ssim:.4f}"}


def _format_size(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes >= 1e6 else f"{num_bytes / 1e3:.1f} kB"
