from __future__ import annotations

import pytest

from srdgan_rt.bench import machine
from srdgan_rt.bench.machine import describe_machine, name_core, parse_cpuinfo

CPUINFO = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC 9004: some
power management:

processor\t: 1
vendor_id\t: GenuineIntel
"""


def test_the_first_processor_is_read():
    assert parse_cpuinfo(CPUINFO) == {
        "processor": "0",
        "vendor_id": "AuthenticAMD",
        "cpu family": "25",
        "model": "17",
        "model name": "AMD EPYC 9004: some",
        "power management": "",
    }


@pytest.mark.parametrize(
    ("vendor", "family", "model", "name"),
    [
        ("AuthenticAMD", "23", "1", "zen1"),
        ("AuthenticAMD", "23", "49", "zen2"),
        ("AuthenticAMD", "25", "1", "zen3"),
        ("AuthenticAMD", "25", "17", "zen4"),
        ("AuthenticAMD", "25", "33", "zen3"),
        ("AuthenticAMD", "26", "2", "zen5"),
        ("AuthenticAMD", "21", "2", "family21-model2"),
        ("GenuineIntel", "6", "143", "sapphirerapids"),
        ("GenuineIntel", "6", "1", "family6-model1"),
    ],
)
def test_cores_have_names(vendor, family, model, name):
    assert name_core({"vendor_id": vendor, "cpu family": family, "model": model}) == name


def test_without_a_family_the_architecture_is_named(monkeypatch):
    monkeypatch.setattr(machine.platform, "machine", lambda: "ARM_64")
    assert name_core({"vendor_id": "AuthenticAMD"}) == "arm-64"


def test_this_machine(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(machine, "_PACKAGES", ("torch", "srdgan-rt-warp"))
    found = describe_machine()
    assert (found.cpu, found.core) == ("AMD EPYC 9004: some", "zen4")
    assert list(found.versions) == ["torch"]
    assert str(found).startswith(f"AMD EPYC 9004: some (zen4, {found.isa}), ")
