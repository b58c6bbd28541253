"""Scores weight files by the evaluation protocol."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from srdgan_rt.errors import SrdganError
from srdgan_rt.metrics import BASELINES, DataSet, Method, evaluate_data_set, open_data_set
from srdgan_rt.runtime import Upscaler

EVALUATION_SETS = ("Set5", "Set14", "phone_crops", "polyu")
WHOLE_FRAMES = "phone_crops"  # scored at full resolution, too

Scores = dict[str, dict[str, tuple[float, float]]]  # data set -> method -> (PSNR, SSIM)


def score(models: Mapping[str, tuple[Path, float]], root: Path) -> Scores:
    """Scores models and the baselines on the evaluation sets that are there.

    Args:
        models: weight file and sharpness of each row of the table, by its name.
        root: folder with the evaluation sets.
    """
    methods = {name: BASELINES[name] for name in ("bicubic", "nlm")}
    methods |= {name: _open_model(path, sharpness) for name, (path, sharpness) in models.items()}
    scores: Scores = {}
    for name in EVALUATION_SETS:
        if (root / name).is_dir():
            scores[name] = _mean_scores(open_data_set(root / name), methods)
    if WHOLE_FRAMES in scores:
        whole = open_data_set(root / WHOLE_FRAMES, full_resolution=True)
        scores[f"{WHOLE_FRAMES} at full resolution"] = _mean_scores(whole, methods)
    return scores


def _open_model(path: Path, sharpness: float) -> Method:
    upscaler = Upscaler(path, sharpness=sharpness, device="cpu", precision="fp32")
    return lambda sample: upscaler.upscale(sample.low)


def _mean_scores(data_set: DataSet, methods: Mapping[str, Method]) -> dict[str, tuple[float, float]]:
    evaluation = evaluate_data_set(data_set, methods)
    if evaluation.failures:
        raise SrdganError(f"{evaluation.failures[0].picture}: {evaluation.failures[0].error}")
    means = {method: evaluation.mean(method) for method in methods}
    return {method: (round(mean.psnr, 2), round(mean.ssim, 4)) for method, mean in means.items() if mean is not None}
