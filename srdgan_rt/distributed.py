"""Many files on a cluster, with Ray Data (extra ``ray``); docs/distributed.md has recipes.

:class:`UpscaleFiles` and :class:`SynthesizePairs` are for :meth:`ray.data.Dataset.map_batches`. Each worker loads its
network once. Only paths travel through Ray: workers read and write the files themselves, so all of them need the same
folders.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from srdgan_rt.checkpoint import DEFAULT_DEGRADATION
from srdgan_rt.degrade import Degrader
from srdgan_rt.degrade.pair_set import PairSet
from srdgan_rt.errors import BackendUnavailableError, ImageWriteError, InputError, describe, install_hint
from srdgan_rt.files.degrade_file import PairJob, PairOptions, degrade_file, name_pairs
from srdgan_rt.files.jobs import Job
from srdgan_rt.files.progress import SilentProgress
from srdgan_rt.files.result import Result
from srdgan_rt.files.upscale_file import FileOptions, FileUpscaler
from srdgan_rt.runtime import open_upscaler

Row = dict[str, Any]
"""One file: the fields of :class:`Result` without ``megapixels_per_second``. Notes are lines of one text. Texts are ""
and numbers 0 where there is none, so that all rows have the same types."""

Batch = Mapping[str, Sequence[Any]]

_NUMBERS = {"width": 0, "height": 0, "out_width": 0, "out_height": 0, "seconds": 0.0}  # columns; all others are texts

_MOST_FILES = 16  # of a block: what is done again if a worker is lost
_FEWEST_BLOCKS = 256  # while there are that many files, so that few files are spread over all workers, too


class UpscaleFiles:
    """Enlarges the files of a batch; the work of ``srdgan-rt upscale`` on one worker.

    A batch has the columns ``input`` and ``output``, which are paths, and may have ``fallback``, a path or "", and
    ``notes``, lines of one text (:class:`srdgan_rt.files.jobs.Job`).

    Args:
        upscaler: arguments of :func:`srdgan_rt.runtime.open_upscaler`.
        options: options for all files. ``Existing.SKIP`` continues a run that was stopped; a file that is done twice,
            because its worker was lost, needs it or ``Existing.OVERWRITE``.
        num_threads: threads of the worker: as many as the CPUs that Ray reserves for it.
    """

    def __init__(self, upscaler: Mapping[str, Any], options: FileOptions, num_threads: int = 1) -> None:
        torch.set_num_threads(num_threads)
        self._arguments = upscaler
        # Opened with the first file, whose row has the error if that fails.
        self._files: FileUpscaler | None = None
        self._options = options

    def __call__(self, batch: Batch) -> dict[str, list[Any]]:
        """Enlarges the files; a file that fails does not stop the others.

        Returns:
            The columns of :data:`Row`, one row for each file.
        """
        rows = []
        for index, source in enumerate(batch["input"]):
            target = Path(batch["output"][index])
            notes = tuple(filter(None, str(batch["notes"][index]).split("\n"))) if "notes" in batch else ()
            fallback = str(batch["fallback"][index]) if "fallback" in batch else ""
            job = Job(Path(source), target, Path(fallback) if fallback else None, notes)
            rows.append(_make_row(str(source), str(target), partial(self._run, job), ("max_pixels", "tile")))
        return _to_columns(rows)

    def _run(self, job: Job) -> list[Result]:
        if self._files is None:
            self._files = FileUpscaler(open_upscaler(**self._arguments), self._options)
        return self._files.run(job, SilentProgress())


class SynthesizePairs:
    """Makes training pairs of the photographs of a batch; the work of ``srdgan-rt degrade`` on one worker.

    A batch has the columns ``input``, a path, and ``relative``, the path below its root folder, which names the pairs.
    After the run, ``PairSet(folder, scale).finish()`` writes the manifest.

    Args:
        folder: folder of the pairs.
        options: options for all photographs.
        model: name or path of a high-to-low net.
        variants: pairs of each photograph.
        device: as :class:`srdgan_rt.degrade.Degrader` takes it.
        num_threads: threads of the worker: as many as the CPUs that Ray reserves for it.
    """

    def __init__(
        self,
        folder: str,
        options: PairOptions,
        *,
        model: str = DEFAULT_DEGRADATION,
        variants: int = 1,
        device: str = "auto",
        num_threads: int = 1,
    ) -> None:
        torch.set_num_threads(num_threads)
        self._degrader = Degrader(model, device=device)
        self._options = options
        self._variants = variants
        self._folder = Path(folder)
        self._pairs = PairSet(self._folder, self._degrader.scale)

    def __call__(self, batch: Batch) -> dict[str, list[Any]]:
        """Makes the missing pairs; a photograph that fails does not stop the others.

        Returns:
            The columns of :data:`Row`, one row for each photograph; ``output`` is the file of its first pair.
        """
        rows = []
        for source, relative in zip(batch["input"], batch["relative"], strict=True):
            names = name_pairs(Path(relative), self._variants)
            job = PairJob(Path(source), Path(relative), names, self._pairs.paths.of(names[0])[1])
            rows.append(_make_row(str(source), str(job.target), partial(self._run, job), ("max_pixels",)))
        return _to_columns(rows)

    def _run(self, job: PairJob) -> list[Result]:
        try:
            return list(degrade_file(job, self._degrader, self._pairs, self._options, SilentProgress()))
        except ImageWriteError:
            # Its pairs may have been made by a worker that was lost since: the journal, read again, knows them.
            self._pairs = PairSet(self._folder, self._degrader.scale)
            return list(degrade_file(job, self._degrader, self._pairs, self._options, SilentProgress()))


def _make_row(source: str, target: str, run: Callable[[], Sequence[Result]], options: Collection[str]) -> Row:
    """Runs the work on one file. Its row is that of the first result that was made, with the notes and time of all.

    Args:
        source: the file.
        target: its result.
        run: does the work.
        options: see :func:`srdgan_rt.errors.describe`.
    """
    try:
        results = run()
    except Exception as error:  # of any type: one bad file must not stop the others
        results = [Result(source, "failed", target, error=describe(error, options))]
    first = next((result for result in results if result.status == "done"), results[0])
    row = {name: _NUMBERS.get(name, "") if value is None else value for name, value in asdict(first).items()}
    del row["megapixels_per_second"]
    seconds = sum(result.seconds or 0.0 for result in results)
    return row | {"seconds": seconds, "notes": "\n".join(note for result in results for note in result.notes)}


def result_of(row: Row) -> Result:
    """The result that a row describes."""
    fields = {name: value or None for name, value in row.items()}
    speed = row["width"] * row["height"] / 1e6 / row["seconds"] if row["seconds"] else None
    return Result(**fields | {"notes": tuple(row["notes"].splitlines())}, megapixels_per_second=speed)


def _to_columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def connect(address: str) -> None:
    """Connects to a cluster.

    Args:
        address: ``auto`` for the one that runs on this machine or that ``RAY_ADDRESS`` names, ``local`` to start one on
            this machine alone, or an address as Ray takes it.

    Raises:
        BackendUnavailableError: Ray is not installed, or there is no cluster.
    """
    if importlib.util.find_spec("ray") is None:
        raise BackendUnavailableError(f"--ray needs ray, which is not installed: {install_hint('ray')}")
    import ray

    if not ray.is_initialized():
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
        except (ConnectionError, ValueError) as error:
            raise BackendUnavailableError(f"--ray {address}: {str(error).splitlines()[0]}") from error


def run_rows(
    worker: type,
    arguments: Mapping[str, Any],
    items: Sequence[Mapping[str, Any]],
    *,
    num_cpus: int = 1,
    num_gpus: float = 0,
    num_workers: int | None = None,
) -> Iterator[Row]:
    """Runs a worker class on a cluster, to which :func:`connect` has connected.

    Files of a worker that is lost are given to others, so that each has one row.

    Args:
        worker: :class:`UpscaleFiles` or :class:`SynthesizePairs`.
        arguments: its arguments but ``num_threads``.
        items: one for each file, with the columns that the class needs; paths must be absolute.
        num_cpus: CPUs, and so threads, of each worker.
        num_gpus: GPUs of each worker; 0.5 puts two workers on each.
        num_workers: largest number of workers; None for as many as the cluster can hold.

    Yields:
        One row for each file, as soon as its block is done, in any order.

    Raises:
        InputError: ``num_cpus`` is below 1, ``num_gpus`` below 0, or the cluster has less.
    """
    import ray

    resources: dict[str, float] = ray.cluster_resources()
    if num_cpus < 1 or num_gpus < 0:
        raise InputError(f"a worker needs at least 1 CPU and 0 GPUs, got {num_cpus} and {num_gpus:g}")
    for name, wanted in (("CPU", num_cpus), ("GPU", num_gpus)):
        if wanted > resources.get(name, 0):
            raise InputError(f"a worker needs {wanted:g} {name}, but the cluster has {resources.get(name, 0):g}")
    if not items:
        return
    limits = [int(resources[name] / wanted) for name, wanted in (("CPU", num_cpus), ("GPU", num_gpus)) if wanted]
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    size = max(1, min(num_workers or len(items), len(items), *limits))
    num_blocks = max(min(len(items), _FEWEST_BLOCKS), -(-len(items) // _MOST_FILES))
    rows = ray.data.from_items(list(items), override_num_blocks=num_blocks).map_batches(
        worker,
        fn_constructor_kwargs={**arguments, "num_threads": num_cpus},
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=size),
        num_cpus=num_cpus,
        num_gpus=num_gpus,
    )
    yield from rows.iter_rows()
