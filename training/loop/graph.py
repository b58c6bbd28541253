"""The passes of a step, forward and backward, as one CUDA graph.

A step of 25 RRDBs starts thousands of small kernels, and Python needs longer to start them than a fast GPU to run them.
A graph holds them all and is started at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from training.data.batch import TensorBatch

BatchT = TypeVar("BatchT", bound=TensorBatch)

_WARM_UPS = 3


class StepGraph(Generic[BatchT]):
    """Computes losses and gradients of a batch by a graph. A batch of other sizes needs another graph.

    Args:
        differentiate: computes the losses of a batch on a GPU, and leaves their gradients in the parameters. It must
            not wait for the GPU, and must do the same for every batch.
        parameters: those that may have gradients.
    """

    def __init__(
        self, differentiate: Callable[[BatchT], Mapping[str, Tensor]], parameters: Iterable[nn.Parameter]
    ) -> None:
        self._differentiate = differentiate
        self._parameters = list(parameters)
        self._batch: BatchT | None = None

    def __call__(self, batch: BatchT) -> dict[str, Tensor]:
        """As ``differentiate``; the tensors keep their values until the next call."""
        if self._batch is None or _shapes(self._batch) != _shapes(batch):
            self._capture(batch)
        assert self._batch is not None
        torch._foreach_copy_(self._batch.tensors(), batch.tensors())
        self._graph.replay()
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient  # an optimiser may have taken it away
        return dict(self._losses)

    def _capture(self, batch: BatchT) -> None:
        self._graph = torch.cuda.CUDAGraph()
        self._gradients: list[Tensor | None] = []
        self._losses: Mapping[str, Tensor] = {}
        self._batch = batch.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        # cuDNN times its algorithms in the first pass and takes the fastest in the others.
        with torch.backends.cudnn.flags(enabled=True, benchmark=True):
            with torch.cuda.stream(stream):
                for _ in range(_WARM_UPS):
                    self._differentiate(self._batch)
            torch.cuda.current_stream().wait_stream(stream)
            for parameter in self._parameters:
                parameter.grad = None
            # Batches are made by another thread meanwhile, which may take memory.
            with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._losses = self._differentiate(self._batch)
        self._gradients = [parameter.grad for parameter in self._parameters]


def _shapes(batch: TensorBatch) -> list[torch.Size]:
    return [tensor.shape for tensor in batch.tensors()]
