"""A real server on a free port, with a tiny model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from page_server import Server

from srdgan_rt.checkpoint import save_model
from srdgan_rt.image import Metadata, Picture, write_picture
from srdgan_rt.models import L2HNet


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Two weight files of tiny nets; the second has sharp weights."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    for name, metadata in (("tiny", {}), ("pair", {"sharpness": "0.25"}), ("pair.sharp", {})):
        net = L2HNet(num_blocks=1, num_features=4, growth_channels=2)
        save_model(folder / f"{name}.safetensors", net, {"halo": "4", **metadata})
    return [str(folder / "tiny.safetensors"), str(folder / "pair.safetensors")]


@pytest.fixture(scope="module")
def server(models):
    server = Server(models)
    yield server
    server.close()


@pytest.fixture
def start_server(models):
    servers = []

    def start_server(**options):
        servers.append(Server(models, **options))
        return servers[-1]

    yield start_server
    for server in servers:
        server.close()


@pytest.fixture
def draw(tmp_path):
    """Writes a picture of random pixels; returns its path."""

    def draw(name="photo.png", height=12, width=16, dtype=np.uint8, metadata=None):
        pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (height, width, 3), dtype=dtype)
        write_picture(tmp_path / name, Picture(pixels, metadata or Metadata()))
        return tmp_path / name

    return draw
