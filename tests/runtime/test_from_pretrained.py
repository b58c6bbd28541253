"""Models from local folders, and how objects show themselves."""

import pytest

from srdgan_rt.checkpoint import load_model, save_model
from srdgan_rt.errors import CheckpointError
from srdgan_rt.runtime import Upscaler
from tests.helpers.lively_net import make_lively_net


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    save_model(folder / "net.safetensors", make_lively_net(), {"halo": "8"})
    (folder / "README.md").write_text("a card")
    return folder


def test_a_folder_with_one_model(folder):
    up = Upscaler.from_pretrained(folder, engine="torch")
    assert (up.spec.name, up.spec.halo) == ("net", 8)
    assert repr(up) == "<Upscaler net x4, torch fp32 on cpu>"


def test_sharp_weights_belong_to_the_model(folder):
    save_model(folder / "net.sharp.safetensors", make_lively_net(seed=1), {"halo": "8"})
    up = Upscaler.from_pretrained(folder, sharpness=0.5, engine="torch")
    assert repr(up) == "<Upscaler net at sharpness 0.5 x4, torch fp32 on cpu>"


def test_a_name_with_a_dot_is_a_model_of_its_own(tmp_path):
    save_model(tmp_path / "net.v2.safetensors", make_lively_net(), {"halo": "8"})
    assert Upscaler.from_pretrained(tmp_path, engine="torch").spec.halo == 8


def test_other_folders_are_errors(folder, tmp_path):
    with pytest.raises(CheckpointError, match="is not a folder"):
        Upscaler.from_pretrained(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="must hold one weight file, got none"):
        Upscaler.from_pretrained(tmp_path / "empty")
    save_model(folder / "other.safetensors", make_lively_net(), {"halo": "8"})
    with pytest.raises(CheckpointError, match=r"got net\.safetensors, other\.safetensors"):
        Upscaler.from_pretrained(folder)


def test_a_model_shows_its_sizes(folder):
    model = load_model(folder / "net.safetensors")
    assert repr(model) == "<Model net x4: 1 RRDBs, 8 features, growth 4, halo 8>"
