"""From a network to the bytes of an ONNX file."""

from __future__ import annotations

from collections.abc import Mapping

from srdgan_rt.errors import InputError
from srdgan_rt.export.graph import PRECISIONS, QUANTIZED, Graph
from srdgan_rt.export.h2l_graph import add_h2l
from srdgan_rt.export.l2h_graph import add_l2h
from srdgan_rt.models import H2LNet, L2HNet

FORMS = ("concat", "push")

__all__ = ["FORMS", "PRECISIONS", "QUANTIZED", "export_onnx"]


def export_onnx(
    net: L2HNet | H2LNet,
    *,
    precision: str = "fp32",
    form: str = "concat",
    metadata: Mapping[str, str] | None = None,
    ranges: Mapping[str, float] | None = None,
    rest: str = "fp32",
) -> bytes:
    """Writes a network as an ONNX graph for batches and pictures of any size.

    The low-to-high net has the input ``input`` (N, 3, H, W), RGB in [0, 1], and the output ``output``
    (N, 3, scale * H, scale * W), not clamped; H and W must be multiples of ``net.unshuffle``. The high-to-low net has a
    second input ``noise`` of the first one's shape (:func:`srdgan_rt.models.h2l.draw_noise`), and its output is
    (N, 3, H / scale, W / scale); H and W must be multiples of the scale. Inputs and outputs are of the graph's type.

    Args:
        net: the network.
        precision: type of all weights and values: ``fp32``, ``fp16``, or ``bf16``, which TensorRT reads. ``int8``
            and ``fp8`` (e4m3): dense blocks of the low-to-high net in these, in the form ``concat``.
        form: how a dense block of the low-to-high net is written. ``concat``: each convolution reads the concatenation
            of everything before it, as in the paper. ``push``: each feature is convolved once with the filters of all
            its readers and the parts are added; the same sums, no concatenation, for engines that copy what they
            concatenate. The high-to-low net has one form, ``concat``.
        ranges: what int8 and fp8 need, from :func:`srdgan_rt.export.measure_input_ranges`.
        rest: for int8 and fp8, the type of everything else, ``fp32`` or ``fp16``; also of input and output.
        metadata: properties that the file states beside those of the graph: precision, form, scale, and unshuffle of a
            low-to-high net.

    Returns:
        The file's content, checked by ONNX.

    Raises:
        BackendUnavailableError: the package ``onnx`` is not installed.
        InputError: precision or form is unknown, a weight is too large for the type, or int8 or fp8 is asked
            for without ranges, in another form, or of a high-to-low net.
    """
    if form not in FORMS:
        raise InputError(f"form must be {' or '.join(FORMS)}, got {form!r}")
    if precision in QUANTIZED and (not isinstance(net, L2HNet) or form != "concat" or ranges is None):
        raise InputError(f"{precision} needs a low-to-high net, the form concat, and ranges measured on pictures")
    graph = Graph(precision, ranges, rest)
    picture: tuple[str | int, ...] = ("batch", 3, "height", "width")
    facts = {**(metadata or {}), "precision": precision, "form": form, "scale": str(net.scale)}
    if isinstance(net, L2HNet):
        facts["unshuffle"] = str(net.unshuffle)
        add_l2h(graph, net, form)
        sides = [side if net.scale == 1 else f"{net.scale}*{side}" for side in ("height", "width")]
        return graph.finish("srdgan_l2h", {"input": picture}, ("batch", 3, *sides), facts)
    if form != "concat":
        raise InputError(f"the form of a high-to-low net must be concat, got {form!r}")
    add_h2l(graph, net)
    sides = [side if net.scale == 1 else f"{side}/{net.scale}" for side in ("height", "width")]
    return graph.finish("srdgan_h2l", {"input": picture, "noise": picture}, ("batch", 3, *sides), facts)
