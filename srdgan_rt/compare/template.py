"""Puts a page together of HTML, style and scripts; the result needs no other file.

The security policy in the HTML knows style and script by their hashes, so that no other can run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

VIEWER_SCRIPTS = ("elements.js", "geometry.js", "draw.js", "gestures.js", "viewer.js")
"""Scripts of the viewer in :mod:`srdgan_rt.compare`; each uses what is above it."""

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


def read_part(name: str, package: str = "srdgan_rt.compare") -> str:
    """A file of the folder ``page`` of a package."""
    return (files(package) / "page" / name).read_text(encoding="utf-8")


def fill_page(page: str, style: str, script: str, values: Mapping[str, str | Sequence[str]]) -> bytes:
    """Fills the placeholders ``{{name}}`` of a page.

    Args:
        page: HTML with placeholders.
        style: fills ``{{style}}``, and its hash ``{{style_hash}}``.
        script: fills ``{{script}}``, and its hash ``{{script_hash}}``.
        values: texts for the other placeholders. A line with a placeholder for several texts is repeated for each of
            them: one text of all pictures could be longer than browsers can hold.

    Returns:
        The page in UTF-8.
    """
    parts = {
        "style": style,
        "style_hash": _hash(style),
        "script": script,
        "script_hash": _hash(script),
        "zoom": read_part("zoom.html").rstrip("\n"),
    }
    single = parts | {name: value for name, value in values.items() if isinstance(value, str)}
    repeated = {name: value for name, value in values.items() if not isinstance(value, str)}
    lines: list[str] = []
    for line in page.splitlines():
        name = next((name for name in repeated if f"{{{{{name}}}}}" in line), None)
        lines += [_fill(line, single)] if name is None else [_fill(line, {name: text}) for text in repeated[name]]
    return "\n".join([*lines, ""]).encode("utf-8", "backslashreplace")  # a title may hold undecodable bytes


def pack_json(value: Any) -> str:
    """JSON that can stand in a script element: no text in it can end the element or begin a comment."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _fill(line: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values[match[1]], line)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
