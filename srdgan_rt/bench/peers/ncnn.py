"""ncnn on the CPU. The network is written directly in ncnn's two files: layers as text, weights as raw fp32."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.models.l2h import NEGATIVE_SLOPE, RESIDUAL_SCALE, L2HNet, ResidualDenseBlock

_FILE_MAGIC = 7767517
_RAW_FP32 = b"\0\0\0\0"  # precedes a layer's weights: storage type


class _Writer:
    """Collects layers. A blob has the name of its layer. ncnn reads each blob only once, so Split layers copy blobs."""

    def __init__(self) -> None:
        self.layers: list[tuple[str, str, list[str], str, str]] = [("Input", "lr", [], "lr", "")]
        self.weights: list[bytes] = []

    def add(self, kind: str, name: str, inputs: list[str], parameters: str) -> str:
        self.layers.append((kind, name, inputs, name, parameters))
        return name

    def conv(self, name: str, source: str, conv: nn.Conv2d, *, activated: bool) -> str:
        bias = conv.bias
        assert bias is not None  # every convolution of L2HNet has one
        weight = conv.weight.detach().float().contiguous().numpy()
        self.weights += [_RAW_FP32, weight.tobytes(), bias.detach().float().numpy().tobytes()]
        parameters = f"0={conv.out_channels} 1=3 4=1 5=1 6={weight.size}"
        if activated:
            parameters += f" 9=2 -23310=1,{NEGATIVE_SLOPE:e}"
        return self.add("Convolution", name, [source], parameters)

    def add_scaled(self, name: str, first: str, second: str, second_scale: float) -> str:
        return self.add("Eltwise", name, [first, second], f"0=1 -23301=2,1.000000e+00,{second_scale:e}")

    def dense_block(self, name: str, source: str, block: ResidualDenseBlock) -> str:
        features = [source]
        for index in range(1, 5):
            joined = self.add("Concat", f"{name}_cat{index}", list(features), "0=0") if index > 1 else source
            conv = getattr(block, f"conv{index}")
            features.append(self.conv(f"{name}_conv{index}", joined, conv, activated=True))
        joined = self.add("Concat", f"{name}_cat5", features, "0=0")
        last = self.conv(f"{name}_conv5", joined, block.conv5, activated=False)
        return self.add_scaled(f"{name}_sum", source, last, RESIDUAL_SCALE)

    def text(self) -> str:
        readers: dict[str, int] = {}
        for _, _, inputs, _, _ in self.layers:
            for blob in inputs:
                readers[blob] = readers.get(blob, 0) + 1
        lines, num_blobs, taken = [], 0, dict.fromkeys(readers, 0)
        for kind, name, inputs, output, parameters in self.layers:
            sources = []
            for blob in inputs:
                sources.append(f"{blob}_{taken[blob]}" if readers[blob] > 1 else blob)
                taken[blob] += 1
            lines.append(" ".join([kind, name, str(len(sources)), "1", *sources, output, parameters]))
            num_blobs += 1
            copies = readers.get(output, 0)
            if copies > 1:
                outputs = [f"{output}_{index}" for index in range(copies)]
                lines.append(" ".join(["Split", f"{output}_split", "1", str(copies), output, *outputs]))
                num_blobs += copies
        return "\n".join([str(_FILE_MAGIC), f"{len(lines)} {num_blobs}", *lines, ""])


def write_ncnn(net: L2HNet) -> tuple[str, bytes]:
    """Writes the network in ncnn's format.

    Args:
        net: any :class:`L2HNet` without pixel-unshuffle.

    Returns:
        The text of the ``.param`` file, from blob ``lr`` to blob ``sr``, and the bytes of the ``.bin`` file.

    Raises:
        BackendUnavailableError: the network has a pixel-unshuffle.
    """
    if net.unshuffle > 1:
        raise BackendUnavailableError("networks with pixel-unshuffle are not supported for ncnn")
    writer = _Writer()
    first = features = writer.conv("conv_first", "lr", net.conv_first, activated=False)
    for number, group in enumerate(net.body):
        start = features
        for index in (1, 2, 3):
            features = writer.dense_block(f"body{number}_rdb{index}", features, getattr(group, f"rdb{index}"))
        features = writer.add_scaled(f"body{number}_sum", start, features, RESIDUAL_SCALE)
    features = writer.conv("conv_body", features, net.conv_body, activated=False)
    features = writer.add_scaled("trunk_sum", first, features, 1.0)
    for index, conv in enumerate(net.upsampling_convs(), start=1):
        enlarged = writer.add("Interp", f"enlarge{index}", [features], "0=1 1=2.000000e+00 2=2.000000e+00")
        features = writer.conv(f"conv_up{index}", enlarged, conv, activated=True)
    features = writer.conv("conv_hr", features, net.conv_hr, activated=True)
    writer.conv("sr", features, net.conv_last, activated=False)
    return writer.text(), b"".join(writer.weights)


def build(net: L2HNet, sample: Tensor, num_threads: int, *, bf16_storage: bool) -> Callable[[Tensor], Tensor]:
    """Loads the network into ncnn with its CPU defaults; ``bf16_storage`` keeps weights and features in bfloat16."""
    try:
        import ncnn
    except ImportError as error:
        raise BackendUnavailableError("ncnn is not installed") from error
    engine = ncnn.Net()
    engine.opt.num_threads = num_threads
    engine.opt.use_bf16_storage = bf16_storage
    engine.opt.use_fp16_packed = engine.opt.use_fp16_storage = engine.opt.use_fp16_arithmetic = False
    text, weights = write_ncnn(net)
    with tempfile.TemporaryDirectory() as folder:
        param, binary = Path(folder) / "net.param", Path(folder) / "net.bin"
        param.write_text(text, encoding="ascii")
        binary.write_bytes(weights)
        if engine.load_param(str(param)) != 0 or engine.load_model(str(binary)) != 0:
            raise BackendUnavailableError("ncnn refused the network")

    def run(x: Tensor) -> Tensor:  # (1, 3, H, W) -> (1, 3, scale * H, scale * W)
        extractor = engine.create_extractor()
        extractor.input("lr", ncnn.Mat(x[0].contiguous().numpy()))
        status, result = extractor.extract("sr")
        if status != 0:
            raise BackendUnavailableError(f"ncnn stopped with status {status}")
        return torch.from_numpy(np.array(result, copy=True))[None]

    return run
