"""Watches a network while it runs on pictures."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from srdgan_rt.errors import InputError


def run_with_hooks(net: nn.Module, pictures: Iterable[Tensor], hooks: Iterable[RemovableHandle]) -> None:
    """Runs a network on pictures without gradients, and removes the hooks afterwards, whatever happens.

    Args:
        net: the network.
        pictures: what it reads, ``(N, 3, H, W)`` each.
        hooks: handles of the hooks that measure ranges.

    Raises:
        InputError: there are no pictures.
    """
    count = 0
    try:
        with torch.inference_mode():
            for picture in pictures:
                net(picture)
                count += 1
    finally:
        for hook in hooks:
            hook.remove()
    if count == 0:
        raise InputError("ranges are measured on pictures, got none")
