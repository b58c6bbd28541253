"""Tiles go through the engine in two streams; every wait that is missing would show, see tensorrt_double."""

from __future__ import annotations

import pytest
import torch
from tensorrt_double import LateDevice, OnnxContext

from srdgan_rt.export import export_onnx
from srdgan_rt.models import L2HNet
from srdgan_rt.tensorrt.executor import TileExecutor

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return L2HNet(1, 4, 2, 2).eval()


@pytest.fixture(scope="module")
def graph(net):
    return export_onnx(net)


def expect(net, x):
    with torch.inference_mode():
        return net(x)


@pytest.mark.parametrize("holds", [False, True])
def test_batches_and_calls_in_turn(net, graph, holds):
    context = OnnxContext(graph)
    executor = TileExecutor(context, LateDevice(holds=holds), torch.float32, 2)
    pending = []
    for batch, height, width in ((3, 5, 7), (1, 5, 7), (2, 5, 7), (1, 9, 4), (5, 5, 7)):
        x = torch.rand(batch, 3, height, width)
        expected = expect(net, x)
        pending.append((executor.run(x), expected))
        if not holds:
            x.zero_()  # the caller may do what it likes with it
    for result, expected in pending:
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-5)
    assert context.shapes == [(1, 3, 5, 7), (1, 3, 9, 4), (1, 3, 5, 7)]


def test_addresses_stay_while_the_shape_does(graph):
    context = OnnxContext(graph)
    executor = TileExecutor(context, LateDevice(), torch.float32, 2)
    for _ in range(3):
        executor.run(torch.rand(2, 3, 4, 4))
    assert len(context.bound) == 6
    assert len(set(context.bound)) == 1


def test_buffers_that_another_shape_would_free_are_counted(graph):
    executor = TileExecutor(OnnxContext(graph), LateDevice(), torch.float32, 2)
    assert executor.held_bytes == 0
    held = []
    for side in (4, 8, 4):
        executor.run(torch.rand(1, 3, side, side))
        held.append(executor.held_bytes)
        picture = 3 * side * side * 4
        assert held[-1] >= 3 * picture + 4 * picture  # two staged and one that is computed, and the result
    assert held[0] == held[2] < held[1]


def test_the_next_tile_is_copied_before_the_last_one_is_done(graph):
    """While the first of a batch runs, the second is on its way: nobody has waited for the first by then."""
    context = OnnxContext(graph)
    device = LateDevice()
    executor = TileExecutor(context, device, torch.float32, 2)
    done_before_enqueue = []
    enqueue = context.enqueue

    def watch(stream):
        enqueue(stream)
        done_before_enqueue.append(stream._done)

    context.enqueue = watch
    executor.run(torch.rand(2, 3, 4, 4))
    assert done_before_enqueue == [0, 0]


def test_kernels_are_kept_less_and_less_often(graph):
    seen = []
    executor = TileExecutor(OnnxContext(graph), LateDevice(), torch.float32, 2, lambda context: seen.append(runs))
    runs = 0
    for batch in (1, 1, 1, 3, 1, 1, 9):
        runs += batch
        executor.run(torch.rand(batch, 3, 4, 4))
    assert seen == [1, 2, 6, 8, 17]  # as soon as 1, 2, 4, 8 and 16 have been run


def test_memory_that_runs_out_leaves_the_executor_usable(net, graph, monkeypatch):
    device = LateDevice()
    executor = TileExecutor(OnnxContext(graph), device, torch.float32, 2)
    executor.run(torch.rand(1, 3, 4, 4))
    empty = device.empty
    monkeypatch.setattr(device, "empty", lambda *arguments: (_ for _ in ()).throw(torch.OutOfMemoryError("full")))
    with pytest.raises(torch.OutOfMemoryError):
        executor.run(torch.rand(1, 3, 8, 8))
    monkeypatch.setattr(device, "empty", empty)
    x = torch.rand(1, 3, 4, 4)
    torch.testing.assert_close(executor.run(x), expect(net, x), rtol=0, atol=1e-5)
