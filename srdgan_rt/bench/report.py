"""What a benchmark found, as data; the command line draws the table."""

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
        precision: the lowest that it keeps weights or features in, such as ``fp32``.
        height: LR rows.
        width: LR columns.
        num_threads: threads of the engine.
        rounds: timed runs.
        seconds_min: fastest run.
        seconds_median: median run.
        megapixels_per_second: LR pixels of the fastest run, in millions a second.
        gflops: billions of operations a second in the fastest run, counted as direct convolution for every engine.
        peak_gflops: the same of a plain matrix product, the fastest of some before the engines and in turn with them.
        percent_of_peak: ``gflops`` against ``peak_gflops``.
        load_seconds: from the loaded network to an engine that is ready, the first in a process of its own and with
            nothing kept on disk from before; None where it is unknown.
        peak_memory_mib: what making and running the engine adds to a process of its own; None where it is unknown.
        max_difference: largest absolute difference from the reference result, of values in [0, 1].
        our_speedup: how many times as fast the first of our engines that ran is; None where none of ours ran.
        peak_bandwidth: 10^9 bytes a second of the memory with as many threads, measured right before the engines; None
            in reports from before it was measured.
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
        """Measurements of one case were taken in turn and may be compared."""
        return self.height, self.width, self.num_threads


@dataclass(frozen=True)
class Comparison:
    """One of our engines against the fastest peers; a speedup is the ratio of the fastest interleaved runs.

    Args:
        engine: ours.
        height: LR rows.
        width: LR columns.
        num_threads: threads of every engine.
        fastest_fp32_peer: the fastest that computes in fp32 throughout; None where none ran.
        speedup_over_fp32_peer: how many times as fast ours is; None where there is no such peer.
        fastest_peer: the fastest of any precision.
        speedup_over_peer: how many times as fast ours is.
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
        """That of the measurements which it compares."""
        return self.height, self.width, self.num_threads


@dataclass(frozen=True)
class Report:
    """Everything that one call of the benchmark found.

    Args:
        model: name of the network.
        mflop_per_pixel: millions of operations per LR pixel of direct convolution.
        num_parameters: weights and biases.
        scale: enlargement.
        measurements: by number of threads, then size, then engine; those of a report that was gone on with come first.
        comparisons: of ours with the peers, in the order of the measurements.
        left_out: engines that did not run, each with its reason.
        feature_values_per_pixel: values that the convolutions read and write per LR pixel, each by itself.
        date: ISO date of the first measurement.
        machine: where all was measured. These last three are None in reports from before they were noted.
    """

    model: str
    mflop_per_pixel: float
    num_parameters: int
    scale: int
    measurements: tuple[Measurement, ...]
    comparisons: tuple[Comparison, ...]
    left_out: dict[str, str]
    feature_values_per_pixel: int | None = None
    date: str | None = None
    machine: Machine | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Report:
        """The report that :meth:`to_dict` made ``data`` of, by way of JSON or not, now or in an earlier version."""
        machine = data.get("machine")
        return cls(
            **data
            | {
                "measurements": tuple(Measurement(**row) for row in data["measurements"]),
                "comparisons": tuple(Comparison(**row) for row in data["comparisons"]),
                "machine": None if machine is None else Machine(**machine),
            }
        )
