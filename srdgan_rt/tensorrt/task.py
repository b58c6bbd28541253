"""What is to be built for a model: the graph and the recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from srdgan_rt.checkpoint import Model
from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.export import export_onnx
from srdgan_rt.tensorrt.build import BuiltEngine, Report, build_engine
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
        """See :func:`srdgan_rt.tensorrt.build.build_engine`."""
        return build_engine(self.graph, self.recipe, report, background=background)


def plan_build(
    model: Model,
    *,
    precision: str,
    profile: Profile,
    targets: Sequence[str],
    library: Library,
    form: str = DEFAULT_FORM,
    driver: str = "",
) -> BuildTask:
    """Works out what to build.

    Args:
        model: the network.
        precision: ``fp16``, ``bf16`` or ``fp32``.
        profile: sizes of inputs.
        targets: compute capabilities.
        library: the installed TensorRT.
        form: of the dense blocks, see :func:`srdgan_rt.export.export_onnx`.
        driver: of the GPU in this machine. Only engines of ``tensorrt`` depend on it: their kernels are timed.

    Raises:
        BackendUnavailableError: ``tensorrt`` has several targets: it builds for the GPU in the machine.
        InputError: the precision is unknown or a target lacks it, the form is unknown, or a weight is too large.
    """
    check_precision(precision, targets)
    if not library.is_rtx and len(targets) != 1:
        raise BackendUnavailableError(f"tensorrt builds for one GPU, the one in this machine, got {', '.join(targets)}")
    graph = export_onnx(model.net, precision=precision, form=form)
    recipe = Recipe.of_graph(
        graph,
        model=model.spec.name,
        form=form,
        precision=precision,
        profile=profile,
        library=library.name,
        version=library.version,
        targets=sort_targets(targets),
        driver="" if library.is_rtx else driver,
    )
    return BuildTask(recipe, graph)
