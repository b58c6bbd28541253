"""Weight files whose tensors are not what they seem: one clear line each, and no more memory than the file has."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from srdgan_rt.checkpoint import load_model
from srdgan_rt.errors import CheckpointError
from srdgan_rt.models import L2HNet

Weights = dict[str, Tensor]


def make_weights() -> Weights:
    torch.manual_seed(1)
    return dict(L2HNet(num_blocks=1, num_features=4, growth_channels=2).state_dict())


def fail(path: Path, message: str) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


def quantize(weight: Tensor) -> Tensor:
    return torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8)


@pytest.mark.filterwarnings("ignore")  # sparse and quantized tensors are deprecated or in beta
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (Tensor.to_sparse, "weights must be dense tensors, body.0.rdb1.conv1.weight is sparse_coo"),
        (quantize, "weights must be dense tensors, body.0.rdb1.conv1.weight is quantized"),
        (lambda weight: weight.to("meta"), "weights must have values, body.0.rdb1.conv1.weight is on the device meta"),
        (Tensor.bool, "1 not in fp32, fp16, bf16 or fp64: body.0.rdb1.conv1.weight torch.bool"),
        (lambda weight: weight.to(torch.complex64), "body.0.rdb1.conv1.weight torch.complex64"),
        (lambda weight: weight.to(torch.float8_e4m3fn), "body.0.rdb1.conv1.weight torch.float8_e4m3fn"),
        (Tensor.int, "body.0.rdb1.conv1.weight torch.int32"),
        (lambda weight: weight * torch.inf, "holds NaN or infinite weights: body.0.rdb1.conv1.weight"),
        (lambda weight: weight.double() * 1e200, "holds NaN or infinite weights: body.0.rdb1.conv1.weight"),
        (lambda weight: weight[:0], "growth_channels must be at least 1, got 0"),
        (lambda weight: weight[None], "must have 4 axes, has 5"),
        (lambda weight: weight[:, :3], r"1 of the wrong shape: body.0.rdb1.conv1.weight \(2, 3, 3, 3\)"),
        (lambda weight: weight[:1, :1, :1, :1].expand(1 << 30, 4, 3, 3), r"have \d+ bytes, the file has only \d"),
        (lambda weight: weight[:1, :1, :1, :1].expand(1 << 40, 1 << 10, 3, 3), r"would have \d+ bytes"),
    ],
)
def test_unusual_tensors(tmp_path: Path, change: Callable[[Tensor], Tensor], message: str) -> None:
    weights = make_weights()
    weights["body.0.rdb1.conv1.weight"] = change(weights["body.0.rdb1.conv1.weight"])
    torch.save(weights, tmp_path / "odd.pth")
    fail(tmp_path / "odd.pth", message)


def test_tensors_that_share_their_memory(tmp_path: Path) -> None:
    """A thousand views of one storage would become a thousand times the file."""
    weights = make_weights()
    big = torch.zeros(1 << 16)
    torch.save(weights | {f"body.0.extra{i}.weight": big.view(16, 4096) for i in range(1000)}, tmp_path / "shared.pth")
    fail(tmp_path / "shared.pth", r"would have \d+ bytes, the file has only \d+")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_every_usual_type_becomes_fp32(tmp_path: Path, dtype: torch.dtype) -> None:
    weights = make_weights()
    torch.save({name: tensor.to(dtype) for name, tensor in weights.items()}, tmp_path / "typed.pth")
    loaded = load_model(tmp_path / "typed.pth").net.state_dict()
    for name, tensor in weights.items():
        assert torch.equal(loaded[name], tensor.to(dtype).float())


def test_parameters_with_gradients_are_weights(tmp_path: Path) -> None:
    torch.save({name: torch.nn.Parameter(tensor) for name, tensor in make_weights().items()}, tmp_path / "p.pth")
    assert load_model(tmp_path / "p.pth").spec.num_features == 4


def test_a_storage_longer_than_its_record(tmp_path: Path) -> None:
    """The pickle says how long a storage is; the archive has less. Nothing is read from beyond the file."""
    torch.save(make_weights(), tmp_path / "good.pth")
    with zipfile.ZipFile(tmp_path / "good.pth") as good, zipfile.ZipFile(tmp_path / "long.pth", "w") as bad:
        for record in good.infolist():
            content = good.read(record)
            bad.writestr(record.filename, content[:4] if "/data/" in record.filename else content)
    fail(tmp_path / "long.pth", r"would have \d+ bytes, the file has only \d+")


def test_one_flipped_bit_of_an_archive_is_noticed(tmp_path: Path) -> None:
    torch.save(make_weights(), tmp_path / "good.pth")
    content = bytearray((tmp_path / "good.pth").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "good.pth").write_bytes(content)
    fail(tmp_path / "good.pth", "damaged: the checksum of .* is wrong|damaged, or not a PyTorch file")


def test_a_compressed_archive_is_no_pytorch_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1 << 20))
    fail(tmp_path / "bomb.pth", "damaged, or not a PyTorch file .* is compressed")


def test_an_npz_that_would_become_much_larger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("srdgan_rt.checkpoint.npz._ALWAYS_ALLOWED", 1 << 16)
    np.savez_compressed(tmp_path / "bomb.npz", weight=np.zeros(1 << 16, np.float32))
    fail(
        tmp_path / "bomb.npz", r"not an npz file of plain arrays \(it would unpack to 26\d{4} bytes, the limit is 65536"
    )


def test_an_npz_header_that_lies(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 1 << 10)})
    with zipfile.ZipFile(tmp_path / "lie.npz", "w") as archive:
        archive.writestr("weight.npy", b"\x93NUMPY\x01\x00" + buffer.getvalue().removeprefix(b"\x93NUMPY\x01\x00"))
    fail(tmp_path / "lie.npz", r"an array of shape \(1099511627776, 1024\) does not fit")


def write_safetensors(path: Path, header: object, data: bytes = b"") -> None:
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.mark.parametrize(
    "header",
    [
        {"w": {"dtype": "F32", "shape": [1 << 40, 1 << 20], "data_offsets": [0, 16]}},
        {"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 1 << 60]}},
        {"w": {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}},
        {"w": {"dtype": "F99", "shape": [4], "data_offsets": [0, 16]}},
        {"w": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}},
        {name: {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} for name in "ab"},  # the same bytes twice
        b"\xff" * 64,
        b"[" * 100_000,
        [],
    ],
)
def test_hostile_headers_of_safetensors(tmp_path: Path, header: object) -> None:
    write_safetensors(tmp_path / "odd.safetensors", header, bytes(16))
    fail(tmp_path / "odd.safetensors", "damaged, or not a safetensors file")


def test_a_header_longer_than_the_file(tmp_path: Path) -> None:
    (tmp_path / "odd.safetensors").write_bytes(struct.pack("<Q", (1 << 63) + 5) + b"{}")
    fail(tmp_path / "odd.safetensors", "damaged, or not a safetensors file")


def test_names_that_break_lines(tmp_path: Path) -> None:
    torch.save(make_weights() | {"body.0.\x1b[31m\nred" + "x" * 5000: torch.zeros(1)}, tmp_path / "odd.pth")
    fail(tmp_path / "odd.pth", r"1 unexpected: body.0.\?\[31m\?redx+\.\.\.$")


@pytest.mark.parametrize(
    "name", [f"body.{'9' * 5000}.x", f"model.{'9' * 5000}.weight", f"body.{'9' * 12}.rdb1.conv1.bias"]
)
def test_absurd_numbers_in_names(tmp_path: Path, name: str) -> None:
    torch.save(make_weights() | {name: torch.zeros(1)}, tmp_path / "odd.pth")
    fail(tmp_path / "odd.pth", "does not fit the network: 1 unexpected: ")


def test_many_upsamplings(tmp_path: Path) -> None:
    torch.save(make_weights() | {f"conv_up{i}.weight": torch.zeros(1) for i in range(40)}, tmp_path / "odd.pth")
    fail(tmp_path / "odd.pth", "scale must be 1, 2 or 4, got 512")


def test_many_blocks_of_almost_nothing(tmp_path: Path) -> None:
    torch.save(make_weights() | {f"body.{i}.x": torch.zeros(1) for i in range(300)}, tmp_path / "many.pth")
    fail(tmp_path / "many.pth", "it names 300 blocks and holds 342 tensors")


@pytest.mark.parametrize(
    ("begin", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "it is a Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>Sign in</html>", "it is a web page"),
    ],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".npz"])
def test_what_downloads_often_are(tmp_path: Path, begin: bytes, message: str, suffix: str) -> None:
    (tmp_path / f"odd{suffix}").write_bytes(begin)
    fail(tmp_path / f"odd{suffix}", message)


def test_pickles_that_are_not_read_say_why(tmp_path: Path) -> None:
    (tmp_path / "odd.pth").write_bytes(b"\x80\x02\x8b\x04\0\0\0\1\2\3\4.")
    fail(tmp_path / "odd.pth", r"damaged, or not a PyTorch file \(Unsupported operand 139\)")


def test_torchscript_is_refused(tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Conv2d(3, 3, 1)).save(str(tmp_path / "net.pt"))
    fail(tmp_path / "net.pt", "is a TorchScript archive, whose code is never run")


@pytest.mark.parametrize("value", ["99999", "9" * 5000])
def test_absurd_numbers_in_the_metadata(tmp_path: Path, value: str) -> None:
    from safetensors.torch import save_file

    save_file(make_weights(), tmp_path / "odd.safetensors", {"halo": value})
    fail(tmp_path / "odd.safetensors", "halo in the metadata must be ")
