"""Renders comparisons of noise as one self-contained HTML page: tables, plots and enlarged crops."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from srdgan_rt.errors import BackendUnavailableError, install_hint
from srdgan_rt.metrics.noise_sources import Picture
from srdgan_rt.metrics.realism import NUM_BINS, NUM_LAGS, Comparison, SourceNoise
from srdgan_rt.metrics.realism_report import COLUMNS, describe_comparison, tabulate
from srdgan_rt.pixels import to_bytes

_ENLARGEMENT = 3
_NUM_SHOWN = 3
_STYLE = """body { font: 15px sans-serif; margin: 2em; } table { border-collapse: collapse; margin: 1em 0; }
td, th { padding: .2em .7em; text-align: right; border-bottom: 1px solid #ccc; } td:first-child, th:first-child
{ text-align: left; } svg { max-width: 100%; height: auto; } img { image-rendering: pixelated; display: block; }"""


def check_plots() -> None:
    """Checks before the work whether plots can be drawn.

    Raises:
        BackendUnavailableError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise BackendUnavailableError(f"the page needs matplotlib: {install_hint('report')}") from None


def render_noise_page(comparisons: Sequence[Comparison]) -> str:
    """Renders the page.

    Args:
        comparisons: one for each data set.

    Returns:
        HTML with embedded plots (SVG) and pictures (PNG).

    Raises:
        BackendUnavailableError: matplotlib is not installed.
    """
    check_plots()
    sections = "\n".join(_render_section(comparison) for comparison in comparisons)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>How real is the noise</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>How real is the noise</h1>\n{sections}\n</body></html>\n"
    )


def _render_section(comparison: Comparison) -> str:
    parts = [f"<h2>{html.escape(describe_comparison(comparison))}</h2>", _render_rows([COLUMNS, *tabulate(comparison)])]
    if comparison.names:
        parts += [_draw_plots(comparison), _render_crops(comparison)]
    return "\n".join(parts)


def _render_rows(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row is its head."""
    lines = []
    for index, row in enumerate(rows):
        tag = "td" if index else "th"
        lines.append("<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>")
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _draw_plots(comparison: Comparison) -> str:
    """Variance over intensity, autocorrelation, and the histogram of each channel; an SVG element."""
    import matplotlib
    from matplotlib.figure import Figure

    noises = [comparison.real, *comparison.sources]
    # Text is stored as text: it is smaller and can be searched. With a fixed salt, equal comparisons give equal pages.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "srdgan-rt", "font.size": 9}):
        figure = Figure(figsize=(13, 7.5), layout="constrained")
        rows: list[Any] = [["variance"] * 3 + ["lags"] * 3, ["R"] * 2 + ["G"] * 2 + ["B"] * 2]
        axes: Any = figure.subplot_mosaic(rows)
        for index, noise in enumerate(noises):
            style = {"color": "black" if index == 0 else f"C{index - 1}", "label": noise.name, "linewidth": 1.2}
            middles = (np.arange(NUM_BINS) + 0.5) / NUM_BINS
            axes["variance"].plot(middles, noise.variance, marker="o", **style)
            axes["lags"].plot(range(NUM_LAGS + 1), [1, *noise.autocorrelation], marker="o", **style)
            for channel, letter in enumerate("RGB"):
                _draw_histogram(axes[letter], noise, channel, style)
        axes["variance"].set(title="variance over intensity", xlabel="clean value", ylabel="(1/255)²")
        axes["lags"].set(title="spatial autocorrelation", xlabel="distance in pixels")
        for letter in "RGB":
            axes[letter].set(title=f"histogram, {letter}", xlabel="noise, 1/255", yscale="log")
        axes["variance"].legend()
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = buffer.getvalue()
    return text[text.index("<svg") :]  # without the XML prologue, which refers to an external DTD


def _draw_histogram(axis: Any, noise: SourceNoise, channel: int, style: dict[str, Any]) -> None:
    counts = noise.counts[:, channel].sum(0)
    levels = np.flatnonzero(counts)
    axis.plot(levels - 255, counts[levels] / counts.sum(), **style)


def _render_crops(comparison: Comparison) -> str:
    """Crops of the least noisy, the median and the noisiest picture: clean, real, each source."""
    deviations = [
        float((picture.crop - clean).std())
        for picture, clean in zip(comparison.real.pictures, comparison.clean_crops, strict=True)
    ]
    order = np.argsort(deviations)
    shown = sorted({round(place) for place in np.linspace(0, len(order) - 1, _NUM_SHOWN)})
    noises = [comparison.real, *comparison.sources]
    lines = [
        "<tr>" + "".join(f"<th>{html.escape(name)}</th>" for name in ("clean", *(n.name for n in noises), "")) + "</tr>"
    ]
    for index in order[shown]:
        crops = [comparison.clean_crops[index], *(noise.pictures[index].crop for noise in noises)]
        cells = [f"<td>{_embed(crop)}</td>" for crop in crops]
        lines.append("<tr>" + "".join(cells) + f"<td>{html.escape(comparison.names[index])}</td></tr>")
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _embed(picture: Picture) -> str:
    pixels = to_bytes(picture[..., ::-1])  # OpenCV writes BGR
    enlarged = pixels.repeat(_ENLARGEMENT, 0).repeat(_ENLARGEMENT, 1)
    data = base64.b64encode(cv2.imencode(".png", enlarged)[1].tobytes()).decode()
    return f'<img alt="" src="data:image/png;base64,{data}">'
