"""Runs methods on a data set and collects the scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.metrics.baselines import Method
from srdgan_rt.metrics.datasets import DataSet
from srdgan_rt.metrics.measure import Measure
from srdgan_rt.metrics.protocol import Channel, Protocol, Score, mean_score, score_result


@dataclass(frozen=True)
class Failure:
    """A picture that could not be read, or a result that could not be made."""

    picture: str
    """Data set and picture, separated by a slash."""
    error: Exception


@dataclass
class Evaluation:
    """Scores of several methods on one data set."""

    data_set: str
    protocol: Protocol
    channel: Channel
    pictures: list[str]
    """Names of all pictures, failed ones included."""
    scores: dict[str, dict[str, Score]]
    """Scores by method, then by picture; failed pictures are missing."""
    failures: list[Failure] = field(default_factory=list)
    measures: Sequence[Measure] = ()
    """What was measured beside PSNR and SSIM."""

    def mean(self, method: str) -> Score | None:
        """Mean over the pictures that a method succeeded on; None if there are none."""
        return mean_score(self.scores[method].values(), self.measures)


def evaluate_data_set(
    data_set: DataSet,
    methods: Mapping[str, Method],
    channel: Channel = Channel.Y,
    measures: Sequence[Measure] = (),
    *,
    on_result: Callable[[str, str, NDArray[np.uint8]], None] | None = None,
    on_step: Callable[[], None] | None = None,
) -> Evaluation:
    """Scores methods on every picture of a data set; failures are recorded and do not stop the run.

    Args:
        data_set: from :func:`~srdgan_rt.metrics.datasets.open_data_set`.
        methods: functions by name.
        channel: Y or RGB.
        measures: what else to measure on each result.
        on_result: called with method, picture and result, before the result is scored; may raise.
        on_step: called after each picture and method, failed or not.

    Returns:
        The scores and the failures.
    """
    evaluation = Evaluation(
        data_set.name,
        data_set.protocol,
        channel,
        list(data_set.samples),
        {method: {} for method in methods},
        measures=measures,
    )
    for picture, read_sample in data_set.samples.items():
        subject = f"{data_set.name}/{picture}"
        try:
            sample = read_sample()
        except Exception as error:  # one bad picture must not cost the others
            evaluation.failures.append(Failure(subject, error))
            sample = None
        for name, method in methods.items():
            if sample is not None:
                try:
                    result = method(sample)
                    if on_result is not None:
                        on_result(name, picture, result)
                    score = score_result(result, sample.reference, data_set.protocol, channel, measures)
                    evaluation.scores[name][picture] = score
                except Exception as error:
                    evaluation.failures.append(Failure(f"{subject}: {name}", error))
            if on_step is not None:
                on_step()
    return evaluation
