"""Names of the weights of the two networks, three styles for RRDB networks, and the sizes that the shapes reveal.

| style | trunk | tail |
|---|---|---|
| first ESRGAN | ``model.1.sub.N.RDB1.conv1.0`` | ``model.1.sub.<last>``, ``model.3``, ``.6``, ``.8``, ``.10`` |
| later ESRGAN | ``RRDB_trunk.N.RDB1.conv1`` | ``trunk_conv``, ``upconv1``, ``upconv2``, ``HRconv``, ``conv_last`` |
| newest, ours | ``body.N.rdb1.conv1`` | ``conv_body``, ``conv_up1``, ``conv_up2``, ``conv_hr``, ``conv_last`` |

The high-to-low net has ``body.N.conv1``, ``body.N.conv2`` and ``conv_last``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from srdgan_rt.errors import CheckpointError, InputError
from srdgan_rt.models import DEFAULT_HALO, ModelSpec

_LATER_NAMES = {
    "trunk_conv": "conv_body",
    "upconv1": "conv_up1",
    "upconv2": "conv_up2",
    "HRconv": "conv_hr",
}
_FIRST_STYLE_CONV = re.compile(r"model\.1\.sub\.(\d{1,9})\.RDB(\d{1,9})\.conv(\d{1,9})\.0\.(weight|bias)")
_FIRST_STYLE_TRUNK_END = re.compile(r"model\.1\.sub\.\d{1,9}\.(weight|bias)")
_FIRST_STYLE_LAYER = re.compile(r"model\.(\d{1,9})\.(weight|bias)")
_LATER_STYLE_CONV = re.compile(r"RRDB_trunk\.(\d{1,9})\.RDB(\d{1,9})\.conv(\d{1,9})\.(weight|bias)")
_NEWEST_STYLE_CONV = re.compile(r"body\.(\d{1,9})\.rdb(\d{1,9})\.conv(\d{1,9})\.(weight|bias)")
_BLOCK = re.compile(r"body\.(\d{1,9})\.")
_UPSAMPLING = re.compile(r"conv_up\d{1,9}\.weight")

L2H_BLOCK_KEY = re.compile(
    r"(?<![^.])(?:"
    + "|".join(style.pattern for style in (_FIRST_STYLE_CONV, _LATER_STYLE_CONV, _NEWEST_STYLE_CONV))
    + r")\Z"
)
"""Matches the end of the name of a weight in a block of a low-to-high net, in any style, after any prefix."""

H2L_BLOCK_KEY = re.compile(r"(?<![^.])body\.\d{1,9}\.conv[12]\.(weight|bias)\Z")
"""The same for a high-to-low net."""

_MOST_UPSAMPLINGS = 9  # more than any network may have; a file can name millions
_UNSHUFFLES = {3: 1, 12: 2, 48: 4}  # by input channels
_FEWEST_TENSORS_PER_RRDB = 15  # half of what it has: the strict check then names the missing ones
_FEWEST_TENSORS_PER_H2L_BLOCK = 2


def normalize_keys(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Renames the weights of any of the three styles to ours.

    Args:
        tensors: weights by the names of the file, without prefix (:func:`~srdgan_rt.checkpoint.select.select_weights`).

    Returns:
        The same tensors by the names of :class:`~srdgan_rt.models.L2HNet`. Names of no style stay as they are; the
        strict check reports them.
    """
    if any(_FIRST_STYLE_CONV.fullmatch(name) for name in tensors):
        tail = _first_style_tail(tensors)
        return {_rename_first_style(name, tail): tensor for name, tensor in tensors.items()}
    if any(_LATER_STYLE_CONV.fullmatch(name) for name in tensors):
        return {_rename_later_style(name): tensor for name, tensor in tensors.items()}
    return dict(tensors)


def _first_style_tail(tensors: Mapping[str, Tensor]) -> dict[int, str]:
    """Names by layer number: the up-convolutions, then conv_hr and conv_last. Activations have numbers, too."""
    layers = sorted({int(match[1]) for match in map(_FIRST_STYLE_LAYER.fullmatch, tensors) if match} - {0})
    names = {layer: f"conv_up{index}" for index, layer in enumerate(layers[:-2], start=1)}
    return {0: "conv_first"} | names | dict(zip(layers[-2:], ("conv_hr", "conv_last"), strict=False))


def _rename_first_style(name: str, tail: Mapping[int, str]) -> str:
    if match := _FIRST_STYLE_CONV.fullmatch(name):
        block, dense, conv, kind = match.groups()
        return f"body.{block}.rdb{dense}.conv{conv}.{kind}"
    if match := _FIRST_STYLE_TRUNK_END.fullmatch(name):
        return f"conv_body.{match[1]}"
    if (match := _FIRST_STYLE_LAYER.fullmatch(name)) and int(match[1]) in tail:
        return f"{tail[int(match[1])]}.{match[2]}"
    return name


def _rename_later_style(name: str) -> str:
    if match := _LATER_STYLE_CONV.fullmatch(name):
        block, dense, conv, kind = match.groups()
        return f"body.{block}.rdb{dense}.conv{conv}.{kind}"
    layer, _, kind = name.partition(".")
    return f"{_LATER_NAMES.get(layer, layer)}.{kind}" if kind else name


def infer_spec(tensors: Mapping[str, Tensor]) -> ModelSpec:
    """Infers the sizes of a network from the shapes of its weights.

    Args:
        tensors: weights by our names (:func:`normalize_keys`).

    Returns:
        Sizes and scale: each ``conv_up`` enlarges by 2. A network with 12 or 48 input channels has a pixel-unshuffle by
        2 or 4, which divides its scale.

    Raises:
        CheckpointError: weights that decide the sizes are missing, or their shapes are not possible.
    """
    num_features, input_channels = _shape_of(tensors, "conv_first.weight")[:2]
    growth_channels = _shape_of(tensors, "body.0.rdb1.conv1.weight")[0]
    unshuffle = _UNSHUFFLES.get(input_channels)
    if unshuffle is None:
        raise CheckpointError(
            f"the network must take 3 channels, or 12 or 48 with pixel-unshuffle, this one takes {input_channels}"
        )
    num_blocks = _count_blocks(tensors, _FEWEST_TENSORS_PER_RRDB)
    num_upsamplings = sum(_UPSAMPLING.fullmatch(name) is not None for name in tensors)
    enlargement = 1 << min(num_upsamplings, _MOST_UPSAMPLINGS)
    if enlargement % unshuffle:
        raise CheckpointError(f"the network must enlarge, this one has scale 1/{unshuffle // enlargement}")
    halo = unshuffle * DEFAULT_HALO  # as many pixels of what the network sees
    try:
        return ModelSpec(
            num_blocks, num_features, growth_channels, enlargement // unshuffle, unshuffle=unshuffle, halo=halo
        )
    except InputError as error:
        raise CheckpointError(f"does not fit the network: {error}") from error


def infer_h2l_sizes(tensors: Mapping[str, Tensor]) -> tuple[int, int]:
    """Infers the sizes of a high-to-low net from the shapes of its weights.

    Args:
        tensors: weights by our names.

    Returns:
        Number of blocks and of features. The scale is a stride, which no shape reveals.

    Raises:
        CheckpointError: weights that decide the sizes are missing, or their shapes are not possible.
    """
    return _count_blocks(tensors, _FEWEST_TENSORS_PER_H2L_BLOCK), _shape_of(tensors, "body.0.conv1.weight")[0]


def _shape_of(tensors: Mapping[str, Tensor], name: str) -> tuple[int, ...]:
    """Shape of a convolution's weights."""
    if name not in tensors:
        raise CheckpointError(f"does not fit the network: {name} is missing")
    if tensors[name].ndim != 4:
        raise CheckpointError(f"does not fit the network: {name} must have 4 axes, has {tensors[name].ndim}")
    return tuple(tensors[name].shape)


def _count_blocks(tensors: Mapping[str, Tensor], fewest_tensors: int) -> int:
    """Number of blocks, which must fit the number of tensors: a file could name a billion."""
    num_blocks = 1 + max((int(match[1]) for match in map(_BLOCK.match, tensors) if match), default=0)
    if num_blocks * fewest_tensors > len(tensors):
        raise CheckpointError(
            f"does not fit the network: it names {num_blocks} blocks and holds {len(tensors)} tensors"
        )
    return num_blocks
