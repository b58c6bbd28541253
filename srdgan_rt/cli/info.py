"""``srdgan-rt info``: what is installed, what this machine has, and which parts of the package can be used on it."""

from __future__ import annotations

import inspect
import json
import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import srdgan_rt
from srdgan_rt.cli import options
from srdgan_rt.errors import SrdganError

_EXTRAS = ("raw", "heif", "web", "ray", "report", "onnx", "peers")
"""Extras of the package that users may want; TensorRT has a section of its own, the others are for developers."""


def info(as_json: options.Json = False) -> None:
    """Shows versions, the build, and which engines, ops and models can be used here.

    Please include the output in bug reports.
    """
    facts = collect_facts()
    print(json.dumps(facts, indent=2) if as_json else "\n".join(_format(facts)))


def collect_facts() -> dict[str, Any]:
    """Everything that the command shows, as plain data. A broken part is reported in its place.

    Returns:
        Sections by name: versions, build, cpu, cuda, engines, tensorrt, ops, models, degradations.
    """
    return {
        "versions": _collect_versions(),
        "build": _collect_build(),
        "cpu": _collect_cpu(),
        "cuda": _collect_cuda(),
        "engines": _collect_engines(),
        "tensorrt": _collect_tensorrt(),
        "ops": _collect_ops(),
        "models": _collect_models(),
        "degradations": _collect_degradations(),
    }


def _collect_versions() -> dict[str, str]:
    versions = {"srdgan_rt": srdgan_rt.__version__, "python": platform.python_version(), "system": platform.platform()}
    for requirement in _list_requirements():
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed" + (" (optional)" if "extra ==" in requirement else "")
    return versions


def _list_requirements() -> list[str]:
    """Packages that the installed package's metadata require, or name as options."""
    try:
        requirements = metadata.requires("srdgan_rt") or []
    except metadata.PackageNotFoundError:  # a source tree that was never installed
        return []
    extras = [re.search(r"extra == ['\"](\w+)", requirement) for requirement in requirements]
    return [text for text, extra in zip(requirements, extras, strict=True) if extra is None or extra[1] in _EXTRAS]


def _collect_build() -> dict[str, Any]:
    from srdgan_rt import _ext

    library = _ext.library()
    return {
        "package": str(Path(srdgan_rt.__file__).parent),
        "extension": _ext.why_not() or "loaded",
        "library": None if library is None else str(library),
        "library_matches_sources": _ext.is_current(),
        **(_ext.build_record() or {}),
    }


def _collect_cpu() -> dict[str, Any]:
    import torch

    from srdgan_rt import _ext

    return {
        "processor": _name_processor(),
        "logical_processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch_instruction_set": torch.backends.cpu.get_cpu_capability(),
        "kernel_instruction_set": _ext.cpu_isa() if _ext.is_available() else None,
    }


def _name_processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def _collect_cuda() -> dict[str, Any]:
    import torch

    from srdgan_rt.runtime.backend import resolve_device

    try:
        resolve_device("cuda")
    except SrdganError as error:
        return {"usable": False, "reason": str(error), "devices": []}
    devices = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        devices.append(
            {
                "name": properties.name,
                "memory_gib": round(properties.total_memory / 2**30, 1),
                "compute_capability": f"{properties.major}.{properties.minor}",
            }
        )
    return {"usable": True, "reason": None, "version": torch.version.cuda, "devices": devices}


def _collect_engines() -> dict[str, dict[str, str | None]]:
    """By device, why each engine cannot be used, or None where it can; also the native engine in int8 and bf16."""
    from srdgan_rt.runtime.engines import list_engines

    engines = {}
    for device in ("cpu", "cuda"):
        try:
            engines[device] = {status.name: status.reason for status in list_engines(device)}
            for precision in ("int8", "bf16"):
                reasons = {status.name: status.reason for status in list_engines(device, precision)}
                engines[device][f"native {precision}"] = reasons["native"]
        except SrdganError as error:
            engines[device] = {"all": str(error)}
    return engines


def _collect_tensorrt() -> dict[str, Any]:
    from srdgan_rt.tensorrt.cache import EngineCache
    from srdgan_rt.tensorrt.library import find_library

    try:
        library = find_library()
        builds = f"yes, with {library.name} {library.version}"
    except SrdganError as error:
        builds = f"no: {error}"
    cache = EngineCache()
    return {
        "builds_engines": builds,
        "engines": f"{len(cache.list_engines())} in {cache.folder}",
        "tested": "building only; the authors never ran an engine on a GPU, so each is compared with fp32 before use",
    }


def _collect_ops() -> dict[str, str | None]:
    """Why each compiled op cannot be used, or None where it can."""
    from srdgan_rt import _ext, ops

    names = [name for name in ops.__all__ if inspect.isfunction(getattr(ops, name))]
    return {name: _ext.why_no_cuda() if "cuda" in name else _ext.why_not() for name in names}


def _collect_models() -> list[dict[str, Any]]:
    from srdgan_rt.checkpoint import DEFAULT_MODEL, available_models, has_sharp_weights, load_model
    from srdgan_rt.checkpoint.pair import default_sharpness

    models = []
    for name in available_models():
        try:
            model = load_model(name)
            sharpness = default_sharpness(name, model.metadata) if has_sharp_weights(name) else None
        except SrdganError as error:
            models.append({"name": name, "default": name == DEFAULT_MODEL, "error": str(error)})
            continue
        spec = model.spec
        facts = {
            "name": name,
            "default": name == DEFAULT_MODEL,
            "num_blocks": spec.num_blocks,
            "num_features": spec.num_features,
            "growth_channels": spec.growth_channels,
            "scale": spec.scale,
            "halo": spec.halo,
            "num_parameters": spec.num_parameters,
            "macs_per_pixel": spec.macs_per_pixel,
            "default_sharpness": sharpness,
        }
        models.append(facts | {"description": dict(model.metadata)})
    return models


def _collect_degradations() -> list[dict[str, Any]]:
    from srdgan_rt.checkpoint import DEFAULT_DEGRADATION, available_degradations, load_h2l

    models: list[dict[str, Any]] = []
    for name in available_degradations():
        facts: dict[str, Any] = {"name": name, "default": name == DEFAULT_DEGRADATION}
        try:
            model = load_h2l(name)
        except SrdganError as error:
            models.append(facts | {"error": str(error)})
            continue
        facts |= {name: getattr(model.net, name) for name in ("num_blocks", "num_features", "scale")}
        facts["num_parameters"] = sum(parameter.numel() for parameter in model.net.parameters())
        models.append(facts | {"description": dict(model.metadata)})
    return models


def _format(facts: dict[str, Any]) -> list[str]:
    from srdgan_rt.runtime.auto import AUTO, PROCESSED, SENSOR

    lines = []
    for section in ("versions", "build", "cpu"):
        lines += [section, *(f"  {name}: {_plain(value)}" for name, value in facts[section].items()), ""]
    lines.append("cuda")
    if not facts["cuda"]["usable"]:
        lines.append(f"  no: {facts['cuda']['reason']}")
    for index, device in enumerate(facts["cuda"]["devices"]):
        lines.append(f"  cuda:{index}: {device['name']}, {device['memory_gib']} GiB, {device['compute_capability']}")
    for device, engines in facts["engines"].items():
        lines += ["", f"engines on {device}"]
        lines += [f"  {name}: {'usable' if reason is None else f'no: {reason}'}" for name, reason in engines.items()]
    lines += ["", "tensorrt", *(f"  {name}: {value}" for name, value in facts["tensorrt"].items())]
    lines += ["", "compiled ops"]
    lines += [f"  {name}: {'usable' if reason is None else f'no: {reason}'}" for name, reason in facts["ops"].items()]
    for section, purpose in (("models", "models that enlarge"), ("degradations", "models that degrade")):
        lines += ["", purpose]
        for model in facts[section]:
            lines.append(f"  {model['name']}{' (default)' if model['default'] else ''}: {_summarize(model)}")
        if not facts[section]:
            lines.append("  none: this installation has no weights for it")
        elif section == "models":
            lines.append(f"  {AUTO}: {SENSOR} or {PROCESSED}, by the noise of each picture (default of upscale, serve)")
    return lines


def _summarize(model: dict[str, Any]) -> str:
    if "error" in model:
        return f"damaged: {model['error']}"
    growth = f"/{model['growth_channels']}" if "growth_channels" in model else ""
    parts = [
        f"x{model['scale']}" if growth else f"1/{model['scale']}",
        f"{model['num_blocks']} blocks",
        f"{model['num_features']}{growth} channels",
        f"{model['num_parameters'] / 1e6:.2f} M parameters",
    ]
    if "macs_per_pixel" in model:
        parts.append(f"{model['macs_per_pixel'] / 1e6:.2f} MMAC per input pixel")
    if model.get("default_sharpness") is not None:
        parts.append(f"sharpness 0 to 1 (default {model['default_sharpness']:g})")
    scores = _summarize_scores(model["description"].get("scores", ""))
    return ", ".join(parts) + (f"; {scores}" if scores else "")


def _summarize_scores(text: str) -> str:
    """The scores of a weight file in one line: JSON of ours (`--json` shows all of it), or any text of others."""
    try:
        scores = json.loads(text)
    except json.JSONDecodeError:
        return text
    if not isinstance(scores, dict):
        return text
    shown = []
    for name, value in scores.items():
        match value:
            case [int() | float() as psnr, int() | float() as ssim] if psnr > 1 >= ssim:
                shown.append(f"{name} {psnr:.2f} dB / {ssim:.4f}")
            case int() | float():
                shown.append(f"{name} {value}")
    return ", ".join(shown)


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
