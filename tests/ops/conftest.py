"""Nets and threads for the tests of the ops. Tests marked ``cuda`` are skipped where the ops cannot run on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from srdgan_rt import _ext
from srdgan_rt.ops import L2HLayers, Layer


@pytest.fixture(autouse=True)
def _skip_without_cuda(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("cuda") is None:
        return
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    if not (_ext.build_record() or {}).get("cuda"):
        pytest.skip("the extension was built without CUDA")


def _make_net(
    num_rrdbs: int = 1,
    features: int = 24,
    growth: int = 8,
    num_upsamplings: int = 2,
    dtype: torch.dtype = torch.float32,
) -> L2HLayers:
    generator = torch.Generator().manual_seed(0)

    def layer(out_channels: int, in_channels: int) -> Layer:
        weight = torch.randn(out_channels, in_channels, 3, 3, generator=generator) / (3 * in_channels**0.5)
        return weight.to(dtype), (torch.randn(out_channels, generator=generator) / 10).to(dtype)

    dense = []
    for _ in range(3 * num_rrdbs):
        dense += [layer(growth, features + i * growth) for i in range(4)]
        dense.append(layer(features, features + 4 * growth))
    return L2HLayers(
        first=layer(features, 3),
        dense=dense,
        body=layer(features, features),
        upsamplings=[layer(features, features) for _ in range(num_upsamplings)],
        hr=layer(features, features),
        last=layer(3, features),
    )


@pytest.fixture(scope="session")
def make_net() -> Callable[..., L2HLayers]:
    """Makes the layers of a net, the same for the same sizes in every type, with outputs of about unit size."""
    return _make_net


def _compute_with_threads(compute: Callable[[], Tensor], counts: Sequence[int]) -> list[Tensor]:
    threads = torch.get_num_threads()
    try:
        results = []
        for count in counts:
            torch.set_num_threads(count)
            results.append(compute())
    finally:
        torch.set_num_threads(threads)
    return results


@pytest.fixture(scope="session")
def compute_with_threads() -> Callable[[Callable[[], Tensor], Sequence[int]], list[Tensor]]:
    """Computes the same with several numbers of threads."""
    return _compute_with_threads
