"""Scores during training, to watch its progress; they decide nothing."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from srdgan_rt.metrics import Sample, evaluate_data_set, open_data_set
from srdgan_rt.metrics.protocol import SCALE
from srdgan_rt.models.l2h import L2HNet
from srdgan_rt.pixels import round_to_bytes, to_bytes, to_float32
from training.data.pictures import VALIDATION_SETS, Bytes, as_array, as_tensor

FLAT_VALUES = (0, 128, 255)
_FLAT_SIDE = 24  # low-resolution pixels
_FLAT_BORDER = 32  # high-resolution pixels near the edge, where the net sees its zero padding


@torch.no_grad()
def validate(net: L2HNet, root: Path) -> dict[str, float]:
    """Scores a net on the validation sets that are there.

    Args:
        net: on any device.
        root: folder with ``Set5`` and ``phone_crops``.

    Returns:
        Mean PSNR (dB) and SSIM of Y for each set, and the largest error on flat pictures in 1/255.
    """

    device = next(net.parameters()).device
    scores: dict[str, float] = {}
    for name in VALIDATION_SETS:
        if (root / name).is_dir():
            mean = evaluate_data_set(open_data_set(root / name), {"net": partial(_enlarge, net)}).mean("net")
            if mean is not None:
                scores[f"{name}_psnr"], scores[f"{name}_ssim"] = round(mean.psnr, 3), round(mean.ssim, 4)
    errors = []
    for value in FLAT_VALUES:
        result = net(torch.full((1, 3, _FLAT_SIDE, _FLAT_SIDE), value / 255, device=device)).clamp(0, 1) * 255
        inner = result[..., _FLAT_BORDER:-_FLAT_BORDER, _FLAT_BORDER:-_FLAT_BORDER]
        errors.append(float((inner - value).abs().max()))
    return scores | {"flat_error": round(max(errors), 3)}


@torch.no_grad()
def draw(net: L2HNet, root: Path) -> dict[str, Tensor]:
    """Pictures to look at: the first one of each validation set, enlarged by the net, and its reference.

    Args:
        net: on any device.
        root: folder with ``Set5`` and ``phone_crops``.

    Returns:
        Pictures ``(3, H, W)`` in [0, 1] by name: the input enlarged without a filter, the result, the reference.
    """
    pictures = {}
    for name in VALIDATION_SETS:
        if (root / name).is_dir():
            sample = next(iter(open_data_set(root / name).samples.values()))()
            low = np.repeat(np.repeat(sample.low, SCALE, 0), SCALE, 1)
            row = [low, _enlarge(net, sample), round_to_bytes(sample.reference)]
            pictures[f"input, result, reference/{name}"] = as_tensor(to_float32(np.concatenate(row, 1)))
    return pictures


def _enlarge(net: L2HNet, sample: Sample) -> Bytes:
    """``(4H, 4W, 3)``."""
    low = as_tensor(to_float32(sample.low))[None]
    result = net(low.to(next(net.parameters()).device))[0].clamp(0, 1).cpu()
    return to_bytes(as_array(result))
