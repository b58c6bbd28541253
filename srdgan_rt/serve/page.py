"""Puts the page together: its own parts in the folder ``page``, and the viewer of :mod:`srdgan_rt.compare`."""

from __future__ import annotations

from collections.abc import Sequence

from srdgan_rt.compare.template import VIEWER_SCRIPTS, fill_page, pack_json, read_part
from srdgan_rt.serve.settings import Setting, describe_settings

SCRIPTS = ("controls.js", "region.js", "server.js", "main.js")
"""Scripts of the page, which follow those of the viewer; each uses what is above it."""


def make_page(settings: Sequence[Setting], upload_bytes: int) -> bytes:
    """The page, which loads nothing but what it asks of its own server.

    Args:
        settings: of :func:`srdgan_rt.serve.settings.list_settings`.
        upload_bytes: largest file; the page refuses larger ones before they are sent.
    """
    style = read_part("viewer.css") + _read("style.css")
    script = "\n".join([*map(read_part, VIEWER_SCRIPTS), *map(_read, SCRIPTS)])
    values = {"settings": pack_json(describe_settings(settings)), "limit": str(upload_bytes)}
    return fill_page(_read("page.html"), style, script, values)


def _read(name: str) -> str:
    return read_part(name, "srdgan_rt.serve")
