"""Draws the curves of runs: ``python -m training.plot RUN... --keys Set5_psnr,phone_crops_psnr -o curves.svg``.

One panel a key of the log, one line a run, one after the other where a run starts from the run before it
(``--chained``). Needs matplotlib (the extra ``report``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from srdgan_rt.atomic import replace_file
from srdgan_rt.errors import InputError, install_hint
from training.cli.parser import CommandParser, one_line_errors
from training.loop.progress import LOG

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curve = tuple[list[int], list[float]]  # iterations and values


def read_curve(run: Path, key: str) -> Curve:
    """The values of a key in a run's log.

    Of [generated, real] pairs the first is taken. Lines that a resumed run has written again count once, the last time.
    Lines that a full disk cut off are left out.

    Raises:
        InputError: there is no log, or it is none.
    """
    path = run / LOG
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read the log {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no log of a run") from error
    records = [record for line in lines if isinstance(record := _parse(line), dict) and "iteration" in record]
    if lines and not records:
        raise InputError(f"{path} is no log of a run")
    values: dict[int, float] = {}
    for record in records:
        value = record.get(key)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, (int, float)):
            values[record["iteration"]] = float(value)
    return sorted(values), [values[iteration] for iteration in sorted(values)]


def _parse(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


def last_iteration(run: Path) -> int:
    """How long a run has gone on."""
    return max(read_curve(run, "iteration")[0], default=0)


def plot(runs: Sequence[Path], keys: Sequence[str], output: Path, *, chained: bool) -> None:
    """Draws a picture.

    Args:
        runs: folders of runs, in their order.
        keys: of the log, one panel each.
        output: file, of any format that matplotlib writes.
        chained: let each run begin where the one before it ends.

    Raises:
        InputError: a log cannot be read, no run has a key, matplotlib is missing or cannot write such a file.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(f"curves are drawn by matplotlib: {install_hint('report')}") from error
    figure = Figure(figsize=(4.5 * len(keys), 3), layout="constrained")
    for axes, key in zip(figure.subplots(1, len(keys), squeeze=False)[0], keys, strict=True):
        start, found = 0, False
        for run in runs:
            iterations, values = read_curve(run, key)
            found |= bool(values)
            axes.plot([start + iteration for iteration in iterations], values, label=run.name, marker=".")
            start += last_iteration(run) if chained else 0
        if not found:
            raise InputError(f"no run has {key!r} in its log")
        axes.set(title=key.replace("_", " "), xlabel="iteration")
        axes.grid(alpha=0.3)
    figure.axes[0].legend(fontsize="small")
    with rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": "srdgan-rt"}
    ):  # letters stay letters; equal runs, equal files
        save_figure(figure, output)


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure, whole or not at all, in the format that the ending names; an SVG file holds no date.

    Raises:
        InputError: matplotlib cannot write such a file.
        OSError: it cannot be written; it names ``path``.
    """
    try:
        with replace_file(path) as file:
            figure.savefig(file, format=path.suffix[1:], metadata={"Date": None} if path.suffix == ".svg" else None)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folders of runs")
    parser.add_argument("--keys", required=True, help="keys of the log, separated by commas")
    parser.add_argument("--chained", action="store_true", help="each run begins where the one before it ends")
    parser.add_argument("-o", "--output", type=Path, required=True, help="picture to write, .svg or .png")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        plot(arguments.runs, arguments.keys.split(","), arguments.output, chained=arguments.chained)


if __name__ == "__main__":
    main()
