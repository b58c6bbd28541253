"""``srdgan-rt upscale --ray``: runs the jobs of a call on a cluster."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

from srdgan_rt.checkpoint import load_model
from srdgan_rt.checkpoint.locate import pin_model
from srdgan_rt.cli.results import Reporter
from srdgan_rt.distributed import UpscaleFiles, connect, run_rows
from srdgan_rt.errors import ImageWriteError, SrdganError
from srdgan_rt.files.jobs import Job
from srdgan_rt.files.result import Result
from srdgan_rt.files.upscale_file import Existing, FileOptions
from srdgan_rt.runtime import AUTO


def run_on_cluster(
    jobs: Sequence[Job],
    address: str,
    upscaler: Mapping[str, Any],
    options: FileOptions,
    reporter: Reporter,
    *,
    num_cpus: int,
    num_gpus: float,
) -> None:
    """Runs jobs on a cluster.

    Args:
        jobs: the jobs.
        address: of the cluster, see :func:`srdgan_rt.distributed.connect`.
        upscaler: arguments of :func:`srdgan_rt.runtime.open_upscaler`.
        options: options for all files.
        reporter: prints results and errors.
        num_cpus: CPUs of each worker.
        num_gpus: GPUs of each worker.

    Raises:
        BackendUnavailableError: there is no Ray, or no cluster.
        InputError: the cluster has less than one worker needs.
    """
    items = []
    for job in jobs:
        source, target = (os.path.abspath(path) for path in (job.source, job.target))  # noqa: PTH100 (no links)
        # Refused here and not by the workers: one that repeats the work of a lost one may find its results.
        if options.existing is Existing.REFUSE and job.target.exists():
            reporter.failed(source, ImageWriteError(f"{target} exists: choose --overwrite or --skip-existing"), target)
        elif not source.isprintable() or not target.isprintable():
            reporter.failed(source, ImageWriteError("--ray: names must be printable UTF-8"), target)
        else:
            notes = "\n".join(job.notes)
            items.append({"input": source, "output": target, "may_become_png": job.may_become_png, "notes": notes})
    existing = Existing.SKIP if options.existing is Existing.REFUSE else options.existing
    options = dataclasses.replace(options, existing=existing)
    if upscaler["model"] != AUTO:  # a wrong name is found here, not by each worker
        load_model(upscaler["model"], sharpness=upscaler["sharpness"])
    arguments = {"upscaler": {**upscaler, "model": pin_model(upscaler["model"])}, "options": options}
    connect(address)
    for row in run_rows(UpscaleFiles, arguments, items, num_cpus=num_cpus, num_gpus=num_gpus):
        if row["status"] == "failed":
            reporter.failed(row["input"], SrdganError(row["error"]), row["output"])
        else:
            reporter.done(_make_result(row))


def _make_result(row: Mapping[str, Any]) -> Result:
    notes = tuple(row["notes"].splitlines())
    if row["status"] == "skipped":
        return Result(row["input"], "skipped", row["output"], notes=notes)
    sizes = {name: row[name] for name in ("width", "height", "out_width", "out_height")}
    speed = row["width"] * row["height"] / 1e6 / row["seconds"]
    timing = {"seconds": row["seconds"], "megapixels_per_second": speed}
    return Result(row["input"], "done", row["output"], **sizes, **timing, notes=notes)
