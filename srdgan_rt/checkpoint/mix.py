"""Network interpolation: ``a:0.7+b:0.3`` is 0.7 times the weights of a plus 0.3 times those of b.

Interpolation between a network trained for PSNR and a GAN that was trained from its weights trades fidelity for texture
(Wang et al., ESRGAN, section 3.4).
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence

import torch

from srdgan_rt.checkpoint.model import Model
from srdgan_rt.errors import UnknownModelError

_PART = re.compile(r"(?P<name>.+):(?P<share>-?\d+(\.\d*)?|-?\.\d+)")
_KEPT = ("license", "training_data")
_TOLERANCE = 1e-3  # thirds are written as 0.333


def parse_mix(text: str) -> list[tuple[str, float]] | None:
    """Splits the name of a mix.

    Args:
        text: ``NAME:SHARE+NAME:SHARE``, two or more of them; names of shipped models or paths.

    Returns:
        Each name and its share; None where the text is not of this form.

    Raises:
        UnknownModelError: the shares do not add up to 1.
    """
    found = [parse_share(part) for part in text.split("+")]
    parts = [part for part in found if part]
    if len(found) < 2 or len(parts) < len(found):
        return None
    total = math.fsum(share for _, share in parts)
    if abs(total - 1) > _TOLERANCE:
        raise UnknownModelError(f"{text}: the shares of a mix must add up to 1, got {total:g}")
    return parts


def parse_share(text: str) -> tuple[str, float] | None:
    """Splits ``NAME:SHARE``, a part of a mix, into name and share; None where the text is not of this form."""
    part = _PART.fullmatch(text.strip())
    return (part["name"], float(part["share"])) if part else None


def name_mix(models: Sequence[Model], shares: Sequence[float]) -> str:
    """The name of a mix: those of the models, without their folders, and the shares."""
    return "+".join(f"{model.spec.name}:{share:g}" for model, share in zip(models, shares, strict=True))


def mix_models(text: str, models: Sequence[Model], shares: Sequence[float]) -> Model:
    """Makes the weighted sum of networks.

    Args:
        text: the name of the mix, for its spec and for messages.
        models: from :func:`~srdgan_rt.checkpoint.load_model`; the first network is changed.
        shares: weight of each model; they add up to 1 and may be negative.

    Returns:
        The mix. Its halo and border padding are the largest of the models. Its metadata hold its name as
        ``mix``, and licence and training data where those of all models are equal.

    Raises:
        UnknownModelError: the networks are of different sizes.
    """
    specs = [model.spec for model in models]
    sizes = [dataclasses.replace(spec, name="", halo=0, border_padding=0) for spec in specs]
    if any(other != sizes[0] for other in sizes):
        raise UnknownModelError(f"{text}: only networks of the same sizes can be mixed")
    weights = [model.net.state_dict() for model in models]
    mixed = {
        name: torch.stack([share * state[name].double() for share, state in zip(shares, weights, strict=True)]).sum(0)
        for name in weights[0]
    }
    net = models[0].net
    net.load_state_dict(mixed)
    spec = dataclasses.replace(
        specs[0],
        name=text,
        halo=max(spec.halo for spec in specs),
        border_padding=max(spec.border_padding for spec in specs),
    )
    first, *others = [model.metadata for model in models]
    agreed = {
        key: first[key] for key in _KEPT if key in first and all(other.get(key) == first[key] for other in others)
    }
    return Model(net, spec, agreed | {"mix": text})
