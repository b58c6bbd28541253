"""Runs the benchmark: builds the engines, checks their results, times them in turn, weighs their memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch

from srdgan_rt.bench.alone import measure_alone
from srdgan_rt.bench.comparison import compare
from srdgan_rt.bench.engines import OURS, build_engine, precision_of
from srdgan_rt.bench.nets import open_net
from srdgan_rt.bench.peak import FLOP, make_peak_case
from srdgan_rt.bench.peers import PEERS
from srdgan_rt.bench.report import Comparison, Measurement, Report
from srdgan_rt.bench.sample import make_sample
from srdgan_rt.bench.timing import Timing, time_interleaved
from srdgan_rt.errors import InputError

_PEAK = "peak"


def run_suite(
    model: str,
    sizes: Sequence[tuple[int, int]],
    *,
    peers: bool = False,
    threads: Sequence[int] = (),
    seconds: float = 5.0,
    rounds: int | None = None,
    say: Callable[[str], None] = lambda message: None,
) -> Report:
    """Times every engine that runs here on the CPU, in fp32 (but for a peer whose name says otherwise).

    Args:
        model: name of a shipped model, path of a weight file, or sizes such as ``25x64x32`` for random weights.
        sizes: LR pictures as (height, width).
        peers: time the other engines that are installed, too.
        threads: numbers of threads, each for every engine; PyTorch's own choice by default.
        seconds: time to spend per engine, size and number of threads.
        rounds: exact number of timed runs instead.
        say: told what is going on, one line at a time.

    Returns:
        The report.

    Raises:
        InputError: a size, a number of rounds or of threads is out of range.
        CheckpointError: the model cannot be loaded.
    """
    _check_arguments(sizes, threads, seconds, rounds)
    suite = _Suite(model, OURS + (tuple(PEERS) if peers else ()), say)
    measurements: list[Measurement] = []
    comparisons: list[Comparison] = []
    threads_before = torch.get_num_threads()
    try:
        for num_threads in dict.fromkeys(threads or [threads_before]):
            torch.set_num_threads(num_threads)
            for height, width in dict.fromkeys(sizes):
                rows = suite.measure(height, width, num_threads, seconds=seconds, rounds=rounds)
                measurements += rows
                comparisons += compare(rows)
    finally:
        torch.set_num_threads(threads_before)
    return Report(
        model=suite.spec.name,
        mflop_per_pixel=2 * suite.spec.macs_per_pixel / 1e6,
        num_parameters=suite.spec.num_parameters,
        scale=suite.spec.scale,
        measurements=tuple(measurements),
        comparisons=tuple(comparisons),
        left_out=suite.left_out,
    )


class _Suite:
    """The engines of one benchmark and what became of them."""

    def __init__(self, model: str, engines: tuple[str, ...], say: Callable[[str], None]) -> None:
        self.model = model
        self.net, self.spec = open_net(model)
        self.engines = engines
        self.say = say
        self.left_out: dict[str, str] = {}

    def measure(
        self, height: int, width: int, num_threads: int, *, seconds: float, rounds: int | None
    ) -> list[Measurement]:
        """All engines on one size; those that cannot run are noted in ``left_out``."""
        label = f"{width}x{height}, {num_threads} threads"
        cases, differences = self._prepare(height, width, num_threads, label)
        self.say(f"{label}: timing {len(cases)} engines")
        make_peak = make_peak_case()
        make_peak()
        timings = time_interleaved({**cases, _PEAK: make_peak}, seconds=seconds, rounds=rounds)
        del cases  # their memory is not needed any more, and the processes to come may need it
        peak = FLOP / timings.pop(_PEAK).minimum / 1e9
        ours = next((timings[name].minimum for name in OURS if name in timings), None)
        rows = []
        for name, timing in timings.items():
            self.say(f"{label}: weighing {name}")
            row = self._describe(
                name, height, width, num_threads, timing, peak=peak, ours=ours, difference=differences[name]
            )
            rows.append(row)
        return rows

    def _describe(
        self,
        name: str,
        height: int,
        width: int,
        num_threads: int,
        timing: Timing,
        *,
        peak: float,
        ours: float | None,
        difference: float,
    ) -> Measurement:
        """One row; ``ours`` are the seconds of our best engine."""
        gflops = 2 * self.spec.macs_per_pixel * height * width / timing.minimum / 1e9
        alone = measure_alone(name, self.model, height, width, num_threads)
        return Measurement(
            engine=name,
            precision=precision_of(name),
            height=height,
            width=width,
            num_threads=num_threads,
            rounds=len(timing.seconds),
            seconds_min=timing.minimum,
            seconds_median=timing.median,
            megapixels_per_second=height * width / timing.minimum / 1e6,
            gflops=gflops,
            peak_gflops=peak,
            percent_of_peak=100 * gflops / peak,
            load_seconds=alone.load_seconds,
            peak_memory_mib=alone.peak_memory_mib,
            max_difference=difference,
            our_speedup=None if ours is None else timing.minimum / ours,
        )

    def _prepare(
        self, height: int, width: int, num_threads: int, label: str
    ) -> tuple[dict[str, Callable[[], object]], dict[str, float]]:
        """Builds and warms up the engines, and holds each result against the network's own.

        Once for each number of threads, for some engines fix theirs when they are built.
        """
        sample = make_sample(height, width)
        with torch.inference_mode():
            reference = self.net(sample)
        cases: dict[str, Callable[[], object]] = {}
        differences: dict[str, float] = {}
        for name in self.engines:
            self.say(f"{label}: preparing {name}")
            try:
                run = build_engine(name, self.net, sample, num_threads)
                differences[name] = (run(sample) - reference).abs().max().item()
            except Exception as error:  # one engine's trouble, whatever it is, must not end the others' timing
                self.left_out[name] = str(error).partition("\n")[0] or type(error).__name__
            else:
                cases[name] = partial(run, sample)
        return cases, differences


def _check_arguments(
    sizes: Sequence[tuple[int, int]], threads: Sequence[int], seconds: float, rounds: int | None
) -> None:
    if not sizes or min(min(size) for size in sizes) < 1:
        raise InputError(f"sizes must be one or more pairs of at least 1 pixel, got {list(sizes)}")
    if min(threads, default=1) < 1:
        raise InputError(f"threads must be at least 1, got {min(threads)}")
    if rounds is not None and rounds < 1:
        raise InputError(f"rounds must be at least 1, got {rounds}")
    if not seconds > 0:
        raise InputError(f"seconds must be above 0, got {seconds}")
