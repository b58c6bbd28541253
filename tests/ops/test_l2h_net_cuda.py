"""The op for CUDA: its arguments everywhere, its results on the CPU by execution of the kernels, and on GPUs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from cuda_on_cpu import compute_exactly, load_path, measure_psnr
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from srdgan_rt import _ext, ops
from srdgan_rt.errors import ExtensionError, InputError
from srdgan_rt.models import L2HNet
from srdgan_rt.ops import PackedCudaL2HNet, l2h_net_cuda, l2h_net_cuda_pack
from srdgan_rt.runtime.engines.native import list_layers
from tests.helpers.lively_net import make_lively_net

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

SIZES = (8, 4, 1, 2, 1)
HUGE = 2**62


def fake_net(scale: int = 4) -> PackedCudaL2HNet:
    return PackedCudaL2HNet(torch.empty(0, dtype=torch.uint8), (8, 4, 1, scale.bit_length() - 1, 1), "fp16", False)


def test_wrong_arguments(make_net):
    layers = make_net(features=8, growth=4)
    for precision in ("fp32", "half", ""):
        with pytest.raises(InputError, match=f"precision must be fp16 or bf16, got '{precision}'"):
            l2h_net_cuda_pack(layers, precision)
    with pytest.raises(InputError, match="half_sums needs fp16, got bf16"):
        l2h_net_cuda_pack(layers, "bf16", half_sums=True)
    with pytest.raises(InputError, match="the CUDA kernels take up to 64 channels, got 65"):
        l2h_net_cuda_pack(make_net(features=65, growth=4))
    with pytest.raises(InputError, match=r"from float32 on the CPU, got torch\.float64"):
        l2h_net_cuda_pack(make_net(features=8, growth=4, dtype=torch.float64))
    for picture in (torch.ones(3, 4, 4), torch.ones(1, 1, 4, 4), torch.ones(1, 3, 0, 4)):
        with pytest.raises(InputError, match=r"picture must be \(N, 3, H, W\)"):
            l2h_net_cuda(picture, fake_net())
    with pytest.raises(InputError, match="picture must be uint8, uint16 or float32, got"):
        l2h_net_cuda(torch.ones(1, 3, 4, 4, dtype=torch.float16), fake_net())


def test_without_cuda_kernels_says_so(make_net, monkeypatch):
    monkeypatch.setattr(_ext, "_cuda_device", None)
    with pytest.raises(ExtensionError, match="has no CUDA kernels"):
        l2h_net_cuda_pack(make_net(features=8, growth=4))


def test_pictures_on_other_devices_are_refused(monkeypatch):
    monkeypatch.setattr(_ext, "_cuda_device", "cuda")
    with pytest.raises(InputError, match="l2h_net_cuda runs on cuda, got a picture on cpu"):
        l2h_net_cuda(torch.ones(1, 3, 4, 4), fake_net())


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float32])
def test_shapes_for_tracing(dtype):
    with FakeTensorMode():
        weights = torch.empty(10, dtype=torch.uint8, device="cuda")
        picture = torch.empty(2, 3, 5, 7, dtype=dtype, device="cuda")
        result = torch.ops.srdgan_rt.l2h_net_cuda(picture, weights, [8, 4, 1, 2, 2], "fp16", False, 0.2)
        assert (result.shape, result.dtype, result.device) == ((2, 3, 10, 14), dtype, picture.device)


# -- on the CPU -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def on_cpu():
    load_path()


def pack(net: L2HNet, precision: str = "fp16", **options: bool) -> PackedCudaL2HNet:
    return l2h_net_cuda_pack(list_layers(net), precision, **options)


@pytest.mark.slow
@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize(
    ("precision", "half_sums", "decibels"), [("fp16", False, 60), ("fp16", True, 55), ("bf16", False, 40)]
)
def test_results(precision, half_sums, decibels):
    net = make_lively_net()
    x = torch.rand(2, 3, 5, 6, generator=torch.Generator().manual_seed(1))
    result = l2h_net_cuda(x, pack(net, precision, half_sums=half_sums))
    assert measure_psnr(result, compute_exactly(net, x)) > decibels
    assert torch.equal(result, l2h_net_cuda(x, pack(net, precision, half_sums=half_sums)))


@pytest.mark.slow
@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize(("precision", "half_sums"), [("fp16", False), ("fp16", True), ("bf16", False)])
def test_hopper_gives_the_same_bits(monkeypatch, precision, half_sums):
    """By wgmma, which the weights in the wrong order would not survive; with sums in float16 by the other kernels."""
    net = make_lively_net(features=32, growth=32)
    packed = pack(net, precision, half_sums=half_sums)
    x = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    expected = l2h_net_cuda(x, packed)
    monkeypatch.setenv("SRDGAN_SIMT_H100", "1")
    assert torch.equal(l2h_net_cuda(x, packed), expected)
    size = packed.weights.numel() // 2
    damaged = replace(packed, weights=torch.cat([torch.zeros(size, dtype=torch.uint8), packed.weights[size:]]))
    assert torch.equal(l2h_net_cuda(x, damaged), expected) != half_sums  # only the second half was read


@pytest.mark.slow
@pytest.mark.usefixtures("on_cpu")
def test_samples_strides_and_batches():
    net = make_lively_net(scale=2, unshuffle=2)
    packed = pack(net)
    generator = torch.Generator().manual_seed(2)
    planar = torch.randint(0, 256, (3, 3, 5, 7), generator=generator, dtype=torch.uint8)
    interleaved = planar.contiguous(memory_format=torch.channels_last)
    result = l2h_net_cuda(planar, packed)
    assert torch.equal(l2h_net_cuda(interleaved, packed), result)
    assert torch.equal(l2h_net_cuda(planar[1:2], packed), result[1:2])
    assert torch.equal(
        l2h_net_cuda(planar[..., ::2, 1:-1], packed), l2h_net_cuda(planar[..., ::2, 1:-1].clone(), packed)
    )
    assert l2h_net_cuda(planar[:0], packed).shape == (0, 3, 10, 14)
    exact = compute_exactly(net, planar / 255.0)
    assert (result.to(torch.float64) - 255 * exact.clamp(0, 1)).abs().max() < 1
    words = (planar.to(torch.int32) * 257).to(torch.uint16)
    difference = l2h_net_cuda(words, packed).to(torch.float64) / 65535 - exact.clamp(0, 1)
    assert difference.abs().max() < 0.01


@pytest.mark.slow
@pytest.mark.usefixtures("on_cpu")
def test_hostile_arguments():
    op = torch.ops.srdgan_rt.l2h_net_cuda
    weights = pack(make_lively_net()).weights
    picture = torch.ones(1, 3, 4, 5)
    one = torch.ones(1, 1, 1, 1)

    def call(
        picture: Tensor = picture, weights: Tensor = weights, sizes=SIZES, precision="fp16", half=False, slope=0.2
    ):
        return op(picture, weights, list(sizes), precision, half, slope)

    assert call().shape == (1, 3, 16, 20)
    shrunk = picture.clone()
    shrunk.untyped_storage().resize_(4)
    for wrong in (
        picture[0],
        picture[:, :2],
        picture[..., :0],
        picture.double(),
        shrunk,
        one.expand(1, 3, 1, 2**40),
        one.expand(1, 3, 2**31, 2**29),
        one.expand(2**15, 3, 1, 1),
        one.expand(2**13, 3, 2**15, 2**15),
        torch.ones(0, 3, 1, 1).expand(0, 3, HUGE, HUGE),
    ):
        with pytest.raises(RuntimeError):
            call(picture=wrong)
    longer = torch.cat([weights, weights[:1]])
    for wrong in (
        weights[:0],
        weights[:-1],
        longer,
        longer[1:],
        weights.view(torch.int8),
        weights[None],
        weights.to("meta"),
    ):
        with pytest.raises((RuntimeError, InputError)):
            call(weights=wrong)
    for sizes in (
        (),
        (8, 4, 1, 2),
        (65, 4, 1, 2, 1),
        (8, -4, 1, 2, 1),
        (8, 4, HUGE, 2, 1),
        (8, 4, 1, 63, 1),
        (8, 4, 1, 1, 4),
    ):
        with pytest.raises((RuntimeError, ValueError)):
            call(sizes=sizes)
    for arguments in (
        {"precision": "fp32"},
        {"precision": "bf16", "half": True},
        {"slope": float("nan")},
        {"slope": 2.0},
    ):
        with pytest.raises(RuntimeError):
            call(**arguments)
    pack_op = torch.ops.srdgan_rt.l2h_net_cuda_pack
    layers = list_layers(make_lively_net())
    ordered = [layers.first, *layers.dense, layers.body, *layers.upsamplings, layers.hr, layers.last]
    given = [w for w, _ in ordered], [b for _, b in ordered]
    assert torch.equal(pack_op(*given, list(SIZES), "fp16"), weights)
    swapped = [*reversed(given[0])], given[1]
    for wrong in ((given[0][:-1], given[1]), (given[1], given[0]), swapped, ([w.double() for w in given[0]], given[1])):
        with pytest.raises(RuntimeError):
            pack_op(*wrong, list(SIZES), "fp16")


@pytest.mark.slow
@pytest.mark.usefixtures("on_cpu")
def test_opcheck_and_gradients():
    packed = pack(make_lively_net())
    picture = torch.rand(1, 3, 3, 4)
    arguments = (picture, packed.weights, list(SIZES), "fp16", False, 0.2)
    torch.library.opcheck(torch.ops.srdgan_rt.l2h_net_cuda, arguments)
    with pytest.raises(InputError, match="packed layers are for inference"):
        ops.l2h_net_cuda(picture.requires_grad_(), packed).sum().backward()


# -- on a GPU -------------------------------------------------------------------------------------------------------


@pytest.mark.cuda
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_results_on_a_gpu(precision):
    net = make_lively_net()
    x = torch.rand(2, 3, 33, 47)
    result = l2h_net_cuda(x.cuda(), pack(net, precision).to("cuda")).cpu()
    exact = compute_exactly(net, x)
    dtype = {"fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    with torch.inference_mode():
        theirs = net.to("cuda", dtype)(x.to("cuda", dtype)).cpu()
    assert (result - exact).abs().max() <= 2 * (theirs - exact).abs().max()
