"""The engine ``cuda``: why it cannot be used; and the backend, whose kernels are executed on the CPU."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
import torch
from cuda_on_cpu import compute_exactly, load_library, measure_psnr

from srdgan_rt import _ext
from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.models import L2HNet, ModelSpec
from srdgan_rt.ops import l2h_net_cuda_pack
from srdgan_rt.runtime.engines import cuda
from srdgan_rt.runtime.engines.cuda_backend import CudaBackend, choose_sums
from srdgan_rt.runtime.engines.cuda_library import CudaEngine, CudaLibrary
from srdgan_rt.runtime.engines.native import list_layers
from srdgan_rt.runtime.engines.torch import TorchBackend
from srdgan_rt.runtime.source import Source
from srdgan_rt.runtime.tile_runner import TileRunner
from tests.helpers.lively_net import make_lively_net

CPU, GPU = torch.device("cpu"), torch.device("cuda")


# -- why not --------------------------------------------------------------------------------------------------------


def test_why_not_without_a_gpu():
    assert cuda.why_not(CPU, "fp16") == "the cuda engine runs on CUDA devices only, not on cpu"
    assert cuda.why_not(GPU, "fp32") == "the cuda engine computes in fp16 and bf16, not in fp32"


def test_why_not_without_cuda_kernels(monkeypatch):
    monkeypatch.setattr(_ext, "why_no_cuda", lambda: "no CUDA kernels")
    assert cuda.why_not(GPU, "fp16") == "no CUDA kernels"


@pytest.mark.parametrize(
    ("architectures", "capability", "reason"),
    [
        (["86"], (8, 6), None),
        (["80"], (8, 9), None),
        (["90a"], (9, 0), None),
        (["90a"], (10, 0), "was built for the GPU architectures 90a, not for 10.0"),
        (["80+PTX"], (12, 0), None),
        (["100", "120"], (12, 1), None),
        (["80", "90"], (12, 0), "was built for the GPU architectures 80, 90, not for 12.0: SRDGAN_RT_CUDA=12.0 pip"),
        (["86"], (9, 0), "was built for the GPU architectures 86, not for 9.0: SRDGAN_RT_CUDA=9.0a pip"),
        (["89"], (8, 6), "was built for the GPU architectures 89, not for 8.6"),
        (["80"], (7, 5), "needs a GPU of compute capability 8.0 or more, got 7.5"),
    ],
)
def test_why_not_by_architecture(architectures, capability, reason, monkeypatch):
    monkeypatch.setattr(_ext, "why_no_cuda", lambda: None)
    monkeypatch.setattr(_ext, "build_record", lambda: {"cuda_architectures": architectures})
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    found = cuda.why_not(GPU, "bf16")
    assert found is None if reason is None else reason in found


# -- which sums -----------------------------------------------------------------------------------------------------


def open_double(errors):
    """Backends whose results are off by ``errors[half_sums]``."""

    def open_with(half_sums):
        run = lambda x: x + errors[half_sums]  # noqa: E731
        return SimpleNamespace(run=run, precision="fp16", half_sums=half_sums)

    return open_with


@pytest.mark.parametrize(
    ("errors", "wants", "half_sums"),
    [({True: 0, False: 0}, True, True), ({True: 0, False: 0}, False, False), ({True: 0.1, False: 0}, True, False)],
)
def test_sums_are_the_fastest_that_are_right(errors, wants, half_sums, caplog):
    reference = SimpleNamespace(run=lambda x: x)
    with caplog.at_level(logging.WARNING, "srdgan_rt"):
        backend = choose_sums(open_double(errors), reference, wants_half_sums=wants)
    assert backend.half_sums == half_sums
    assert ("sums in float16 are too inexact" in caplog.text) == (wants and not half_sums)


def test_wrong_results_are_refused():
    reference = SimpleNamespace(run=lambda x: x)
    with pytest.raises(BackendUnavailableError, match="must be at least 50 dB in fp16, got"):
        choose_sums(open_double({True: 0.1, False: 0.1}), reference, wants_half_sums=True)


@pytest.mark.parametrize(
    "error", [MemoryError("the GPU is out of memory"), torch.OutOfMemoryError("CUDA out of memory")]
)
def test_lack_of_memory_makes_the_engine_unavailable(error):
    def run(x):
        raise error

    backend = SimpleNamespace(run=run, precision="fp16")
    with pytest.raises(BackendUnavailableError, match="not enough memory to compare"):
        choose_sums(lambda half_sums: backend, SimpleNamespace(run=lambda x: x), wants_half_sums=False)


# -- the backend, executed on the CPU -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def library() -> CudaLibrary:
    return load_library()


def open_on_cpu(net: L2HNet, library: CudaLibrary, **options) -> CudaBackend:
    return CudaBackend(Model.from_net(net), CPU, "fp16", half_sums=False, library=library, **options)


@pytest.mark.slow
def test_results_equal_those_of_torch(library):
    net = make_lively_net()
    backend = open_on_cpu(net, library)
    for shape in ((2, 3, 5, 6), (1, 3, 4, 7), (0, 3, 4, 4)):
        x = torch.rand(shape, generator=torch.Generator().manual_seed(1))
        result = backend.run(x)
        exact = compute_exactly(net, x)
        assert result.shape == exact.shape
        assert shape[0] == 0 or measure_psnr(result, exact) > 60
        assert torch.equal(backend.run(x.transpose(2, 3).contiguous().transpose(2, 3)), result)


@pytest.mark.slow
def test_unshuffled_nets_and_sides_that_are_no_multiples(library):
    net = make_lively_net(scale=2, unshuffle=2)
    x = torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(1))
    assert measure_psnr(open_on_cpu(net, library).run(x), compute_exactly(net, x)) > 60


@pytest.mark.slow
def test_choice_compares_with_fp32(library):
    model = Model.from_net(make_lively_net(scale=1))
    reference = TorchBackend(model, CPU, "fp32")

    def open_with(half_sums):
        return CudaBackend(model, CPU, "fp16", half_sums=half_sums, library=library)

    assert choose_sums(open_with, reference, wants_half_sums=True).half_sums


@pytest.mark.slow
def test_tiles_become_smaller_where_memory_is_missing(library, monkeypatch):
    net = make_lively_net(scale=1)
    backend = open_on_cpu(net, library)
    prepare = backend._engine.prepare

    def prepare_small(height, width):
        if max(height, width) > 40:
            raise MemoryError("the GPU is out of memory")
        prepare(height, width)

    monkeypatch.setattr(backend._engine, "prepare", prepare_small)
    x = torch.rand(1, 3, 50, 60, generator=torch.Generator().manual_seed(1))
    source = Source.from_tensor(x)
    runner = TileRunner(backend, source, ModelSpec(1, 8, 4, 1, halo=4), tile=60)
    result = runner.enlarge(source.bounds)
    assert result.shape == x.shape
    assert runner.largest_core == 30
    assert measure_psnr(result[..., 20:30, 20:30], compute_exactly(net, x)[..., 20:30, 20:30]) > 40


@pytest.mark.slow
def test_the_memory_of_the_last_tile_is_held(library, monkeypatch):
    backend = open_on_cpu(make_lively_net(scale=1), library)
    assert backend.held_bytes == 0
    backend.run(torch.rand(1, 3, 5, 6))
    assert backend.held_bytes == backend._engine.device_bytes(5, 6)

    def lack_memory(height, width):
        raise MemoryError

    monkeypatch.setattr(backend._engine, "prepare", lack_memory)
    with pytest.raises(MemoryError):
        backend.run(torch.rand(1, 3, 7, 8))
    assert backend.held_bytes == 0


@pytest.mark.slow
def test_whole_pictures(library):
    net = make_lively_net(scale=2)
    packed = l2h_net_cuda_pack(list_layers(net))
    engine = CudaEngine(library, 0, packed, samples=torch.uint8, planar=False)
    picture = torch.randint(0, 256, (6, 7, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    result = torch.empty(12, 14, 3, dtype=torch.uint8)
    assert engine.run_picture(picture, result, side=100, halo=8, border=0) == 100
    exact = 255 * compute_exactly(net, picture.movedim(2, 0)[None] / 255.0)[0].movedim(0, 2).clamp(0, 1)
    assert (result.to(torch.float64) - exact).abs().max() < 1


@pytest.mark.slow
def test_errors_name_their_reason(library):
    net = make_lively_net(scale=1)
    with pytest.raises(BackendUnavailableError, match=r"the GPU must be 0\.\.0, got 3"):
        CudaEngine(library, 3, l2h_net_cuda_pack(list_layers(net)), samples=torch.uint8, planar=True)
    with pytest.raises(BackendUnavailableError, match=r"cannot run this network: .* up to 64 channels, got 65"):
        open_on_cpu(L2HNet(1, 65, 4, 1), library)
    engine = CudaEngine(library, 0, l2h_net_cuda_pack(list_layers(net)), samples=torch.float32, planar=True)
    with pytest.raises(BackendUnavailableError, match="prepare"):
        engine.begin()
    with pytest.raises(BackendUnavailableError, match="a tile must have"):
        engine.prepare(0, 4)
