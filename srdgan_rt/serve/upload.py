"""Reads what a page sends, within limits of size and time."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from srdgan_rt.errors import InputError, SrdganError

if TYPE_CHECKING:
    from starlette.requests import Request

_MAX_JSON = 10_000  # bytes; settings have a few hundred
_MAX_NAME = 200  # bytes; file systems have 255, and names of results get longer


class TooLargeError(SrdganError):
    """More bytes are sent than the limit allows."""


class TooSlowError(SrdganError):
    """The bytes did not arrive in time."""


async def receive(
    request: Request, write: Callable[[bytes], object], limit: int, seconds: float, *, option: str | None = None
) -> None:
    """Passes the body of a request on, piece by piece, as it arrives.

    Args:
        request: the request.
        write: called with each piece.
        limit: largest number of bytes.
        seconds: time for all of them.
        option: the option of the command line that sets the limit, for the error.

    Raises:
        TooLargeError: there are more; they are refused when the limit is passed, or before if their number is sent.
        TooSlowError: they did not arrive in time.
    """

    def check_size(size: int) -> None:
        if size > limit:
            hint = "" if option is None else f" ({option})"
            raise TooLargeError(f"at most {limit / 1e6:g} MB can be sent{hint}, got {size / 1e6:.2g} or more")

    async def pass_on() -> None:
        size = 0
        async for piece in request.stream():
            size += len(piece)
            check_size(size)
            write(piece)

    declared = request.headers.get("content-length", "0")
    check_size(int(declared) if declared.isdigit() else 0)
    try:
        await asyncio.wait_for(pass_on(), seconds)
    except asyncio.TimeoutError:
        raise TooSlowError(f"the request must arrive within {seconds:g} seconds") from None


async def read_json(request: Request, seconds: float) -> Any:
    """Reads the JSON of a request.

    Args:
        request: the request.
        seconds: time for all of it.

    Raises:
        InputError: it is not valid.
        TooLargeError: it has more than 10 kB.
        TooSlowError: it did not arrive in time.
    """
    body = bytearray()
    await receive(request, body.extend, _MAX_JSON, seconds)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise InputError("the request must be JSON") from None


def make_safe_name(name: str) -> str:
    """The name of an uploaded file as it may be used on this machine: no folders, no special characters.

    Args:
        name: as the browser sent it.
    """
    base = re.split(r"[/\\]", name)[-1]
    safe = re.sub(r"[^\w .()+-]", "_", base).strip(" .")
    end = safe.encode()[-_MAX_NAME:].decode(errors="ignore")  # with the extension
    return end.lstrip(" .") or "picture"
