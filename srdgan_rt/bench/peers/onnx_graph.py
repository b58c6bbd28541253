"""The network as an ONNX graph, for the engines that read one."""

from __future__ import annotations

import tempfile
import warnings
from functools import lru_cache
from pathlib import Path

import torch

from srdgan_rt.models.l2h import L2HNet

HEIGHT, WIDTH = "height", "width"
"""Names of the picture's sides in the graph. Engines plan best when they put numbers in their place."""

_EXPORT_SIDE = 8  # the exporter holds every feature map until its end: gigabytes, were it shown the picture to be timed


@lru_cache(maxsize=1)
def export_onnx(net: L2HNet) -> bytes:
    """Exports the network, from blob ``lr`` to blob ``sr``, for one picture of any size.

    The TorchScript exporter is used on purpose: the newer one needs two more packages and gives the same graph here.
    The last graph is kept for the next engine that reads it; a net whose weights have changed must be a new one.
    """
    sample = torch.zeros(1, 3, _EXPORT_SIDE, _EXPORT_SIDE)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is not the newer one
        path = Path(folder) / "net.onnx"
        torch.onnx.export(
            net.eval(),
            (sample,),
            path,
            input_names=["lr"],
            output_names=["sr"],
            dynamic_axes={"lr": {2: HEIGHT, 3: WIDTH}},
            opset_version=17,
            dynamo=False,
        )
        return path.read_bytes()


def forget_onnx() -> None:
    """Lets go of the graph that was kept."""
    export_onnx.cache_clear()
