"""Describes the machine that a report was made on."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch

from srdgan_rt import _ext

_CPUINFO = Path("/proc/cpuinfo")
_PACKAGES = ("torch", "onnxruntime", "openvino", "ncnn")
_ZEN4_MODELS = (range(0x10, 0x20), range(0x60, 0x80), range(0xA0, 0xB0))  # of family 25; the others are Zen 3
_INTEL_CORES = {
    85: "skylake",  # Cascade Lake, too
    106: "icelake",
    108: "icelake",
    143: "sapphirerapids",
    173: "graniterapids",
    207: "emeraldrapids",
}


@dataclass(frozen=True)
class Machine:
    """A processor and the programs that ran on it.

    Args:
        cpu: name of the processor, from the system.
        core: its microarchitecture, such as ``zen3``; family and model where no name is known.
        isa: instruction set of our own kernels.
        num_cpus: number of logical CPUs.
        versions: versions of the packages whose engines are timed.
    """

    cpu: str
    core: str
    isa: str
    num_cpus: int
    versions: dict[str, str]

    def __str__(self) -> str:
        return f"{self.cpu} ({self.core}, {self.isa}), {self.num_cpus} CPUs"


def describe_machine() -> Machine:
    """Describes this machine. A virtual machine may report another family and model, and so another core."""
    fields = parse_cpuinfo(_CPUINFO.read_text(encoding="utf-8")) if _CPUINFO.exists() else {}
    isa = _ext.cpu_isa() if _ext.is_available() else torch.backends.cpu.get_cpu_capability().lower()
    return Machine(
        cpu=fields.get("model name") or platform.processor() or platform.machine(),
        core=name_core(fields),
        isa=isa,
        num_cpus=os.cpu_count() or 1,
        versions=dict(_list_versions()),
    )


def parse_cpuinfo(text: str) -> dict[str, str]:
    """The fields of the first processor in the text of ``/proc/cpuinfo``."""
    first, _, _ = text.partition("\n\n")
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}


def name_core(fields: Mapping[str, str]) -> str:
    """Names the microarchitecture of a core.

    Args:
        fields: fields of ``/proc/cpuinfo``.

    Returns:
        Letters, digits and hyphens: ``zen3``, ``family6-model79``, or the architecture where there is no family.
    """
    vendor, family, model = (fields.get(key, "") for key in ("vendor_id", "cpu family", "model"))
    if not (family.isdigit() and model.isdigit()):
        return re.sub(r"[^a-z0-9]+", "-", platform.machine().lower())
    known: str | None = None
    if vendor == "AuthenticAMD":
        known = _name_zen(int(family), int(model))
    elif vendor == "GenuineIntel" and family == "6":
        known = _INTEL_CORES.get(int(model))
    return known or f"family{family}-model{model}"


def _name_zen(family: int, model: int) -> str | None:
    if family == 23:
        return "zen1" if model < 0x30 else "zen2"
    if family == 25:
        return "zen4" if any(model in models for models in _ZEN4_MODELS) else "zen3"
    return "zen5" if family == 26 else None


def _list_versions() -> list[tuple[str, str]]:
    installed = []
    for package in _PACKAGES:
        try:
            installed.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue
    return installed
