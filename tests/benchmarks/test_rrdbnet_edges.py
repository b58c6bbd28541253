"""Differences at the edges of pictures."""

import sys

import numpy as np

from benchmarks import rrdbnet_edges
from srdgan_rt.checkpoint import save_model
from srdgan_rt.image import Picture, write_picture
from tests.helpers.lively_net import make_lively_net


def test_padding_the_picture_takes_the_difference_away(tmp_path):
    save_model(tmp_path / "net.safetensors", make_lively_net(), {"halo": "8", "border_padding": "8"})
    picture = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    rows = rrdbnet_edges.measure(str(tmp_path / "net.safetensors"), picture)
    assert [place for place, _ in rows][-1] == "padded by 8 mirrored pixels and cropped"
    assert rows[0][1] > 2
    assert rows[-1][1] <= 1


def test_grey_pictures_are_taken_as_rgb(tmp_path, monkeypatch, capsys):
    model = str(tmp_path / "net.safetensors")
    save_model(model, make_lively_net(), {"halo": "8", "border_padding": "8"})
    write_picture(tmp_path / "grey.png", Picture(np.random.default_rng(0).integers(0, 256, (96, 120), dtype=np.uint8)))
    monkeypatch.setattr(sys, "argv", ["rrdbnet_edges", str(tmp_path / "grey.png"), "-n", model])
    rrdbnet_edges.main()
    assert capsys.readouterr().out.count("/255  ") == 5
