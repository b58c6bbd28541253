"""Weights to start from."""

from __future__ import annotations

from pathlib import Path

from srdgan_rt.checkpoint import load_model
from srdgan_rt.checkpoint.read import read_tensors
from srdgan_rt.errors import InputError
from srdgan_rt.models import H2LNet, L2HNet


def start_from(net: L2HNet | H2LNet, source: str) -> None:
    """Gives a net the weights of a model.

    Args:
        net: changed in place.
        source: a weight file or the checkpoint of a run (its moving average); for the low-to-high net also a shipped
            model's name.

    Raises:
        CheckpointError: there is no such model, or it cannot be read.
        InputError: it is of other sizes than the net.
    """
    weights = load_model(source)[0].state_dict() if isinstance(net, L2HNet) else read_tensors(Path(source))[0]
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(f"{source} does not fit the model of the configuration: {reason}") from error
