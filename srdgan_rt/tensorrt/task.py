"""What is to be built for a model: the graph and the recipe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.export import QUANTIZED, export_onnx
from srdgan_rt.tensorrt.build import BuiltEngine, Report, build_engine
from srdgan_rt.tensorrt.layers import Layer
from srdgan_rt.tensorrt.library import Library
from srdgan_rt.tensorrt.recipe import Profile, Recipe
from srdgan_rt.tensorrt.targets import check_precision, sort_targets

DEFAULT_FORM = "concat"


@dataclass(frozen=True)
class BuildTask:
    """An engine that can be built.

    Args:
        recipe: what it is.
        graph: the network as an ONNX file.
    """

    recipe: Recipe
    graph: bytes = field(repr=False)

    def build(self, report: Report | None = None, *, background: bool = False) -> BuiltEngine:
        """See :func:`srdgan_rt.tensorrt.build.build_engine`.

        Raises:
            BackendUnavailableError: the library refuses, int8 or fp8 has no ranges, or nothing is computed in it.
        """
        self.check_ranges()
        built = build_engine(self.graph, self.recipe, report, background=background)
        check_bytes(built.layers, self.recipe)
        return built

    def check_ranges(self) -> None:
        """Refuses to build in int8 or fp8 without ranges.

        Raises:
            BackendUnavailableError: it would; the message says what to do.
        """
        recipe = self.recipe
        if recipe.precision in QUANTIZED and not recipe.ranges:
            raise BackendUnavailableError(
                f"an engine in {recipe.precision} is never built by itself: srdgan-rt engine build --precision "
                f"{recipe.precision} --arch {','.join(recipe.targets)} --calibrate PICTURE"
            )


def check_bytes(layers: Sequence[Layer], recipe: Recipe) -> None:
    """Refuses an engine in int8 or fp8 that converts all bytes before it convolves: it is larger and slower than fp16.

    Raises:
        BackendUnavailableError: it is one.
    """
    if recipe.precision in QUANTIZED and layers and not any(layer.convolves_bytes for layer in layers):
        raise BackendUnavailableError(
            f"{recipe.library} convolves nothing of this network in {recipe.precision}: choose --precision fp16"
        )


def plan_build(
    model: Model,
    *,
    precision: str,
    profile: Profile,
    targets: Sequence[str],
    library: Library,
    form: str = DEFAULT_FORM,
    gpu: str = "",
    driver: str = "",
    ranges: Mapping[str, float] | None = None,
) -> BuildTask:
    """Works out what to build.

    Args:
        model: the network.
        precision: ``fp16``, ``bf16``, ``fp32``, ``int8`` or ``fp8``.
        profile: sizes of inputs.
        targets: compute capabilities.
        library: the installed TensorRT.
        form: of the dense blocks, see :func:`srdgan_rt.export.export_onnx`.
        gpu: name of the GPU in this machine. Only engines of ``tensorrt`` depend on it: their kernels are timed.
        driver: of that GPU, likewise.
        ranges: what int8 and fp8 need, from :func:`srdgan_rt.export.measure_input_ranges`. Without them the task can
            be looked up, but not built.

    Raises:
        BackendUnavailableError: ``tensorrt`` has several targets: it builds for the GPU in the machine.
        InputError: the precision is unknown or a target or the form lacks it, the form is unknown, or a weight is too
            large.
    """
    check_precision(precision, targets)
    if not library.is_rtx and len(targets) != 1:
        raise BackendUnavailableError(f"tensorrt builds for one GPU, the one in this machine, got {', '.join(targets)}")
    graph = export_onnx(model.net, precision="fp16" if precision in QUANTIZED else precision, form=form)
    recipe = Recipe.of_graph(
        graph,
        model=model.spec.name,
        form=form,
        precision=precision,
        profile=profile,
        library=library.name,
        version=library.version,
        targets=sort_targets(targets),
        gpu="" if library.is_rtx else gpu,
        driver="" if library.is_rtx else driver,
        ranges="" if ranges is None else hashlib.sha256(json.dumps(ranges, sort_keys=True).encode()).hexdigest(),
    )
    if ranges is not None:
        graph = export_onnx(model.net, precision=precision, form=form, ranges=ranges, rest="fp16")
    return BuildTask(recipe, graph)
