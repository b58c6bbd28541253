"""Makes the training set GMSR (section 3.2) of clean photographs.

``python -m training.synthesize --config training/configs/gmsr.toml --data DATA --output DIR``

Every photograph of DATA/train_photos, at several sizes, becomes pairs in DIR/HR and DIR/LRx4, made as by ``srdgan-rt
degrade``; DIR/manifest.json describes them. The same command completes a set that was stopped. A photograph
that cannot be used is a line on stderr, and the exit status is 1.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch

from srdgan_rt.degrade import Degrader
from srdgan_rt.degrade.pair_set import PairPaths, PairSet, store_pair
from srdgan_rt.degrade.pairs import PairPlan, hash_file, make_pairs, plan_pair
from srdgan_rt.errors import InputError, SrdganError
from srdgan_rt.pixels import Pixels
from training.cli.parser import CommandParser, name_failure, one_line_errors
from training.config import read_config
from training.config.gmsr import GMSRConfig, percent
from training.data.pictures import as_array, as_tensor, find_photographs
from training.imaging.random_source import RandomSource
from training.samples.clean_pictures import soften_and_darken

_TREATMENT_STREAM = (0, 2)  # of a pair's seed; see srdgan_rt.degrade.pairs for the others

_degrader: Degrader  # of a worker process


def prepare_photograph(photograph: Pixels, plan: PairPlan) -> Pixels | None:
    """Makes the clean picture of a pair.

    Args:
        photograph: ``(H, W, 3)`` or ``(H, W)`` float32 in [0, 1].
        plan: its ``treatment`` is the configuration's.

    Returns:
        The picture, smaller, cropped, softened and darkened as the treatment says and the seed decides; None where it
        would be too small.
    """
    treatment = plan.treatment
    rng = np.random.default_rng((plan.seed, *_TREATMENT_STREAM))
    height, width = (round(side * treatment["size"]) for side in photograph.shape[:2])
    if min(height, width) < treatment["smallest_side"]:
        return None
    clean = np.asarray(cv2.resize(photograph, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    if treatment["crop"]:
        y, x = (int(rng.integers(max(side - int(treatment["crop"]), 0) + 1)) for side in (height, width))
        clean = clean[y : y + int(treatment["crop"]), x : x + int(treatment["crop"])]
    if treatment["soften_and_darken"]:
        random = RandomSource((plan.seed, *_TREATMENT_STREAM), torch.device("cpu"))
        clean = as_array(soften_and_darken(as_tensor(clean)[None], random)[0])
    return np.clip(clean, 0, 1)


def plan_photograph(path: Path, config: GMSRConfig, degrader: Degrader) -> Iterator[PairPlan]:
    """Every pair of a photograph."""
    digest = hash_file(path)
    for size in config.sizes:
        treatment = {
            "size": size,
            "crop": config.crop,
            "soften_and_darken": config.soften_and_darken,
            "smallest_side": config.smallest_side,
        }
        for variant in range(1, config.variants + 1):
            name = f"{path.stem}_s{percent(size)}" + (f"_v{variant}" if variant > 1 else "")
            yield plan_pair(
                name, path.name, digest, degrader, seed=config.seed, levels=config.levels, treatment=treatment
            )


def synthesize(
    photographs: list[Path],
    config: GMSRConfig,
    folder: Path,
    *,
    workers: int = 1,
    device: str = "auto",
    overwrite: bool = False,
) -> int:
    """Makes or completes a set of pairs. The result is the same for any number of workers.

    Args:
        photographs: clean pictures with different names.
        config: of the set.
        folder: of the set.
        workers: processes, at least 1.
        device: of the high-to-low net.
        overwrite: replace pairs that were made otherwise.

    Returns:
        The number of photographs that could not be used.

    Raises:
        SrdganError: the net cannot be loaded, the folder cannot hold pairs, or two photographs have the same name.
    """
    if workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
    _check_names(photographs)
    degrader = Degrader(config.model, device=device)
    pairs = PairSet(folder, degrader.scale)
    jobs: list[tuple[Path, list[PairPlan]]] = []
    num_bad = 0
    for path in photographs:
        try:
            planned = plan_photograph(path, config, degrader)
            if missing := [plan for plan in planned if pairs.needs(plan, overwrite=overwrite)]:
                jobs.append((path, missing))
        except SrdganError as error:  # one bad photograph must not stop the others
            print(name_failure(path, error), file=sys.stderr, flush=True)
            num_bad += 1
    try:
        if jobs:
            num_bad += _run_jobs(jobs, config, pairs.paths, min(workers, len(jobs)), device)
    finally:
        pairs.finish()
    return num_bad


def _run_jobs(
    jobs: list[tuple[Path, list[PairPlan]]], config: GMSRConfig, paths: PairPaths, workers: int, device: str
) -> int:
    """Makes the pairs in other processes, even for one worker; returns the number of bad photographs."""
    num_bad = 0
    pool = ProcessPoolExecutor(
        workers,
        multiprocessing.get_context("spawn"),  # PyTorch's threads do not run in a forked process
        initializer=_start_worker,
        initargs=(config.model, device),
    )
    try:
        with _ignored_interrupts():  # each call may start a process
            tasks = {pool.submit(_make_and_store, path, plans, paths): (path, len(plans)) for path, plans in jobs}
        for number, task in enumerate(as_completed(tasks), 1):
            path, num_plans = tasks[task]
            try:
                num_made = task.result()
            except (SrdganError, OSError) as error:
                print(name_failure(path, error), file=sys.stderr, flush=True)
                num_bad += 1
            else:
                print(f"{number}/{len(tasks)} {path.name}: {num_made} of {num_plans} pairs", flush=True)
    finally:
        pool.shutdown(cancel_futures=True)  # after those that are at work, whose pairs count
    return num_bad


@contextmanager
def _ignored_interrupts() -> Iterator[None]:
    """Processes that are started in this context never see Ctrl-C: it is for the parent, which lets them finish."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _check_names(photographs: list[Path]) -> None:
    taken: dict[str, Path] = {}
    for path in photographs:
        other = taken.setdefault(path.stem.casefold(), path)
        if other != path:
            raise InputError(f"{path.name} and {other.name}: their pairs would have one name")


def _start_worker(model: str, device: str) -> None:
    global _degrader
    torch.set_num_threads(1)  # the processes are the threads; and sums do not depend on how many there are
    cv2.setNumThreads(1)
    _degrader = Degrader(model, device=device)


def _make_and_store(path: Path, plans: list[PairPlan], paths: PairPaths) -> int:
    """Makes pairs of one photograph; returns their number, as it may be too small for some."""
    num_made = 0
    for plan, pair in make_pairs(path, plans, _degrader, prepare=prepare_photograph):
        store_pair(paths, plan, pair)
        num_made += 1
    return num_made


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("--config", type=Path, required=True, help="TOML file, see training/configs/gmsr.toml")
    parser.add_argument("--data", type=Path, required=True, help="folder with train_photos")
    parser.add_argument("--output", type=Path, required=True, help="folder for the pairs; completed if it is there")
    parser.add_argument("--model", help="high-to-low net, a name or a file, in place of the configuration's")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (%(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (%(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace pairs of other settings")
    arguments = parser.parse_args()
    with one_line_errors(parser):
        config = read_config(arguments.config, GMSRConfig)
        if arguments.model is not None:
            config = dataclasses.replace(config, model=arguments.model)
        num_bad = synthesize(
            find_photographs(arguments.data / "train_photos"),
            config,
            arguments.output,
            workers=arguments.workers,
            device=arguments.device,
            overwrite=arguments.overwrite,
        )
    sys.exit(1 if num_bad else 0)


if __name__ == "__main__":
    main()
