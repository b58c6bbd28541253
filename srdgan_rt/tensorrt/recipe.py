"""Everything that decides what an engine is: the key under which it is kept."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from srdgan_rt.errors import InputError

_FORMAT = 1  # of keys and manifests; raise it when engines of older versions of this package must not be used


@dataclass(frozen=True)
class Profile:
    """Sides of the square inputs that an engine takes, in LR pixels; oblong inputs may have any sides between them.

    Args:
        smallest: at least 1.
        best: side for which kernels are chosen.
        largest: no side may be longer.

    Raises:
        InputError: the sides are out of order.
    """

    smallest: int
    best: int
    largest: int

    def __post_init__(self) -> None:
        if not 1 <= self.smallest <= self.best <= self.largest:
            raise InputError(f"a profile needs 1 <= smallest <= best <= largest, got {self}")

    def covers(self, other: Profile) -> bool:
        """Whether every input of the other profile is one of this."""
        return self.smallest <= other.smallest and self.largest >= other.largest


@dataclass(frozen=True)
class Recipe:
    """What goes into a build.

    Args:
        graph: sha256 of the ONNX file, that is of structure and weights; for int8 and fp8, of the file in fp16, because
            an engine shall be found without its ranges.
        model: name of the model, for people; not part of the key.
        form: of the graph's dense blocks, ``concat`` or ``push``.
        precision: of the graph, ``fp32``, ``fp16``, ``bf16``, ``int8`` or ``fp8``.
        profile: sizes of inputs.
        library: ``tensorrt_rtx`` or ``tensorrt``.
        version: of the library.
        targets: compute capabilities such as ``sm89``.
        gpu: name of the GPU on which kernels were timed: two GPUs of one compute capability may differ widely. Empty
            for TensorRT-RTX, whose engines are built without one.
        driver: of that GPU; empty for TensorRT-RTX, too. (The kernels that it compiles on a GPU are kept beside the
            engine, and it checks their driver itself.)
        ranges: for int8 and fp8, sha256 of the ranges that were measured. A recipe without them is served by any.
    """

    graph: str
    model: str
    form: str
    precision: str
    profile: Profile
    library: str
    version: str
    targets: tuple[str, ...]
    gpu: str = ""
    driver: str = ""
    ranges: str = ""

    @classmethod
    def of_graph(cls, graph: bytes, **facts: Any) -> Recipe:
        """A recipe for an ONNX file; the other arguments are those of the class."""
        return cls(graph=hashlib.sha256(graph).hexdigest(), **facts)

    @property
    def key(self) -> str:
        """sha256 of all that decides what the engine is, in hexadecimal."""
        facts = {**asdict(replace(self, model="")), "format": _FORMAT}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def stem(self) -> str:
        """A file name that tells people what it is, and ends in the beginning of the key; see :func:`is_stem`."""
        name = re.sub(r"[^\w-]", "_", self.model) or "net"
        return f"{name}-{self.precision}-{self.form}-{self.key[:16]}"

    def serves(self, wanted: Recipe) -> bool:
        """Whether an engine of this recipe can do what ``wanted`` asks for: on its GPUs, with its sizes of inputs."""
        free = ("model", "profile", "targets") if wanted.ranges else ("model", "profile", "targets", "ranges")
        alike: dict[str, Any] = {name: getattr(wanted, name) for name in free}
        return (
            replace(self, **alike) == wanted
            and self.profile.covers(wanted.profile)
            and set(self.targets) >= set(wanted.targets)
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "targets": list(self.targets), "format": _FORMAT}

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Recipe:
        """The recipe that :meth:`to_dict` described.

        Raises:
            KeyError, TypeError, ValueError: it describes none, or one of another format.
        """
        facts = dict(facts)
        if facts.pop("format") != _FORMAT:
            raise ValueError("another version of srdgan_rt wrote it")
        return cls(**{**facts, "profile": Profile(**facts["profile"]), "targets": tuple(facts["targets"])})


def is_stem(name: str) -> bool:
    """Whether a file name is that of some recipe (:attr:`Recipe.stem`)."""
    return re.fullmatch(r"[\w-]+-\w+-\w+-[0-9a-f]{16}", name) is not None
