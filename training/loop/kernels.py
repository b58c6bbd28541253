"""Whose kernels compute the low-to-high net and the VGG in training: the package's own, or those of torch."""

from __future__ import annotations

import time
from functools import partial

import torch
from torch import Tensor, nn

from srdgan_rt import _ext
from srdgan_rt.errors import InputError
from srdgan_rt.models.l2h import NEGATIVE_SLOPE, RESIDUAL_SCALE, L2HNet, ResidualDenseBlock
from srdgan_rt.models.vgg import VGG
from srdgan_rt.ops import conv3x3_train, dense_block_train
from training.loop.engine import Engine

NATIVE, TORCH = "native", "torch"

_TURNS = 3  # of both, when they are timed


class Kernels:
    """The kernels of one net in training, as ``engine.kernels`` says.

    With ``auto`` both are timed at the first batch, forward and backward, in turn, and the faster one is taken. Their
    results differ by rounding, so the choice is a part of the checkpoint, and a resumed run keeps it.

    Args:
        net: of any kind; all but the low-to-high net are computed by torch.
        engine: computes.

    Raises:
        InputError: the configuration demands the package's own kernels, which cannot be used.
    """

    def __init__(self, net: nn.Module, engine: Engine) -> None:
        self._net, self._engine = net, engine
        self._features: nn.Module | None = None
        self.chosen = ""  # NATIVE or TORCH; "" until the first batch is there
        wanted = engine.config.kernels
        if not isinstance(net, L2HNet) or wanted == TORCH:
            self._use(TORCH)
            return
        reason = why_not_native(engine)
        if reason is None and wanted == NATIVE:
            self._use(NATIVE)
        elif reason is not None:
            if wanted == NATIVE:
                raise InputError(f"engine.kernels is native, but {reason}: set it to auto or torch")
            self._use(TORCH)

    def add_features(self, features: nn.Module) -> None:
        """Has the net of the feature loss computed by the same kernels."""
        self._features = features
        if self.chosen:
            self._use(self.chosen)

    def keep(self, name: str) -> None:
        """Takes what an earlier part of the run chose, "" for nothing, unless there is no choice."""
        if name and not self.chosen:
            self._use(name)

    def choose(self, *inputs: Tensor) -> None:
        """Makes the choice, if it is not made yet, by timing the net with these inputs; changes nothing else."""
        if self.chosen:
            return
        seconds = {NATIVE: float("inf"), TORCH: float("inf")}
        for _ in range(_TURNS):
            for name in seconds:
                self._use(name)
                seconds[name] = min(seconds[name], self._time_pass(*inputs))
        self._use(NATIVE if self._engine.agree(seconds[NATIVE] < seconds[TORCH]) else TORCH)

    def _time_pass(self, *inputs: Tensor) -> float:
        """Seconds that the net takes forward and backward."""
        started = time.perf_counter()
        result = self._engine.call(self._net, *(x.detach() for x in inputs))
        torch.autograd.grad(result.sum(), [weight for weight in self._net.parameters() if weight.requires_grad])
        return time.perf_counter() - started

    def _use(self, name: str) -> None:
        self.chosen = name
        for net in (self._net, self._features):
            if net is not None:
                if name == NATIVE:
                    use_native(net, bf16=self._engine.config.precision == "bf16")
                else:
                    use_torch(net)


def why_not_native(engine: Engine) -> str | None:
    """Why the package's own kernels cannot be used, or None."""
    if engine.device.type != "cpu":
        return f"there are none for {engine.device.type}"
    if engine.config.compile:
        return "engine.compile is true"
    return _ext.why_no_bf16() if engine.config.precision == "bf16" else _ext.why_not()


def use_native(net: nn.Module, *, bf16: bool = False) -> None:
    """Has the 3x3 convolutions of a low-to-high net or a VGG computed by the package's own kernels, in place.

    Weights keep their names. Other nets stay as they are.

    Args:
        net: of any kind.
        bf16: whether what is multiplied is rounded to bfloat16.
    """
    for module in net.modules():
        if isinstance(module, L2HNet | VGG):
            module.convolve = partial(_convolve, bf16=bf16)
        elif isinstance(module, ResidualDenseBlock):
            module.forward = partial(_compute_block, module, bf16=bf16)  # type: ignore[method-assign]


def use_torch(net: nn.Module) -> None:
    """Takes :func:`use_native` back."""
    for module in net.modules():
        if isinstance(module, L2HNet | VGG):
            vars(module).pop("convolve", None)
        elif isinstance(module, ResidualDenseBlock):
            vars(module).pop("forward", None)


def _convolve(conv: nn.Conv2d, x: Tensor, negative_slope: float = 1.0, *, bf16: bool) -> Tensor:
    assert conv.bias is not None
    return conv3x3_train(x, conv.weight, conv.bias, negative_slope, bf16=bf16)


def _compute_block(block: ResidualDenseBlock, x: Tensor, *, bf16: bool) -> Tensor:
    convs = [block.conv1, block.conv2, block.conv3, block.conv4, block.conv5]
    biases = [conv.bias for conv in convs if conv.bias is not None]
    return dense_block_train(x, [conv.weight for conv in convs], biases, NEGATIVE_SLOPE, RESIDUAL_SCALE, bf16=bf16)
