"""Results of a benchmark as data; the command line draws the tables."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from srdgan_rt.bench.machine import Machine

Case = tuple[int, int, int]
"""LR rows, LR columns, threads."""


@dataclass(frozen=True)
class Measurement:
    """One engine on one picture size with one number of threads.

    Args:
        engine: its name.
        precision: lowest precision of its weights and features, such as ``fp32``.
        height: LR rows.
        width: LR columns.
        num_threads: threads of the engine.
        rounds: number of timed runs.
        seconds_min: time of the fastest run.
        seconds_median: median time.
        megapixels_per_second: LR megapixels per second in the fastest run.
        gflops: GFLOP/s of the fastest run, counted as for direct convolution for every engine.
        peak_gflops: GFLOP/s of a matrix product, the fastest of those run before the engines and in turn with them.
        percent_of_peak: ``gflops`` in percent of ``peak_gflops``.
        load_seconds: time from the loaded network to the ready engine in a separate process, without caches from
            earlier runs; None where unknown.
        peak_memory_mib: memory that making and running the engine adds to a separate process; None where unknown.
        max_difference: largest absolute difference from the reference result, for values in [0, 1].
        our_speedup: speedup of the first of our engines that ran over this one; None where none of ours ran.
        peak_bandwidth: memory bandwidth in GB/s with as many threads, measured right before the engines; None in old
            reports.
    """

    engine: str
    precision: str
    height: int
    width: int
    num_threads: int
    rounds: int
    seconds_min: float
    seconds_median: float
    megapixels_per_second: float
    gflops: float
    peak_gflops: float
    percent_of_peak: float
    load_seconds: float | None
    peak_memory_mib: float | None
    max_difference: float
    our_speedup: float | None
    peak_bandwidth: float | None = None

    @property
    def case(self) -> Case:
        """Size and threads. Measurements of the same case are interleaved and may be compared."""
        return self.height, self.width, self.num_threads


@dataclass(frozen=True)
class PeerComparison:
    """One of our engines compared with the fastest peers. A speedup is the ratio of the fastest interleaved runs.

    Args:
        engine: name of our engine.
        height: LR rows.
        width: LR columns.
        num_threads: threads of every engine.
        fastest_fp32_peer: fastest peer that computes only in fp32; None where none ran.
        speedup_over_fp32_peer: speedup of our engine over it; None where there is no such peer.
        fastest_peer: fastest peer of any precision.
        speedup_over_peer: speedup of our engine over it.
    """

    engine: str
    height: int
    width: int
    num_threads: int
    fastest_fp32_peer: str | None
    speedup_over_fp32_peer: float | None
    fastest_peer: str
    speedup_over_peer: float

    @property
    def case(self) -> Case:
        """Size and threads of the measurements that are compared."""
        return self.height, self.width, self.num_threads


@dataclass(frozen=True)
class Report:
    """All results of one call of the benchmark.

    Args:
        model: name of the network.
        mflop_per_pixel: MFLOP per LR pixel in direct convolution.
        num_parameters: number of weights and biases.
        scale: enlargement of the network.
        measurements: sorted by number of threads, size and engine; those of a continued report come first.
        comparisons: comparisons of our engines with the peers, in the order of the measurements.
        left_out: engines that did not run, each with its reason.
        feature_values_per_pixel: values that the convolutions read and write per LR pixel, if each is run by itself.
        date: ISO date of the first measurement.
        machine: the machine. This and the two before are None in old reports.
    """

    model: str
    mflop_per_pixel: float
    num_parameters: int
    scale: int
    measurements: tuple[Measurement, ...]
    comparisons: tuple[PeerComparison, ...]
    left_out: dict[str, str]
    feature_values_per_pixel: int | None = None
    date: str | None = None
    machine: Machine | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Report:
        """The inverse of :meth:`to_dict`, also for data from JSON and from earlier versions."""
        machine = data.get("machine")
        return cls(
            **data
            | {
                "measurements": tuple(Measurement(**row) for row in data["measurements"]),
                "comparisons": tuple(PeerComparison(**row) for row in data["comparisons"]),
                "machine": None if machine is None else Machine(**machine),
            }
        )
