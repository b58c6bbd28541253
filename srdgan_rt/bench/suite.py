"""Runs the benchmark: builds the engines, checks their results, times them in turn, measures their memory."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from srdgan_rt.bench.alone import Alone, measure_alone
from srdgan_rt.bench.comparison import compare
from srdgan_rt.bench.engines import OURS, build_engine, precision_of
from srdgan_rt.bench.machine import describe_machine
from srdgan_rt.bench.nets import open_model
from srdgan_rt.bench.peak import FLOP, make_peak_case, measure_bandwidth
from srdgan_rt.bench.peers import PEERS
from srdgan_rt.bench.report import Case, Measurement, Report
from srdgan_rt.bench.sample import make_sample
from srdgan_rt.bench.timing import MIN_ROUNDS, Timing, time_interleaved
from srdgan_rt.errors import InputError

_PEAK = "peak"
_MOST_SECONDS = 86_400  # a day
_MOST_THREADS = 4096  # more than any machine has processors; PyTorch aborts at far more


def run_suite(
    model: str,
    sizes: Sequence[tuple[int, int]],
    *,
    peers: bool = False,
    threads: Sequence[int] = (),
    seconds: float = 5.0,
    rounds: int | None = None,
    min_rounds: int = MIN_ROUNDS,
    leave_out: Collection[str] = (),
    weigh_once: bool = False,
    done: Report | None = None,
    save: Callable[[Report], None] = lambda report: None,
    say: Callable[[str], None] = lambda message: None,
) -> Report:
    """Times every engine that can run here on the CPU, in fp32 unless its name says otherwise.

    Args:
        model: name of a shipped model, path of a weight file, or sizes such as ``25x64x32`` for random weights.
        sizes: LR pictures as (height, width).
        peers: whether to time the other engines that are installed, too.
        threads: numbers of threads to time every engine with; empty is PyTorch's own choice.
        seconds: time to spend per engine, size and number of threads.
        rounds: exact number of timed runs; None uses ``seconds``.
        min_rounds: least number of timed runs, however long they take, where ``rounds`` is None.
        leave_out: names of engines to skip.
        weigh_once: whether to measure load time and peak memory only with the first number of threads.
        done: report to continue: what it contains is not measured again.
        save: called with the report so far after each size and number of threads.
        say: called with one line of text at each step.

    Returns:
        The report, including the contents of ``done``.

    Raises:
        InputError: a size or a number of rounds or threads is out of range, an engine to skip is unknown, or ``done``
            is the report of another network.
        CheckpointError: the model cannot be loaded.
    """
    engines = (*OURS, *PEERS) if peers else tuple(OURS)
    _check_arguments(sizes, threads, seconds, rounds, min_rounds)
    if unknown := set(leave_out) - {*OURS, *PEERS}:
        raise InputError(f"engines to leave out must be among {', '.join((*OURS, *PEERS))}, got {', '.join(unknown)}")
    threads_before = torch.get_num_threads()
    all_threads = list(dict.fromkeys(threads or [threads_before]))
    suite = _Suite(model, engines, leave_out, say)
    report = suite.start_report() if done is None else done
    if report.model != suite.spec.name:
        raise InputError(f"the report to continue must be of {suite.spec.name}, got one of {report.model}")
    known = {row.case for row in report.measurements}
    try:
        for num_threads in all_threads:
            torch.set_num_threads(num_threads)
            weigh = num_threads == all_threads[0] or not weigh_once
            for height, width in dict.fromkeys(sizes):
                case = height, width, num_threads
                if case not in known:
                    rows = suite.measure(case, seconds=seconds, rounds=rounds, min_rounds=min_rounds, weigh=weigh)
                    report = suite.add(report, rows)
                    save(report)
    finally:
        torch.set_num_threads(threads_before)
    return report


class _Suite:
    """State of one benchmark: its engines and those that could not run."""

    def __init__(
        self, model: str, engines: tuple[str, ...], leave_out: Collection[str], say: Callable[[str], None]
    ) -> None:
        self.model = model
        opened = open_model(model)
        self.net, self.spec = opened.net, opened.spec
        self.engines = [name for name in engines if name not in leave_out]
        self.say = say
        self.left_out = {name: "not asked for" for name in engines if name in leave_out}
        self.references: dict[tuple[int, int], Tensor] = {}

    def start_report(self) -> Report:
        """A report without measurements."""
        return Report(
            model=self.spec.name,
            mflop_per_pixel=2 * self.spec.macs_per_pixel / 1e6,
            num_parameters=self.spec.num_parameters,
            scale=self.spec.scale,
            measurements=(),
            comparisons=(),
            left_out=dict(self.left_out),
            feature_values_per_pixel=self.spec.feature_values_per_pixel,
            date=datetime.date.today().isoformat(),
            machine=describe_machine(),
        )

    def add(self, report: Report, rows: Sequence[Measurement]) -> Report:
        """The report with one more case."""
        return replace(
            report,
            measurements=(*report.measurements, *rows),
            comparisons=(*report.comparisons, *compare(rows)),
            left_out=report.left_out | self.left_out,
        )

    def measure(
        self, case: Case, *, seconds: float, rounds: int | None, min_rounds: int, weigh: bool
    ) -> list[Measurement]:
        """Measures all engines on one case. Engines that cannot run are added to ``left_out``."""
        height, width, num_threads = case
        label = f"{width}x{height}, {num_threads} threads"
        self.say(f"{label}: measuring the peak speed of processor and memory")
        bandwidth = measure_bandwidth(num_threads)
        make_peak = make_peak_case()
        make_peak()
        # Also measured here: with few rounds, one disturbed product would make all engines look better.
        peak_alone = time_interleaved({_PEAK: make_peak}, seconds=seconds, rounds=MIN_ROUNDS)[_PEAK]
        cases, differences = self._prepare(case, label)
        self.say(f"{label}: timing {len(cases)} engines")
        timings = time_interleaved({**cases, _PEAK: make_peak}, seconds=seconds, rounds=rounds, min_rounds=min_rounds)
        del cases  # frees their memory for the processes that follow
        peak = FLOP / min(peak_alone.minimum, timings.pop(_PEAK).minimum) / 1e9
        ours = next((timings[name].minimum for name in OURS if name in timings), None)
        rows = []
        for name, timing in timings.items():
            alone = Alone(None, None)
            if weigh:
                self.say(f"{label}: measuring load time and memory of {name}")
                alone = measure_alone(name, self.model, height, width, num_threads)
            row = self._describe(
                name, case, timing, alone, peak=peak, bandwidth=bandwidth, ours=ours, difference=differences[name]
            )
            rows.append(row)
        return rows

    def _describe(
        self,
        name: str,
        case: Case,
        timing: Timing,
        alone: Alone,
        *,
        peak: float,
        bandwidth: float,
        ours: float | None,
        difference: float,
    ) -> Measurement:
        """One measurement. ``ours`` is the time of the first of our engines that ran, in seconds."""
        height, width, num_threads = case
        gflops = 2 * self.spec.macs_per_pixel * height * width / timing.minimum / 1e9
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
            peak_bandwidth=bandwidth,
        )

    def _prepare(self, case: Case, label: str) -> tuple[dict[str, Callable[[], object]], dict[str, float]]:
        """Builds and warms up the engines, and compares each result with the network's own.

        Called for each number of threads, because some engines fix theirs when they are built.
        """
        height, width, num_threads = case
        sample = make_sample(height, width)
        reference = self._refer(sample)
        cases: dict[str, Callable[[], object]] = {}
        differences: dict[str, float] = {}
        for name in self.engines:
            self.say(f"{label}: preparing {name}")
            try:
                run = build_engine(name, self.net, sample, num_threads)
                differences[name] = (run(sample) - reference).abs().max().item()
            except Exception as error:  # of any type: one failing engine must not stop the others
                self.left_out[name] = str(error).partition("\n")[0] or type(error).__name__
            else:
                cases[name] = partial(run, sample)
        return cases, differences

    def _refer(self, sample: Tensor) -> Tensor:
        """The network's own result, computed once for each size."""
        size = (sample.shape[2], sample.shape[3])
        if size not in self.references:
            with torch.inference_mode():
                self.references[size] = self.net(sample)
        return self.references[size]


def _check_arguments(
    sizes: Sequence[tuple[int, int]], threads: Sequence[int], seconds: float, rounds: int | None, min_rounds: int
) -> None:
    if not sizes or min(min(size) for size in sizes) < 1:
        raise InputError(f"sizes must be one or more pairs of at least 1 pixel, got {list(sizes)}")
    if wrong := [number for number in threads if not 1 <= number <= _MOST_THREADS]:
        raise InputError(f"threads must be from 1 to {_MOST_THREADS}, got {wrong[0]}")
    for number in (rounds, min_rounds):
        if number is not None and number < 1:
            raise InputError(f"rounds must be at least 1, got {number}")
    if not 0 < seconds <= _MOST_SECONDS:
        raise InputError(f"seconds must be above 0 and at most {_MOST_SECONDS}, got {seconds}")
