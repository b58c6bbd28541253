"""The header of TensorRT-RTX engines."""

from __future__ import annotations

import pytest
from empty_engines import make_plan

from srdgan_rt.errors import EngineFileError
from srdgan_rt.tensorrt.header import read_header
from srdgan_rt.tensorrt.targets import RTX_TARGETS


@pytest.mark.parametrize("targets", [("sm75",), ("sm80", "sm120"), tuple(RTX_TARGETS)])
def test_names_version_and_targets(targets):
    header = read_header(make_plan(mask=sum(RTX_TARGETS[name] for name in targets)))
    assert (header.version, header.size, header.targets) == ("1.7.1.116", 200, targets)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (b"", "must begin with b'vtrt', got b''"),
        (b"ftrt" + bytes(100), "must begin with b'vtrt', got b'ftrt'"),
        (make_plan()[:-1], "header states 200 bytes, it has 199"),
        (make_plan(mask=0), "for no known GPU: its capability mask is 0x0"),
    ],
)
def test_refuses_what_is_none(plan, message):
    with pytest.raises(EngineFileError, match=message):
        read_header(plan)
