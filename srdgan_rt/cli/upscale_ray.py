"""``srdgan-rt upscale --ray``: runs the jobs of a call on a cluster."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from srdgan_rt.checkpoint import load_model
from srdgan_rt.checkpoint.locate import pin_model
from srdgan_rt.cli.results import Reporter
from srdgan_rt.distributed import UpscaleFiles, connect, result_of, run_rows
from srdgan_rt.errors import ImageWriteError, SrdganError
from srdgan_rt.files.jobs import Job
from srdgan_rt.files.upscale_file import Existing, FileOptions, refuse_existing
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
    # Results that exist are refused here and not by the workers: one that repeats the work of a lost one may find its
    # results.
    refused: set[str] = set()
    for job in jobs:
        source, target = _make_absolute(job.source), _make_absolute(job.target)
        fallback = _make_absolute(job.fallback) if job.fallback else ""
        if options.existing is Existing.REFUSE:
            refused |= {path for path in (target, fallback) if os.path.exists(path)}  # noqa: PTH110 (text)
        if target in refused:
            reporter.failed(source, refuse_existing(target), target)
        elif not source.isprintable() or not target.isprintable():
            reporter.failed(source, ImageWriteError("--ray: names must be printable UTF-8"), target)
        else:
            notes = "\n".join(job.notes)
            items.append({"input": source, "output": target, "fallback": fallback, "notes": notes})
    if options.existing is Existing.REFUSE:
        options = dataclasses.replace(options, existing=Existing.SKIP)
    if upscaler["model"] != AUTO:  # a wrong name is found here, not by each worker
        load_model(upscaler["model"], sharpness=upscaler["sharpness"])
    arguments = {"upscaler": {**upscaler, "model": pin_model(upscaler["model"])}, "options": options}
    connect(address)
    for row in run_rows(UpscaleFiles, arguments, items, num_cpus=num_cpus, num_gpus=num_gpus):
        result = result_of(row)
        if result.error is not None:
            reporter.failed(result.input, SrdganError(result.error), result.output)
        elif result.status == "skipped" and result.output in refused:
            reporter.failed(result.input, refuse_existing(result.output), result.output)
        else:
            reporter.done(result)


def _make_absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 (links stay as they are)
