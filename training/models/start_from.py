"""Weights to start from."""

from __future__ import annotations

from srdgan_rt.checkpoint import load_h2l, load_model
from srdgan_rt.errors import InputError
from srdgan_rt.models import H2LNet, L2HNet


def start_from(net: L2HNet | H2LNet, source: str) -> None:
    """Gives a net the weights of a model.

    Args:
        net: changed in place.
        source: a shipped model's name, a weight file, or the checkpoint of a run (its moving average).

    Raises:
        CheckpointError: there is no such model, or it cannot be read.
        InputError: it is of other sizes than the net.
    """
    start = load_model(source).net if isinstance(net, L2HNet) else load_h2l(source).net
    try:
        net.load_state_dict(start.state_dict())
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{source} does not fit the model of the configuration: {reason}") from error
