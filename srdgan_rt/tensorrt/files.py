"""An engine on the disk: what lies beside it, and how it is known to be whole.

``NAME.engine`` is what TensorRT loads. Beside it lie ``NAME.json`` (the manifest: recipe and digests), which is written
last, ``NAME.layers.json`` (its layers), ``NAME.numerics.json`` (its accuracy on each GPU) and ``NAME.GPU.kernels``
(what TensorRT-RTX compiled for one GPU).
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from srdgan_rt.atomic import replace_file
from srdgan_rt.errors import EngineFileError
from srdgan_rt.tensorrt.build import BuiltEngine
from srdgan_rt.tensorrt.header import read_header
from srdgan_rt.tensorrt.layers import Layer, to_dicts
from srdgan_rt.tensorrt.library import RTX
from srdgan_rt.tensorrt.recipe import Recipe, is_stem

ENDING = ".engine"

_KERNELS_ENDING = ".kernels"
_MANIFEST_KEYS = {"recipe", "engine", "manifest_sha256"}


@dataclass(frozen=True)
class EngineFiles:
    """The paths of one engine.

    Args:
        engine: path of the engine itself; ends in ``.engine``.
    """

    engine: Path

    @property
    def manifest(self) -> Path:
        """What the engine is; an engine without it is not used."""
        return self._sibling("json")

    @property
    def layers(self) -> Path:
        """Its layers."""
        return self._sibling("layers.json")

    @property
    def numerics(self) -> Path:
        """Its accuracy, by GPU."""
        return self._sibling("numerics.json")

    def kernels(self, gpu: str) -> Path:
        """What was compiled for a GPU with this name and driver."""
        return self._sibling(re.sub(r"[^A-Za-z0-9.]+", "-", gpu) + _KERNELS_ENDING)

    @property
    def written(self) -> tuple[Path, ...]:
        """What :func:`write_engine` writes."""
        return self.engine, self.manifest, self.layers

    def list_all(self) -> list[Path]:
        """Those that exist, the manifest first: without it the others are not used.

        Neither another program's files, such as ``NAME.onnx``, nor those of an engine ``NAME.MORE``.
        """
        names = {path.name for path in self.engine.parent.iterdir() if path.name.startswith(f"{self._stem}.")}
        others = tuple(f"{name.removesuffix(ENDING)}." for name in names - {self.engine.name} if name.endswith(ENDING))
        fixed = {path.name for path in (*self.written, self.numerics)}
        own = [name for name in names if name in fixed or name.endswith(_KERNELS_ENDING)]
        found = [self.engine.with_name(name) for name in own if not name.startswith(others)]
        return sorted(found, key=lambda path: (path != self.manifest, path.name))

    def is_ours(self) -> bool:
        """Whether this package made the engine, damaged or not: by its name, or by the keys of its manifest."""
        if is_stem(self._stem):
            return True
        try:
            facts = json.loads(self.manifest.read_bytes())
        except (OSError, ValueError):
            return False
        return isinstance(facts, dict) and facts.keys() >= _MANIFEST_KEYS

    @property
    def _stem(self) -> str:
        return self.engine.name.removesuffix(ENDING)

    def _sibling(self, ending: str) -> Path:
        return self.engine.with_name(f"{self._stem}.{ending}")


@dataclass(frozen=True)
class Manifest:
    """What is known of an engine without reading it.

    Args:
        recipe: what went into it.
        sha256: of the engine.
        size: of the engine in bytes.
        activation_bytes: memory of a run with the largest input; None where it is not known.
        built: seconds since 1970.
    """

    recipe: Recipe
    sha256: str
    size: int
    activation_bytes: int | None
    built: int


@dataclass(frozen=True)
class StoredEngine:
    """An engine that is whole.

    Args:
        manifest: what it is.
        plan: what TensorRT loads.
        files: where it lies; None where it could not be kept.
    """

    manifest: Manifest
    plan: bytes = field(repr=False)
    files: EngineFiles | None


def hold_engine(recipe: Recipe, built: BuiltEngine) -> StoredEngine:
    """An engine that was just built, and lies in memory alone."""
    digest = hashlib.sha256(built.plan).hexdigest()
    manifest = Manifest(recipe, digest, len(built.plan), built.activation_bytes, int(time.time()))
    return StoredEngine(manifest, built.plan, None)


def write_engine(files: EngineFiles, recipe: Recipe, built: BuiltEngine) -> StoredEngine:
    """Writes an engine and what describes it; the manifest last, so that no half of it is ever used.

    Raises:
        OSError: what the system says about the folder or the disk.
    """
    manifest = hold_engine(recipe, built).manifest
    write_json(files.layers, to_dicts(built.layers))
    with replace_file(files.engine) as file:
        file.write(built.plan)
    facts = {
        "recipe": manifest.recipe.to_dict(),
        "engine": {"sha256": manifest.sha256, "size": manifest.size},
        "activation_bytes": manifest.activation_bytes,
        "built": manifest.built,
    }
    write_json(files.manifest, {**facts, "manifest_sha256": _digest(facts)})
    return StoredEngine(manifest, built.plan, files)


def read_manifest(files: EngineFiles) -> Manifest:
    """Reads what an engine is.

    Raises:
        EngineFileError: there is no manifest, it is damaged, or another version wrote it.
    """
    try:
        facts = json.loads(files.manifest.read_bytes())
        stated = facts.pop("manifest_sha256")
        if stated != _digest(facts):
            raise EngineFileError(f"{files.manifest}: it is damaged: its digest differs from the one that it states")
        engine = facts["engine"]
        recipe = Recipe.from_dict(facts["recipe"])
        return Manifest(recipe, engine["sha256"], engine["size"], facts["activation_bytes"], facts["built"])
    except OSError as error:
        raise EngineFileError(f"{files.manifest}: {error.strerror}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EngineFileError(f"{files.manifest}: it is no manifest of an engine of this version") from error


def read_engine(files: EngineFiles) -> StoredEngine:
    """Reads an engine, if every byte of it is as it was built.

    Raises:
        EngineFileError: a file is missing, cut off, changed, or of something else.
    """
    manifest = read_manifest(files)
    try:
        plan = files.engine.read_bytes()
    except OSError as error:
        raise EngineFileError(f"{files.engine}: {error.strerror}") from error
    check_plan(files.engine, manifest, plan)
    return StoredEngine(manifest, plan, files)


def check_plan(path: Path, manifest: Manifest, plan: bytes) -> None:
    """Compares an engine with its manifest and, of TensorRT-RTX, with its own header.

    Raises:
        EngineFileError: they differ; the message says in what.
    """
    if len(plan) != manifest.size:
        raise EngineFileError(f"{path}: it is damaged: it must have {manifest.size} bytes, got {len(plan)}")
    if hashlib.sha256(plan).hexdigest() != manifest.sha256:
        raise EngineFileError(f"{path}: it is damaged: its digest differs from the manifest's")
    recipe = manifest.recipe
    if recipe.library != RTX:
        return
    try:
        header = read_header(plan)
    except EngineFileError as error:
        raise EngineFileError(f"{path}: {error}") from error
    if (header.version, header.targets) != (recipe.version, recipe.targets):
        built = f"{header.version} for {', '.join(header.targets)}"
        raise EngineFileError(
            f"{path}: it must be of version {recipe.version} for {', '.join(recipe.targets)}, got {built}"
        )


def read_layers_file(files: EngineFiles) -> list[Layer]:
    """The layers of an engine; empty where the list is missing or damaged."""
    try:
        return [Layer.from_dict(facts) for facts in json.loads(files.layers.read_bytes())]
    except (OSError, KeyError, TypeError, ValueError):
        return []


def write_json(path: Path, facts: Any) -> None:
    """Writes plain data, whole or not at all.

    Raises:
        OSError: what the system says about the folder or the disk.
    """
    with replace_file(path) as file:
        file.write(json.dumps(facts, indent=1).encode() + b"\n")


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
