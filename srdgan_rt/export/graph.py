"""Collects the nodes and weights of an ONNX graph in which every value has the same floating-point type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from srdgan_rt.errors import BackendUnavailableError, InputError, install_hint

OPSET = 17
"""Version of ONNX's operators: old enough for onnxruntime 1.12, TensorRT 8.6 and everything after them."""

_IR_VERSION = 8  # the file format that came with this opset
_BF16_OPSET, _BF16_IR_VERSION = 22, 10  # the first in which convolutions may be bf16
_QUANTIZED_OPSET, _QUANTIZED_IR_VERSION = 19, 9  # the first in which steps may be fp16, and values fp8
PRECISIONS = ("fp32", "fp16", "bf16", "int8", "fp8")
"""Types that a graph can have; int8 and fp8 (e4m3) are those of convolutions, between which values are of another."""

QUANTIZED = ("int8", "fp8")
"""Precisions that need ranges."""

_LARGEST = {"int8": 127.0, "fp8": 448.0}
_SMALLEST_STEP = {"fp32": 1e-35, "fp16": 1e-7}  # for what is 0 everywhere


def import_onnx() -> Any:
    """The optional package ``onnx``.

    Raises:
        BackendUnavailableError: it is not installed.
    """
    try:
        import onnx
        import onnx.helper
    except ImportError as error:
        raise BackendUnavailableError(f"ONNX graphs need the package onnx: {install_hint('onnx')}") from error
    return onnx


def _find_dtype(precision: str) -> np.dtype[Any]:
    if precision == "bf16":
        from ml_dtypes import bfloat16  # numpy has no such type; onnx brings it along

        return np.dtype(bfloat16)  # type: ignore[no-any-return]
    if precision == "fp8":
        from ml_dtypes import float8_e4m3fn

        return np.dtype(float8_e4m3fn)  # type: ignore[no-any-return]
    return np.dtype({"fp16": np.float16, "fp32": np.float32, "int8": np.int8}[precision])


class Graph:
    """A graph under construction. Values are named after the node that makes them.

    Args:
        precision: ``fp32``, ``fp16`` or ``bf16``: the type of weights, inputs, values and outputs. ``int8`` and
            ``fp8``: that of what the convolutions in ``ranges`` multiply, marked by pairs of QuantizeLinear and
            DequantizeLinear.
        ranges: for int8 and fp8, the largest magnitude that a convolution reads, by its name.
        rest: for int8 and fp8, the type of everything else, ``fp32`` or ``fp16``.

    Raises:
        BackendUnavailableError: the package ``onnx`` is not installed.
        InputError: the precision is unknown.
    """

    def __init__(self, precision: str, ranges: Mapping[str, float] | None = None, rest: str = "fp32") -> None:
        if precision not in PRECISIONS:
            raise InputError(f"precision must be {', '.join(PRECISIONS)}, got {precision!r}")
        self._onnx = import_onnx()
        self._precision = precision
        self._rest = rest if precision in QUANTIZED else precision
        self._dtype = _find_dtype(self._rest)
        self._ranges = ranges or {}
        self._versions = OPSET, _IR_VERSION
        if precision == "bf16":
            self._versions = _BF16_OPSET, _BF16_IR_VERSION
        elif precision == "fp8" or (precision == "int8" and rest == "fp16"):
            self._versions = _QUANTIZED_OPSET, _QUANTIZED_IR_VERSION
        self._nodes: list[Any] = []
        self._weights: dict[str, npt.NDArray[Any]] = {}

    def add(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Adds a node with one output; returns the output's name, which is the node's."""
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def weight(self, name: str, value: Tensor | float) -> str:
        """Adds a constant of the graph's type; returns its name.

        Raises:
            InputError: a value is too large for the type.
        """
        array = np.asarray(value.detach().cpu().numpy() if isinstance(value, Tensor) else value)
        with np.errstate(over="ignore"):
            self._weights[name] = array.astype(self._dtype)
        if not np.isfinite(self._weights[name]).all():
            raise InputError(f"{name} holds values that are too large for {self._dtype}: export in fp32")
        return name

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        """Adds a constant of its own type, for operators that ask for one (scales, sizes); returns its name."""
        self._weights[name] = value
        return name

    def conv(self, x: str, layer: nn.Conv2d, name: str) -> str:
        """Adds a 3x3 convolution of stride 1 that keeps the size, with the weights of a PyTorch layer."""
        return self.conv_of(x, layer.weight, layer.bias, name)

    def conv_of(
        self,
        x: str,
        weight: Tensor,
        bias: Tensor | None,
        name: str,
        *,
        stride: int = 1,
        padding: tuple[int, int] = (1, 1),
    ) -> str:
        """Adds a convolution.

        Args:
            x: what it reads.
            weight: ``(O, I, K, K)``.
            bias: ``(O,)``, or None.
            name: of its result; its weights are called ``name.weight`` and ``name.bias``.
            stride: on both axes.
            padding: zeros before and after each axis.
        """
        if name in self._ranges:
            inputs = [self._quantize(x, self._ranges[name], name), self._quantize_weight(weight, f"{name}.weight")]
        else:
            inputs = [x, self.weight(f"{name}.weight", weight)]
        if bias is not None:
            inputs.append(self.weight(f"{name}.bias", bias))
        before, after = padding
        return self.add(
            "Conv",
            inputs,
            name,
            kernel_shape=list(weight.shape[2:]),
            pads=[before, before, after, after],
            strides=[stride, stride],
        )

    def _quantize(self, x: str, largest: float, name: str) -> str:
        """Rounds a value and converts it back, which engines take as leave to compute with it; one step for all."""
        scale = self.constant(f"{name}.input_step", np.asarray(self._step(largest)))
        zero = self.constant(f"{name}.input_zero", np.zeros((), _find_dtype(self._precision)))
        rounded = self.add("QuantizeLinear", [x, scale, zero], f"{name}.quantized")
        return self.add("DequantizeLinear", [rounded, scale, zero], f"{name}.dequantized")

    def _quantize_weight(self, weight: Tensor, name: str) -> str:
        """Stores a rounded filter, with a step of its own for each output channel."""
        dtype = _find_dtype(self._precision)
        values = weight.detach().cpu().float().numpy()
        steps = self._step(np.abs(values).max((1, 2, 3)))
        scaled = values / steps.astype(np.float32)[:, None, None, None]
        if self._precision == "int8":
            scaled = np.rint(scaled)
        largest = _LARGEST[self._precision]
        inputs = [
            self.constant(f"{name}_{self._precision}", scaled.clip(-largest, largest).astype(dtype)),
            self.constant(f"{name}_steps", steps),
            self.constant(f"{name}_zeros", np.zeros(len(steps), dtype)),
        ]
        return self.add("DequantizeLinear", inputs, name, axis=0)

    def _step(self, largest: npt.ArrayLike) -> npt.NDArray[Any]:
        """The difference between neighbours (around 1, for fp8), so that the largest magnitude is just reached."""
        step = np.asarray(largest, np.float32) / np.float32(_LARGEST[self._precision])
        steps: npt.NDArray[Any] = np.maximum(step, np.float32(_SMALLEST_STEP[self._rest])).astype(self._dtype)
        return steps

    def widen(self, x: str, channels: int, name: str) -> str:
        """Adds channels of zeros behind those of ``x``."""
        return self.add("Pad", [x, self.constant(f"{name}.pads", np.array([0, 0, 0, 0, 0, channels, 0, 0]))], name)

    def leaky_relu(self, x: str, slope: float) -> str:
        """Adds the activation."""
        return self.add("LeakyRelu", [x], f"{x}.activated", alpha=slope)

    def scale(self, x: str, factor: float) -> str:
        """Adds a multiplication by a number; the same number is stored once."""
        name = f"scale_{factor:g}"
        if name not in self._weights:
            self.weight(name, factor)
        return self.add("Mul", [x, name], f"{x}.scaled")

    def split(self, x: str, sizes: Sequence[int], names: Sequence[str]) -> None:
        """Splits the channels of ``x`` into values of the given sizes and names."""
        lengths = self.constant(f"{x}.sizes", np.array(sizes, np.int64))
        self._nodes.append(self._onnx.helper.make_node("Split", [x, lengths], names, name=f"{x}.split", axis=1))

    def finish(
        self,
        name: str,
        inputs: Mapping[str, Sequence[str | int]],
        output: Sequence[str | int],
        metadata: Mapping[str, str],
    ) -> bytes:
        """The whole model as the bytes of an ``.onnx`` file, after ONNX's own full check.

        Args:
            name: of the graph.
            inputs: shape of each input by name; a side that may vary is given by a name.
            output: shape of the output, which is the last node's and is called ``output``.
            metadata: properties of the model.
        """
        onnx = self._onnx
        kind = onnx.helper.np_dtype_to_tensor_dtype(self._dtype)
        opset, ir_version = self._versions
        self._nodes[-1].output[0] = "output"
        graph = onnx.helper.make_graph(
            self._nodes,
            name,
            [onnx.helper.make_tensor_value_info(key, kind, list(shape)) for key, shape in inputs.items()],
            [onnx.helper.make_tensor_value_info("output", kind, list(output))],
            [onnx.numpy_helper.from_array(np.asarray(value, order="C"), key) for key, value in self._weights.items()],
        )
        model = onnx.helper.make_model(
            graph,
            opset_imports=[onnx.helper.make_opsetid("", opset)],
            ir_version=ir_version,
            producer_name="srdgan_rt",
        )
        onnx.helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
        return content
