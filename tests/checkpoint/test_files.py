import os
import pickle
import stat

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from srdgan_rt.checkpoint import (
    DEFAULT_DEGRADATION,
    available_degradations,
    available_models,
    has_sharp_weights,
    load_h2l,
    load_model,
    save_model,
    shipped,
)
from srdgan_rt.errors import CheckpointError
from srdgan_rt.models import DEFAULT_HALO, H2LNet, L2HNet


@pytest.fixture
def net():
    torch.manual_seed(1)
    return L2HNet(num_blocks=1, num_features=8, growth_channels=4)


@pytest.fixture
def h2l():
    torch.manual_seed(2)
    return H2LNet(num_blocks=2, num_features=8)


def assert_same_weights(first, second, tolerance=0.0):
    second = second.state_dict()
    assert first.state_dict().keys() == second.keys()
    for name, tensor in first.state_dict().items():
        assert second[name].dtype == torch.float32
        torch.testing.assert_close(second[name], tensor, rtol=tolerance, atol=1e-3 * tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 0), (torch.float16, 1e-3), (torch.bfloat16, 8e-3)])
def test_saved_network_comes_back_in_fp32(tmp_path, net, dtype, tolerance):
    path = tmp_path / "model.safetensors"
    save_model(path, net, {"halo": "24", "border_padding": "3", "license": "Apache-2.0"}, dtype=dtype)
    model = load_model(path)
    loaded, spec, metadata = model.net, model.spec, model.metadata
    assert_same_weights(net, loaded, tolerance)
    assert (spec.name, spec.halo, spec.border_padding, spec.num_features) == ("model", 24, 3, 8)
    assert metadata["license"] == "Apache-2.0"
    assert (metadata["architecture"], metadata["num_blocks"], metadata["scale"]) == ("L2HNet", "1", "4")
    assert not loaded.training
    with safe_open(path, framework="pt") as file:
        assert file.get_tensor("conv_first.weight").dtype == dtype


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 0), (torch.float16, 1e-3)])
def test_high_to_low_net_comes_back_in_fp32(tmp_path, h2l, dtype, tolerance):
    path = tmp_path / "h2l.safetensors"
    save_model(path, h2l, {"noise_levels": "0.05"}, dtype=dtype)
    model = load_h2l(path)
    loaded, metadata = model.net, model.metadata
    assert_same_weights(h2l, loaded, tolerance)
    assert (loaded.num_blocks, loaded.num_features, loaded.scale, loaded.training) == (2, 8, 4, False)
    assert (metadata["architecture"], metadata["noise_levels"]) == ("H2LNet", "0.05")
    assert "growth_channels" not in metadata


def test_high_to_low_net_keeps_its_scale_and_is_read_from_training_files(tmp_path, h2l):
    save_model(tmp_path / "x2.safetensors", H2LNet(1, 8, scale=2), {})
    assert load_h2l(tmp_path / "x2.safetensors").net.scale == 2
    wrapped = {f"module.{name}": tensor for name, tensor in h2l.state_dict().items()}
    torch.save({"params_ema": wrapped, "iteration": 3}, tmp_path / "run.pt")
    assert_same_weights(h2l, load_h2l(tmp_path / "run.pt").net)


def test_the_wrong_kind_of_net_is_one_clear_line(tmp_path, net, h2l):
    save_model(tmp_path / "h2l.safetensors", h2l, {})
    with pytest.raises(CheckpointError, match=r"h2l\.safetensors: holds a high-to-low net, .* it is for degrade$"):
        load_model(tmp_path / "h2l.safetensors")
    save_model(tmp_path / "l2h.safetensors", net, {})
    with pytest.raises(CheckpointError, match=r"l2h\.safetensors: holds no high-to-low net, as degrade needs it"):
        load_h2l(tmp_path / "l2h.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conv_last.weight": torch.zeros(3, 5, 3, 3)}, r"1 of the wrong shape: conv_last.weight"),
        ({"body.0.conv1.weight": torch.zeros(4, 6, 3, 3)}, "num_features must be at least 6, got 4"),
        ({"body.0.conv1.weight": torch.zeros(4)}, "must have 4 axes, has 1"),
        ({"body.7777777.x": torch.zeros(1)}, "names 7777778 blocks"),
        ({"conv_last.bias": torch.full((3,), float("nan"))}, "holds NaN or infinite weights: conv_last.bias"),
    ],
)
def test_faults_of_high_to_low_nets_are_named_in_one_line(tmp_path, h2l, change, message):
    torch.save({**h2l.state_dict(), **change}, tmp_path / "h2l.pth")
    with pytest.raises(CheckpointError, match=message) as caught:
        load_h2l(tmp_path / "h2l.pth")
    assert str(caught.value).startswith(f"{tmp_path / 'h2l.pth'}: ")
    assert "\n" not in str(caught.value)


def test_default_type_is_fp16_and_a_path_may_be_a_string(tmp_path, net):
    path = tmp_path / "model.safetensors"
    save_model(str(path), net, {})
    with safe_open(path, framework="pt") as file:
        assert file.get_tensor("conv_first.weight").dtype == torch.float16
    assert load_model(str(path)).spec.halo == DEFAULT_HALO


@pytest.mark.parametrize("wrapper", ["params_ema", "params", "state_dict", None])
@pytest.mark.parametrize("suffix", [".pth", ".pt"])
def test_pytorch_files(tmp_path, net, wrapper, suffix):
    path = tmp_path / f"peer{suffix}"
    torch.save({wrapper: net.state_dict()} if wrapper else net.state_dict(), path)
    model = load_model(path)
    loaded, spec, metadata = model.net, model.spec, model.metadata
    assert_same_weights(net, loaded)
    assert (spec.name, spec.halo, metadata) == ("peer", DEFAULT_HALO, {})


def test_moving_average_goes_before_raw_weights(tmp_path, net):
    other = L2HNet(num_blocks=1, num_features=8, growth_channels=4)
    torch.save({"params": other.state_dict(), "params_ema": net.state_dict(), "epoch": 3}, tmp_path / "both.pth")
    assert_same_weights(net, load_model(tmp_path / "both.pth").net)


def test_npz_and_half_types(tmp_path, net):
    arrays = {name: tensor.numpy().astype(np.float16) for name, tensor in net.state_dict().items()}
    np.savez(tmp_path / "peer.npz", **arrays)
    assert_same_weights(net, load_model(tmp_path / "peer.npz").net, 1e-3)


def test_loaded_weights_do_not_depend_on_the_file(tmp_path, net):
    path = tmp_path / "model.safetensors"
    save_model(path, net, {}, dtype=torch.float32)
    loaded = load_model(path).net
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    assert_same_weights(net, loaded)


class _Code:
    def __reduce__(self):
        return os.mkdir, ("must_not_exist",)


def damage_nothing(path, net):
    path.unlink()


def damage_truncate(path, net):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_text(path, net):
    path.write_text("<html>404: not found</html>\n" * 20)


def damage_empty(path, net):
    path.write_bytes(b"")


DAMAGES = (damage_nothing, damage_truncate, damage_text, damage_empty)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["model.safetensors", "model.pth", "model.npz"])
def test_damaged_files_give_one_line(tmp_path, net, name, damage):
    path = tmp_path / name
    if path.suffix == ".safetensors":
        save_model(path, net, {})
    elif path.suffix == ".pth":
        torch.save(net.state_dict(), path)
    else:
        np.savez(path, **{key: tensor.numpy() for key, tensor in net.state_dict().items()})
    load_model(path)
    damage(path, net)
    with pytest.raises(CheckpointError, match=r"model\.\w+: (no such file|damaged, or not an? )") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_legacy_pickle_with_code_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"params": _Code()}, protocol=2))
    torch.save({"params": _Code()}, tmp_path / "evil.pt")
    for name in ("evil.pth", "evil.pt"):
        with pytest.raises(CheckpointError, match="pickled code is never run"):
            load_model(tmp_path / name)
    assert not (tmp_path / "must_not_exist").exists()


def test_pickled_arrays_in_npz_are_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "evil.npz", weights=np.array([_Code()], dtype=object), allow_pickle=True)
    with pytest.raises(CheckpointError, match="not an npz file of plain arrays"):
        load_model(tmp_path / "evil.npz")
    assert not (tmp_path / "must_not_exist").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 3, "lr": 0.1}, "holds no RRDB network: it has no named tensors"),
        ([torch.zeros(1)], "holds no RRDB network: its tensors are 0"),
        ({}, "holds no RRDB network: it has no named tensors"),
    ],
)
def test_pytorch_files_without_weights(tmp_path, content, message):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=message):
        load_model(tmp_path / "other.pth")


def test_one_flipped_bit_is_noticed(tmp_path, net):
    path = tmp_path / "model.safetensors"
    save_model(path, net, {})
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="do not match their sha256"):
        load_model(path)


def test_safetensors_of_other_programs_need_no_metadata(tmp_path, net):
    save_file(net.state_dict(), tmp_path / "peer.safetensors")
    assert_same_weights(net, load_model(tmp_path / "peer.safetensors").net)


@pytest.mark.parametrize("key", ["halo", "border_padding"])
@pytest.mark.parametrize("value", ["-1", "1.5", "many", ""])
def test_pixels_must_be_whole_numbers(tmp_path, net, key, value):
    save_model(tmp_path / "model.safetensors", net, {key: value})
    with pytest.raises(CheckpointError, match=f"{key} in the metadata must be a whole number"):
        load_model(tmp_path / "model.safetensors")


def test_failed_write_leaves_the_old_file(tmp_path, net, monkeypatch):
    path = tmp_path / "model.safetensors"
    save_model(path, net, {})
    before = path.read_bytes()

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(CheckpointError, match="cannot be written"):
        save_model(path, net, {"license": "other"})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_written_file_has_ordinary_permissions(tmp_path, net):
    save_model(tmp_path / "model.safetensors", net, {})
    (tmp_path / "plain").touch()
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("model.safetensors", "plain")}
    assert len(modes) == 1


@pytest.mark.parametrize(
    ("name", "metadata", "dtype", "message"),
    [
        ("model.pth", {}, torch.float32, "as .safetensors only"),
        ("model.safetensors", {"psnr": 31.5}, torch.float32, "metadata must be text, got 'psnr': 31.5"),
        ("missing/model.safetensors", {}, torch.float32, "cannot be written"),
        ("model.safetensors", {}, torch.float16, r"conv_hr.bias is not finite in torch.float16"),
    ],
)
def test_save_rejects(tmp_path, net, name, metadata, dtype, message):
    net.conv_hr.bias.data.fill_(1e6)
    with pytest.raises(CheckpointError, match=message):
        save_model(tmp_path / name, net, metadata, dtype=dtype)
    assert list(tmp_path.iterdir()) == []


def test_shipped_models_are_those_whose_file_exists(tmp_path, net, monkeypatch):
    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", tmp_path)
    assert available_models() == []
    for name in ("another", "srdgan-x4", "srdgan-x4-fast"):
        save_model(tmp_path / f"{name}.safetensors", net, {})
    (tmp_path / "srdgan-x4.md").touch()
    assert available_models() == ["srdgan-x4-fast", "srdgan-x4", "another"]
    assert load_model("srdgan-x4").spec.name == "srdgan-x4"
    with pytest.raises(CheckpointError, match=r"there are srdgan-x4-fast, .*; did you mean 'srdgan-x4-fast'\?"):
        load_model("srdgan-x4-fats")
    with pytest.raises(CheckpointError, match=r"'srdgan-x4-fast:0.5\+srdgan-x4': a mix is NAME:SHARE\+NAME:SHARE"):
        load_model("srdgan-x4-fast:0.5+srdgan-x4")
    with pytest.raises(CheckpointError, match=r"no model 'zzz': there are [^;]*$"):
        load_model("zzz")


def test_without_any_shipped_model(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", tmp_path)
    with pytest.raises(CheckpointError, match="has no weights for it; give the path"):
        load_model(shipped.DEFAULT_MODEL)


def test_shipped_models_are_listed_by_what_they_are_for(tmp_path, net, h2l, monkeypatch):
    monkeypatch.setattr(shipped, "WEIGHTS_FOLDER", tmp_path)
    with pytest.raises(CheckpointError, match=r"no model 'srdgan-h2l': .* has no weights for it; give the path"):
        load_h2l(DEFAULT_DEGRADATION)
    save_model(tmp_path / "srdgan-x4.safetensors", net, {})
    for name in ("another-h2l", DEFAULT_DEGRADATION):
        save_model(tmp_path / f"{name}.safetensors", h2l, {})
    assert available_models() == ["srdgan-x4"]
    assert available_degradations() == [DEFAULT_DEGRADATION, "another-h2l"]
    assert load_h2l(DEFAULT_DEGRADATION).net.num_features == h2l.num_features
    with pytest.raises(CheckpointError, match=r"^model 'srdgan-h2l' degrades pictures: it is for degrade$"):
        load_model(DEFAULT_DEGRADATION)
    with pytest.raises(CheckpointError, match=r"^model 'srdgan-x4' enlarges pictures: it is for upscale$"):
        load_h2l("srdgan-x4")
    with pytest.raises(CheckpointError, match=r"did you mean 'srdgan-h2l'\?"):
        load_h2l("srdgan-h2")


@pytest.mark.parametrize("path", ["some/folder", "model.onnx/x", os.curdir + "/model.onnx"])
def test_other_endings_are_refused(path):
    with pytest.raises(CheckpointError, match=r"must end in \.safetensors, \.pth, \.pt, \.ckpt, \.bin, \.npz"):
        load_model(path)


def test_shipped_models_describe_themselves():
    """Every model of the installation states what the package promises of it."""
    promised = {"architecture", "num_blocks", "num_features", "growth_channels", "scale", "halo", "sha256"}
    promised |= {"training_data", "license", "commit", "scores"}
    pairs = [name for name in available_models() if has_sharp_weights(name)]
    for name in (*available_models(), *(f"{name}.sharp" for name in pairs)):
        model = load_model(name)
        net, spec, metadata = model.net, model.spec, model.metadata
        assert promised <= metadata.keys()
        assert str(spec.halo) == metadata["halo"]
        assert isinstance(net, L2HNet)
    for name in pairs:
        assert load_model(name, sharpness=0.5).spec.num_blocks == load_model(name, sharpness=None).spec.num_blocks


def test_shipped_high_to_low_nets_describe_themselves():
    """Their names alone sort them from those that enlarge; what is in the files must agree."""
    for name in available_degradations():
        model = load_h2l(name)
        net, metadata = model.net, model.metadata
        assert isinstance(net, H2LNet)
        assert {"architecture", "scale", "sha256", "noise_levels", "training_data", "license"} <= metadata.keys()
