"""``srdgan-rt engine``: TensorRT engines and the folder that keeps them; one file a subcommand."""

from __future__ import annotations

SUBCOMMANDS = {
    "build": "Builds a TensorRT engine; no GPU is needed with TensorRT-RTX.",
    "ls": "Lists the engines that are kept.",
    "verify": "Checks that engines are whole, and for which GPUs they are; needs neither a GPU nor TensorRT.",
    "gc": "Removes damaged engines, those of other versions, and the least used ones beyond a limit.",
}
"""Every subcommand and its line in the overview: the first of its docstring."""
