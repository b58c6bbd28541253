"""The layers of a finished engine, read from the log of its build.

Without a GPU TensorRT's own inspector cannot be used; with the highest verbosity the log has one message that lists
every layer, its fusions, tensors, types and tactic.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from srdgan_rt.tensorrt.library import Message

_BYTES = {"Half": 2, "BFloat16": 2, "Float": 4, "Int8": 1, "FP8": 1, "Int32": 4, "Int64": 8, "Bool": 1}
_NO_KERNEL = ("shape_call",)  # computes sizes on the host
_LIST = r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]"  # of tensors, which have lists themselves
_LAYER = re.compile(
    rf"^Name: (?P<name>.*?), LayerType: (?P<kind>.*?), Inputs: (?P<inputs>{_LIST}), (Constants: \[.*\], )?"
    rf"Outputs: (?P<outputs>{_LIST}), (.*, )?TacticName: (?P<tactic>.*?), StreamId"
)
_TENSOR = re.compile(
    r"\{ Name: (?P<name>[^,]+), (Location: \w+, )?Dimensions: \[(?P<shape>[^\]]*)\], .*?Data[tT]ype: (?P<type>[^}]*)"
)
_TYPE = re.compile(r"\b(Half|FP16|BFloat16|BF16|Float|FP32|Int8|INT8|FP8|Int32|INT32|Int64|INT64|Bool|BOOL)\b")
_TYPE_NAMES = {"FP16": "Half", "BF16": "BFloat16", "FP32": "Float", "INT8": "Int8", "INT32": "Int32", "INT64": "Int64"}
_SOURCE = re.compile(r"\[ONNX Layer: ([^\]]+)\]")


@dataclass(frozen=True)
class LayerTensor:
    """An input or output of a layer.

    Args:
        name: in the engine.
        channels: of a map; 0 for anything else.
        type: TensorRT's name of it, such as ``Half``.
        scale: its pixels a side per LR pixel a side.
    """

    name: str
    channels: int
    type: str
    scale: float

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes per LR pixel."""
        return round(self.channels * _BYTES.get(self.type, 4) * self.scale**2)


@dataclass(frozen=True)
class Layer:
    """One launch of a kernel.

    Args:
        name: in the engine; what was fused stands in it (``CorrMulMax``: convolution, multiplication, maximum).
        kind: of layer.
        tactic: name of the kernel, where it has one already.
        inputs: maps that it reads; constants are left out.
        outputs: maps that it writes.
        sources: nodes of the ONNX graph that it computes.
    """

    name: str
    kind: str
    tactic: str
    inputs: tuple[LayerTensor, ...]
    outputs: tuple[LayerTensor, ...]
    sources: tuple[str, ...]

    @property
    def is_kernel(self) -> bool:
        """Whether it runs on the GPU."""
        return self.kind not in _NO_KERNEL

    @property
    def is_concatenation(self) -> bool:
        """Whether it does nothing but copy maps side by side."""
        return self.fusion == "Conc"

    @property
    def fusion(self) -> str:
        """What was fused in it, one word after another; a convolution by itself bears the name of its node."""
        match = re.search(r"__myl_([A-Za-z]+)_", self.name)
        return match[1] if match else "Conv"

    @property
    def convolves_bytes(self) -> bool:
        """Whether it is a convolution in int8 or fp8."""
        return self.kind == "correlation" and bool(self.inputs) and _BYTES.get(self.inputs[0].type) == 1

    @property
    def is_slicing(self) -> bool:
        """Whether it computes point by point, and reads of each map only as many channels as it writes."""
        return self.fusion.startswith("Slic") and "Corr" not in self.fusion

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes read and written per LR pixel, if each map passes through memory once."""
        inputs = self.inputs
        if self.is_slicing:
            written = max(tensor.channels for tensor in self.outputs)
            inputs = tuple(replace(tensor, channels=min(written, tensor.channels)) for tensor in inputs)
        return sum(tensor.bytes_per_pixel for tensor in (*inputs, *self.outputs))

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Layer:
        """The layer that :func:`dataclasses.asdict` described."""
        tensors = {key: tuple(LayerTensor(**tensor) for tensor in facts[key]) for key in ("inputs", "outputs")}
        return cls(**{**facts, **tensors, "sources": tuple(facts["sources"])})


def read_layers(messages: Sequence[Message], scales: Mapping[str, float]) -> list[Layer]:
    """Finds the list of layers in the log of a build (TensorRT-RTX), or in what the engine's inspector says.

    Args:
        messages: the log, with verbose messages.
        scales: of each node of the ONNX graph, see :func:`srdgan_rt.export.measure_scales`.

    Returns:
        The layers in the order in which they run; empty where the log has no such list.
    """
    listing = next((text for _, text in messages if text.startswith("Layers:\n")), "")
    known: dict[str, float] = {}
    layers = []
    for line in listing.split("\n"):  # not splitlines, for which the separator between nodes is an end, too
        if (match := _LAYER.match(line)) is None:
            continue
        sources = tuple(_SOURCE.findall(line.rpartition("Metadata: ")[2]))
        inputs = _read_tensors(match["inputs"], known, 1)
        # Where nodes are fused, the last one decides; a layer that stands for no node keeps the size.
        scale = max((scales[name] for name in sources if name in scales), default=inputs[0].scale if inputs else 1)
        outputs = _read_tensors(match["outputs"], {}, scale)
        known.update({tensor.name: tensor.scale for tensor in outputs})
        layers.append(Layer(match["name"], match["kind"], match["tactic"], inputs, outputs, sources))
    return layers


def _read_tensors(text: str, known: Mapping[str, float], scale: float) -> tuple[LayerTensor, ...]:
    tensors = []
    for match in _TENSOR.finditer(text):
        shape = [int(side) for side in match["shape"].split(",") if side.strip()]
        channels = shape[1] if len(shape) == 4 else 0
        found = _TYPE.search(match["type"])  # tensorrt has the type within a description of the format
        type_ = "?" if found is None else _TYPE_NAMES.get(found[1], found[1])
        tensors.append(LayerTensor(match["name"], channels, type_, known.get(match["name"], scale)))
    return tuple(tensors)


@dataclass(frozen=True)
class LayerCounts:
    """What a list of layers amounts to.

    Args:
        kernels: launches for one picture.
        concatenations: those that only copy maps side by side.
        bytes_per_pixel: read and written by all kernels, per LR pixel.
        concatenated_bytes_per_pixel: the part of it that the concatenations move.
        types: number of kernels by the type of their results.
        fusions: number of kernels by what was fused in them.
    """

    kernels: int
    concatenations: int
    bytes_per_pixel: int
    concatenated_bytes_per_pixel: int
    types: dict[str, int]
    fusions: dict[str, int]


def count_layers(layers: Sequence[Layer]) -> LayerCounts:
    """Adds up the layers of an engine."""
    kernels = [layer for layer in layers if layer.is_kernel]
    concatenations = [layer for layer in kernels if layer.is_concatenation]
    return LayerCounts(
        kernels=len(kernels),
        concatenations=len(concatenations),
        bytes_per_pixel=sum(layer.bytes_per_pixel for layer in kernels),
        concatenated_bytes_per_pixel=sum(layer.bytes_per_pixel for layer in concatenations),
        types=dict(Counter(tensor.type for layer in kernels for tensor in layer.outputs[:1])),
        fusions=dict(Counter(layer.fusion for layer in kernels).most_common()),
    )


def to_dicts(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """Plain data for JSON."""
    return [asdict(layer) for layer in layers]
