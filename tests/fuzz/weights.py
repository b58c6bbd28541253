"""Fuzzes the reading of weight files: ``python -m tests.fuzz.weights --count 100000 --seed 3``."""

from __future__ import annotations

import io
import shutil
import struct
import warnings
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from srdgan_rt.checkpoint import load_h2l, load_model
from srdgan_rt.errors import SrdganError
from srdgan_rt.models import H2LNet, L2HNet
from tests.fuzz.mutate import Parts
from tests.fuzz.run import Target, main

_LOCAL_HEADER = b"PK\x03\x04"
_CENTRAL_HEADER = b"PK\x01\x02"


def make_seeds() -> dict[str, bytes]:
    """Small files of every format, type and wrapper."""
    torch.manual_seed(0)
    net = dict(L2HNet(1, 4, 2, scale=2).state_dict())
    unshuffled = dict(L2HNet(1, 4, 2, scale=1, unshuffle=4).state_dict())
    degradation = dict(H2LNet(1, 6).state_dict())
    half = {name: tensor.half() for name, tensor in net.items()}
    brain = {name: tensor.bfloat16() for name, tensor in net.items()}
    prefixed = {f"generator_ema.module.{name}": tensor for name, tensor in net.items()}
    arrays = {name: tensor.numpy() for name, tensor in net.items()}
    return {
        "safetensors": save(net, {"halo": "12", "border_padding": "3"}),
        "safetensors-half": save(half),
        "safetensors-h2l": save(degradation, {"scale": "2"}),
        "pth": _save_torch({"params_ema": half}),
        "pth-wrapped": _save_torch({"state_dict": prefixed, "epoch": 3, "optimizer": {"state": {0: net}}}),
        "pth-two": _save_torch({"params": net, "params-ema": brain}),
        "pth-unshuffle": _save_torch(unshuffled),
        "pth-h2l": _save_torch({"h2l_params_ema": degradation}),
        "pth-old": _save_torch({"params": half}, _use_new_zipfile_serialization=False),
        "npz": _save_arrays(np.savez, arrays),
        "npz-compressed": _save_arrays(np.savez_compressed, arrays),
    }


def _save_torch(content: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


def _save_arrays(write: Any, arrays: dict[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    write(stream, **arrays)
    return stream.getvalue()


def check_weights(path: Path) -> None:
    """Reads a file as every format, and as a network of either kind; it has to be refused by all, or to be sound."""
    errors = []
    for suffix in (".safetensors", ".pth", ".npz"):
        named = path.with_suffix(suffix)
        shutil.copyfile(path, named)
        for load in (load_model, load_h2l):
            try:
                model = load(named)
            except SrdganError as error:
                errors.append(error)
            else:
                assert all(tensor.isfinite().all() for tensor in model.net.state_dict().values())
                assert sum(tensor.nbytes for tensor in model.net.state_dict().values()) < 1e8
    if len(errors) == 6:
        raise next((error for error in errors if "\n" in str(error)), errors[0])


def find_parts(data: bytes) -> Parts:
    """Records and directory of an archive; length, header and some of the data of safetensors; numbers of a pickle."""
    if data.startswith(_LOCAL_HEADER):
        starts = [at for at in range(len(data)) if data.startswith((_LOCAL_HEADER, _CENTRAL_HEADER), at)]
        return list(zip(starts, [*starts[1:], len(data)], strict=True))
    (size,) = struct.unpack_from("<Q", data)
    if size < len(data):
        entries = [at for at in range(8, 8 + size) if data[at : at + 1] == b"{"]
        return [(0, 8), (8, 8 + size), *pairwise(entries)]
    return [(at, at + 4) for at in range(0, min(len(data), 4096), 4)]


def repair(data: bytes) -> bytes:
    """Makes the check sums of an archive right again, so that damaged pickles and headers are read."""
    if not data.startswith(b"PK"):
        return data
    repaired = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(repaired, "w") as target:
            for record in archive.infolist():
                with archive.open(record) as file:
                    file._expected_crc = None  # type: ignore[attr-defined]  # what is damaged is wanted as it is
                    target.writestr(record.filename, file.read())
    except Exception:  # too much damage
        return data
    return repaired.getvalue()


TARGET = Target("weights", make_seeds, check_weights, find_parts, repair)

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(TARGET)
