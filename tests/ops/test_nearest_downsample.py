"""nearest_downsample against slicing, and its noise against the reference's."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from srdgan_rt import _ext, ops
from srdgan_rt.errors import InputError
from srdgan_rt.ops import reference

ComputeWithThreads: TypeAlias = Callable[[Callable[[], Tensor], Sequence[int]], list[Tensor]]

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))


def make_picture(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    if dtype == torch.uint8:
        return torch.randint(0, 256, shape, generator=generator, dtype=dtype)
    return torch.randn(*shape, generator=generator)


@pytest.mark.isa
@given(
    height=st.sampled_from([1, 2, 7, 8, 13]),
    width=st.sampled_from([1, 2, 7, 8, 13]),
    factor=st.integers(1, 5),
    phase=st.integers(0, 4),
    dtype=st.sampled_from([torch.uint8, torch.float32]),
)
def test_matches_reference(height: int, width: int, factor: int, phase: int, dtype: torch.dtype) -> None:
    phase %= factor
    x = make_picture(2, 3, height, width, dtype=dtype)
    if min(height, width) <= phase:
        with pytest.raises(InputError, match=f"x must be larger than the phase {phase}"):
            ops.nearest_downsample(x, factor, phase)
        return
    y = ops.nearest_downsample(x, factor, phase)
    assert y.shape == (2, 3, -(-(height - phase) // factor), -(-(width - phase) // factor))
    assert y.is_contiguous()
    assert torch.equal(y, reference.nearest_downsample(x, factor, phase))


def test_default_phase_is_the_middle_one() -> None:
    """What torch calls nearest-exact; its plain nearest is phase 0."""
    x = make_picture(1, 2, 12, 24)
    assert torch.equal(ops.nearest_downsample(x, 4), F.interpolate(x, size=(3, 6), mode="nearest-exact"))
    assert torch.equal(ops.nearest_downsample(x, 3), F.interpolate(x, size=(4, 8), mode="nearest-exact"))
    assert torch.equal(ops.nearest_downsample(x, 4, phase=0), F.interpolate(x, size=(3, 6), mode="nearest"))


def test_bytes_become_exact_fractions() -> None:
    x = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    assert torch.equal(ops.nearest_downsample(x, 1), x / 255)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_any_memory_layout(dtype: torch.dtype) -> None:
    x = make_picture(2, 3, 9, 10, dtype=dtype)
    expected = ops.nearest_downsample(x, 4)
    layouts = [
        x.contiguous(memory_format=torch.channels_last),
        x.transpose(2, 3).contiguous().transpose(2, 3),
        torch.cat([x, x], dim=3)[:, :, :, :10],
        x.flip(3).flip(3),
    ]
    for layout in layouts:
        assert torch.equal(ops.nearest_downsample(layout, 4), expected)
    one = x[:1].expand(2, -1, -1, -1)
    assert torch.equal(ops.nearest_downsample(one, 4), ops.nearest_downsample(one.contiguous(), 4))


def test_empty_batch() -> None:
    assert ops.nearest_downsample(make_picture(0, 3, 8, 8), 4).shape == (0, 3, 2, 2)
    assert ops.nearest_downsample(make_picture(2, 0, 8, 8), 4).shape == (2, 0, 2, 2)


def test_deterministic_for_any_number_of_threads(compute_with_threads: ComputeWithThreads) -> None:
    x = make_picture(1, 3, 512, 512, dtype=torch.uint8)
    one, two = compute_with_threads(lambda: ops.nearest_downsample(x, 2), (1, 2))
    assert torch.equal(one, two)


NOISE = {"shot_noise": 0.01, "read_noise": 0.02}


@pytest.mark.isa
@given(
    size=st.sampled_from([(1, 1), (3, 7), (8, 13)]),
    factor=st.integers(1, 3),
    dtype=st.sampled_from([torch.uint8, torch.float32]),
    shot=st.sampled_from([0, 1e-4, 0.5, 1000]),
    read=st.sampled_from([0, 0.01, 1000]),
    seed=st.integers(-(2**63), 2**63 - 1),
)
def test_noise_matches_reference(
    size: tuple[int, int], factor: int, dtype: torch.dtype, shot: float, read: float, seed: int
) -> None:
    x = make_picture(2, 3, *size, dtype=dtype)
    y = ops.nearest_downsample(x, factor, 0, shot_noise=shot, read_noise=read, seed=seed)
    expected = reference.nearest_downsample(x, factor, 0, shot_noise=shot, read_noise=read, seed=seed)
    plain = reference.nearest_downsample(x, factor, 0)
    strength = (shot * plain.clamp(min=0) + read**2).sqrt()
    assert ((y - expected).abs() <= 2e-6 * strength + 3e-7 * plain.abs()).all()


def test_noise_is_normal_and_its_strength_follows_the_light() -> None:
    levels = torch.tensor([0.0, 0.1, 0.4, 1.0])
    x = levels[:, None, None, None].expand(-1, 3, 512, 512)
    noise = ops.nearest_downsample(x, 2, seed=5, **NOISE) - levels[:, None, None, None]
    sigma = (NOISE["shot_noise"] * levels + NOISE["read_noise"] ** 2).sqrt()
    normal = noise.flatten(1) / sigma[:, None]
    count = normal.shape[1]
    assert (normal.mean(1).abs() < 4 / count**0.5).all()
    assert ((normal.var(1) - 1).abs() < 4 * (2 / count) ** 0.5).all()
    # Kolmogorov and Smirnov: 1.95 is exceeded in one of a thousand random cases.
    ordered = normal.sort(1).values.double()
    distance = (torch.special.ndtr(ordered) - torch.arange(1, count + 1) / count).abs().amax(1)
    assert (distance * count**0.5 < 1.95).all()
    # Independent of its neighbours, of other channels and of other pictures.
    for shift, dim in [(1, 3), (2, 3), (1, 2), (1, 1), (1, 0)]:
        correlation = (noise * noise.roll(shift, dim)).mean() / sigma.square().mean()
        assert abs(float(correlation)) < 4 / count**0.5


def test_a_seed_makes_the_same_noise_again(compute_with_threads: ComputeWithThreads) -> None:
    x = make_picture(1, 3, 256, 256)
    first, again = compute_with_threads(lambda: ops.nearest_downsample(x, 2, seed=1, **NOISE), (1, 2))
    assert torch.equal(again, first)
    other = ops.nearest_downsample(x, 2, seed=2, **NOISE)
    assert (other == first).float().mean() < 0.001


def test_gradient_through_noise() -> None:
    """The reference's gradient, which PyTorch derives; and none through noise in the dark."""
    x = make_picture(1, 2, 5, 6).sub(0.3)
    gradients = []
    for op in (ops.nearest_downsample, reference.nearest_downsample):
        leaf = x.clone().requires_grad_()
        op(leaf, 2, seed=3, **NOISE).square().sum().backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(*gradients)
    dark = torch.zeros(1, 1, 4, 4, requires_grad=True)
    ops.nearest_downsample(dark, 1, shot_noise=0.01).sum().backward()
    assert torch.equal(dark.grad, torch.ones_like(dark))


def test_gradcheck() -> None:
    """In float32, the op's only differentiable type; a copy of samples is exact for any step."""
    x = make_picture(1, 2, 5, 6).requires_grad_()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is not a double precision.*")
        assert torch.autograd.gradcheck(lambda t: ops.nearest_downsample(t, 3), [x], eps=0.25, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_opcheck(dtype: torch.dtype) -> None:
    x = make_picture(2, 3, 9, 10, dtype=dtype)
    if dtype == torch.float32:
        x.requires_grad_()
    torch.library.opcheck(torch.ops.srdgan_rt.nearest_downsample, (x, 4, 2, 0.1, 0.1, 1))


def test_compile() -> None:
    x = make_picture(1, 3, 9, 10)
    compiled = torch.compile(lambda t: ops.nearest_downsample(t, 4) + 1, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), ops.nearest_downsample(x, 4) + 1)


class Downsample(torch.nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return ops.nearest_downsample(x, 4)


def test_export() -> None:
    sizes = {2: torch.export.Dim("height", min=8, max=64), 3: torch.export.Dim("width", min=8, max=64)}
    program = torch.export.export(Downsample(), (make_picture(1, 3, 9, 10),), dynamic_shapes=(sizes,))
    other = make_picture(1, 3, 16, 31)
    assert torch.equal(program.module()(other), ops.nearest_downsample(other, 4))


X = make_picture(1, 3, 8, 9)
REJECTED = [
    ((X[0], 4), r"x must be \(N, C, H, W\), got 3 dimensions"),
    ((X.half(), 4), "x must be uint8 or float32, got torch.float16"),
    ((X, 0), "factor must be at least 1, got 0"),
    ((X, 4, 4), r"phase must be 0\.\.3, got 4"),
    ((X, 4, -1), r"phase must be 0\.\.3, got -1"),
    ((X[:, :, :2], 4), "x must be larger than the phase 2, got 2x9"),
]
REJECTED_NOISE = [
    ({"shot_noise": -1e-3}, r"shot_noise must be 0\.\.1000, got -0\.001"),
    ({"read_noise": float("nan")}, r"read_noise must be 0\.\.1000, got nan"),
    ({"read_noise": 1001}, r"read_noise must be 0\.\.1000, got 1001"),
    ({"seed": 2**63}, "seed must be a number of 64 bits with sign, got 9223372036854775808"),
]


@pytest.mark.parametrize(("arguments", "message"), REJECTED, ids=[message[:40] for _, message in REJECTED])
def test_rejects(arguments: tuple[Tensor, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ops.nearest_downsample(*arguments)


@pytest.mark.parametrize(("noise", "message"), REJECTED_NOISE)
def test_rejects_noise(noise: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ops.nearest_downsample(X, 4, **noise)


def test_the_op_itself_guards_memory() -> None:
    for x, phase, noise, message in [
        (X, 9, 0, "phase must be 0"),
        (X[:, :, :2], 2, 0, "x must be larger than the phase"),
        (X, 2, -1, "shot_noise must be 0"),
        (X, 2, float("nan"), "shot_noise must be 0"),
    ]:
        with pytest.raises(RuntimeError, match=message):
            torch.ops.srdgan_rt.nearest_downsample(x, 4, phase, noise, 0, 0)


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_cuda_matches_reference(dtype: torch.dtype) -> None:
    for height, width in [(1, 1), (2, 7), (13, 8), (300, 500)]:
        x = make_picture(2, 3, height, width, dtype=dtype)
        for factor, phase in [(1, 0), (2, 0), (4, 0)]:
            for noise in ({}, {"seed": 7, **NOISE}):
                y = ops.nearest_downsample(x.cuda(), factor, phase, **noise)
                assert torch.equal(y.cpu(), ops.nearest_downsample(x, factor, phase, **noise))
