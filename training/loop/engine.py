"""Where and how a run computes: device, precision, compilation, and the processes that ``torchrun`` starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from srdgan_rt.errors import InputError
from training.config import EngineConfig
from training.data.batch import DataShard


class Engine:
    """Where and how a trainer computes.

    Args:
        config: as the run's configuration says.
        shard: the part of every batch that this process has.
        local_rank: the number of this process on its machine, and so of its CUDA device.

    Raises:
        InputError: the device or the precision is not available here.
    """

    def __init__(self, config: EngineConfig, shard: DataShard = DataShard(), local_rank: int = 0) -> None:  # noqa: B008
        self.config = config
        self.shard = shard
        self.device = _choose_device(config.device, local_rank)
        if config.precision == "bf16" and self.device.type == "cuda" and not torch.cuda.is_bf16_supported():
            raise InputError(f"{torch.cuda.get_device_name(self.device)} cannot compute in bf16: set precision to fp32")

    @property
    def batch_device(self) -> torch.device:
        """Where batches are made: by workers on the CPU if there are any, else on the device."""
        return torch.device("cpu") if self.config.num_workers else self.device

    @property
    def uses_graphs(self) -> bool:
        """Whether steps are CUDA graphs: on a GPU, where one process trains alone."""
        return self.config.cuda_graphs and self.device.type == "cuda" and self.shard.world == 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files and prints."""
        return self.shard.rank == 0

    def place(self, net: nn.Module) -> None:
        """Moves a net to the device, in the memory layout in which convolutions are fastest."""
        net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def prepare_generator(self, net: nn.Module) -> None:
        """Checkpoints and compiles a net with a list of blocks called ``body``, as the configuration says.

        In place, and without changing the names of its weights. Each block is compiled alone: equal blocks share the
        code, so that it takes seconds, not minutes. A block that cannot be compiled is an error at its first use, not
        one that quietly runs slower.
        """
        for block in net.body:  # type: ignore[union-attr]
            if self.config.checkpoint_blocks:
                block.forward = partial(
                    checkpoint,
                    block.forward,
                    use_reentrant=False,
                    preserve_rng_state=False,
                )
            if self.config.compile:
                block.compile()

    def parallelise(self, net: nn.Module) -> nn.Module:
        """The net to call where gradients are wanted: averages them over all processes during the backward pass."""
        if self.shard.world == 1:
            return net
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(net, device_ids=devices)

    def call(self, net: nn.Module, *inputs: Tensor) -> Tensor:
        """Calls a net at the precision of the run.

        Args:
            net: of any kind.
            inputs: pictures ``(N, C, H, W)``, or numbers for each of them ``(N,)``.

        Returns:
            Its result in fp32.
        """
        arguments = (x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x for x in inputs)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            result: Tensor = net(*arguments)
        return result.float()

    def agree(self, flag: bool) -> bool:
        """Whether any process says so: all must stop at the same iteration, or one would wait for ever."""
        if self.shard.world == 1:
            return flag
        flags = torch.tensor(float(flag), device=self.device)
        torch.distributed.all_reduce(flags, torch.distributed.ReduceOp.MAX)
        return bool(flags)


@contextmanager
def start_engine(config: EngineConfig) -> Iterator[Engine]:
    """The engine of this process, one of several if ``torchrun`` started it.

    Args:
        config: as the run's configuration says.

    Raises:
        InputError: as :class:`Engine`.
    """
    shard = DataShard(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))
    engine = Engine(config, shard, int(os.environ.get("LOCAL_RANK", "0")))
    if shard.world == 1:
        yield engine
        return
    if engine.device.type == "cuda":
        torch.cuda.set_device(engine.device)
    torch.distributed.init_process_group("nccl" if engine.device.type == "cuda" else "gloo")
    try:
        yield engine
    finally:
        torch.distributed.destroy_process_group()


def _choose_device(name: str, local_rank: int) -> torch.device:
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise InputError("engine.device is cuda, but torch finds no CUDA device: set it to auto or cpu")
    return torch.device("cuda", local_rank)
