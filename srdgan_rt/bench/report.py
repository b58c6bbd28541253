"""What a benchmark found, as data; the command line draws the table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

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
        peak_gflops: the same of a plain matrix product, measured in turn with the engines.
        percent_of_peak: ``gflops`` against ``peak_gflops``.
        load_seconds: from the loaded network to an engine that is ready, the first in a process of its own and with
            nothing kept on disk from before; None where it is unknown.
        peak_memory_mib: what making and running the engine adds to a process of its own; None where it is unknown.
        max_difference: largest absolute difference from the reference result, of values in [0, 1].
        our_speedup: how many times faster our best engine is than this one; None where none of ours ran.
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
        measurements: by number of threads, then size, then engine.
        comparisons: of ours with the peers, by number of threads, then size.
        left_out: engines that did not run, each with its reason.
    """

    model: str
    mflop_per_pixel: float
    num_parameters: int
    scale: int
    measurements: tuple[Measurement, ...]
    comparisons: tuple[Comparison, ...]
    left_out: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Report:
        """The report that :meth:`to_dict` made ``data`` of, by way of JSON or not."""
        return cls(
            **data
            | {
                "measurements": tuple(Measurement(**row) for row in data["measurements"]),
                "comparisons": tuple(Comparison(**row) for row in data["comparisons"]),
            }
        )
