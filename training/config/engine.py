"""Where and how a run computes."""

from __future__ import annotations

from dataclasses import dataclass

from srdgan_rt.errors import InputError


@dataclass(frozen=True)
class EngineConfig:
    """Where and how a run computes; it changes results by rounding only."""

    device: str = "auto"  # auto (CUDA where there is a device), cpu or cuda
    precision: str = "fp32"  # fp32, or bf16 (autocast: weights, losses and averages stay in fp32)
    kernels: str = "torch"  # of the low-to-high net and the VGG on the CPU: torch, native, or auto (the faster one)
    compile: bool = False  # the blocks of the generators by torch.compile
    cuda_graphs: bool = False  # the passes of a step as one CUDA graph, where there is no discriminator
    checkpoint_blocks: bool = False  # computes each block twice: far less memory, a third more time
    num_workers: int = 0  # processes that make batches ahead; 0: a thread does on a GPU, and none on the CPU
    prefetch: int = 2  # batches that each of them makes ahead

    def __post_init__(self) -> None:
        if self.device not in ("auto", "cpu", "cuda"):
            raise InputError(f"device must be auto, cpu or cuda, got {self.device!r}")
        if self.precision not in ("fp32", "bf16"):
            raise InputError(f"precision must be fp32 or bf16, got {self.precision!r}")
        if self.kernels not in ("auto", "native", "torch"):
            raise InputError(f"kernels must be auto, native or torch, got {self.kernels!r}")
        if self.num_workers < 0:
            raise InputError(f"num_workers must be at least 0, got {self.num_workers}")
        if self.prefetch < 1:
            raise InputError(f"prefetch must be at least 1, got {self.prefetch}")
