"""Runs a fuzz target: damages its seeds and reports every result that is neither good nor an error raised on purpose.

A target is a module beside this one with ``TARGET = Target(...)`` and ``main(TARGET)``; ``test_fuzz.py`` runs them all.
By hand: ``python -m tests.fuzz.pictures --count 100000 --seed 3``; one case again: ``--seed 3 --only 4711``.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from srdgan_rt.errors import SrdganError
from tests.fuzz.mutate import Parts, mutate


@dataclass(frozen=True)
class Target:
    """What is fuzzed.

    Attributes:
        name: of the target.
        seeds: makes sound files, each with its name; the check must accept every one.
        check: reads a file; it may raise :class:`SrdganError` and nothing else.
        find_parts: the parts of a sound file, for mutations that know its structure.
        repair: makes checksums and lengths of a damaged file right again, so that the damage behind them is reached.
        seconds: time allowed for a case; one that takes longer is a hang.
        megabytes: memory that a case may take on top of what the process had at its start.
    """

    name: str
    seeds: Callable[[], dict[str, bytes]]
    check: Callable[[Path], object]
    find_parts: Callable[[bytes], Parts] = lambda data: ()
    repair: Callable[[bytes], bytes] = lambda data: data
    seconds: float = 20
    megabytes: int = 512


def main(target: Target) -> None:
    """The command line of a target; exit status 1 if anything was found."""
    parser = argparse.ArgumentParser(description=f"Fuzzes {target.name}.")
    parser.add_argument("--count", type=int, default=2000, help="number of damaged files (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="another number gives other damage (default: 0)")
    parser.add_argument("--only", type=int, help="run one case again, by the number that a finding names")
    arguments = parser.parse_args()
    cases = range(arguments.count) if arguments.only is None else [arguments.only]
    with tempfile.TemporaryDirectory() as folder:
        num_found = _run(target, cases, arguments.seed, Path(folder))
    sys.exit(1 if num_found else 0)


def _run(target: Target, cases: range | list[int], seed: int, folder: Path) -> int:
    faulthandler.enable()
    seeds = target.seeds()
    parts = {name: target.find_parts(data) for name, data in seeds.items()}
    for name, data in seeds.items():
        path = folder / "case.bin"
        path.write_bytes(data)
        try:
            target.check(path)
        except SrdganError as error:
            raise AssertionError(f"the seed {name} is not sound: {error}") from error
    names, everything = list(seeds), list(seeds.values())
    results: Counter[str] = Counter()
    peak = _peak_memory()
    for case in cases:
        rng = random.Random(f"{target.name} {seed} {case}")
        name = rng.choice(names)
        data = mutate(seeds[name], parts[name], everything, rng)
        path.write_bytes(target.repair(data) if rng.random() < 0.8 else data)
        # A crash or a hang ends the process: the last line then tells which case it was.
        print(f"\rcase {case} of seed {seed} ({name})", end="", flush=True)
        faulthandler.dump_traceback_later(target.seconds, exit=True)
        start = time.perf_counter()
        try:
            target.check(path)
            result = "read"
        except SrdganError as error:
            result = "refused" if "\n" not in str(error) else f"error of several lines: {error!r}"
        except Exception as error:
            result = f"foreign exception {error!r}"
        finally:
            faulthandler.cancel_dump_traceback_later()
        if _peak_memory() > peak + target.megabytes * 1e6:
            result = f"took {(_peak_memory() - peak) / 1e6:.0f} MB of memory"
            peak = _peak_memory()
        results[result] += 1
        if result not in ("read", "refused"):
            print(f"\rFOUND by case {case} of seed {seed} ({name}): {result} [{time.perf_counter() - start:.1f} s]")
    num_found = results.total() - results["read"] - results["refused"]
    print(f"\r{target.name}: {results['read']} read, {results['refused']} refused, {num_found} found")
    return num_found


def _peak_memory() -> float:
    """Bytes of memory that this process held at most, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
