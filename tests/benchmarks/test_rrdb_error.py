"""The table of error growth: its cuts, its units, its inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from srdgan_rt import _ext
from srdgan_rt.errors import InputError
from srdgan_rt.image import Picture, write_picture
from srdgan_rt.ops import reference

rrdb_error = pytest.importorskip("benchmarks.rrdb_error", reason="benchmarks/ is not there: this is not a source tree")


def test_list_depths() -> None:
    assert rrdb_error.list_depths(1) == [1]
    assert rrdb_error.list_depths(4) == [1, 2, 4]
    assert rrdb_error.list_depths(25) == [1, 2, 4, 8, 16, 25]


def test_compare() -> None:
    exact = [torch.zeros(3).double(), torch.ones(1).double()]
    error = rrdb_error.compare([torch.zeros(3), torch.full((1,), 3.0)], exact, unit=0.5)
    assert error == rrdb_error.Error(rms=2.0, max=4.0)


def test_random_nets_fill_the_range() -> None:
    picture = torch.rand(1, 3, 12, 12)
    net = rrdb_error.make_scaled_net(2, 8, 4, picture)
    with torch.no_grad():
        result = net(picture)
        assert torch.equal(result, reference.l2h_net(picture, rrdb_error.list_layers(net)))
    assert float(result.mean()) == pytest.approx(0.5, abs=1e-4)
    assert float(result.std()) == pytest.approx(0.2, abs=1e-3)


@pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))
def test_measure() -> None:
    pictures = [torch.rand(1, 3, 9, 9), torch.rand(1, 3, 8, 13)]
    net = rrdb_error.make_scaled_net(3, 8, 4, pictures[0])
    rows = list(rrdb_error.measure(net, pictures))
    assert [row.place for row in rows] == ["1", "2", "3", "result"]
    for row in rows:
        for error in (row.ours, row.torch):
            assert 1e-9 < error.rms < error.max < 1e-5


def test_read_crop(tmp_path: Path) -> None:
    pixels = np.zeros((6, 8, 3), np.uint8)
    pixels[2:4, 3:5] = (255, 0, 51)
    write_picture(tmp_path / "a.png", Picture(pixels))
    crop = rrdb_error.read_crop(tmp_path / "a.png", 2)
    assert torch.equal(crop, torch.tensor([1.0, 0.0, 0.2]).view(1, 3, 1, 1).expand(1, 3, 2, 2))
    with pytest.raises(InputError, match=r"pictures must have at least 7x7 pixels, got a\.png of 6x8"):
        rrdb_error.read_crop(tmp_path / "a.png", 7)
    write_picture(tmp_path / "grey.png", Picture(pixels[..., 0]))
    with pytest.raises(InputError, match=r"pictures must be RGB of 8 bits, got grey\.png of \(6, 8\) uint8"):
        rrdb_error.read_crop(tmp_path / "grey.png", 2)
