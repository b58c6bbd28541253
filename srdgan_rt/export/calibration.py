"""Activation-range calibration for int8 graphs: how large the inputs of convolutions become.

The native engine has ranges of its own (:mod:`srdgan_rt.runtime.calibration`): it multiplies in Winograd's domain,
which engines that read ONNX files do not.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from torch import Tensor, nn

from srdgan_rt.models import L2HNet
from srdgan_rt.models.l2h import ResidualDenseBlock
from srdgan_rt.models.observe import run_with_hooks


def measure_input_ranges(net: L2HNet, pictures: Iterable[Tensor]) -> dict[str, float]:
    """Runs a network on typical pictures in fp32 and notes the largest magnitude that dense blocks read.

    Args:
        net: the network, float32 on the CPU.
        pictures: ``(N, 3, H, W)`` float32 RGB in [0, 1], like those to be enlarged: as noisy, with edges as sharp.

    Returns:
        By name of the convolution, for :func:`srdgan_rt.export.export_onnx`. Those outside of dense blocks are left
        out and stay in fp32: they are few, and rounding them would cost most of the accuracy.

    Raises:
        InputError: there are no pictures.
    """
    largest: dict[str, float] = {}

    def note(name: str, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        largest[name] = max(largest.get(name, 0.0), float(inputs[0].abs().max()))

    hooks = [
        conv.register_forward_pre_hook(partial(note, f"{name}.{child}"))
        for name, block in net.named_modules()
        if isinstance(block, ResidualDenseBlock)
        for child, conv in block.named_children()
    ]
    run_with_hooks(net, pictures, hooks)
    return largest
