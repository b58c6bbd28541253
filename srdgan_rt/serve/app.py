"""The requests of the page, and their answers."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from srdgan_rt.atomic import replace_file
from srdgan_rt.errors import CancelledError, describe
from srdgan_rt.serve.page import make_page
from srdgan_rt.serve.progress import CancellableProgress
from srdgan_rt.serve.settings import Goal, check_values
from srdgan_rt.serve.upload import TooLargeError, TooSlowError, make_safe_name, read_json, receive
from srdgan_rt.serve.workspace import BusyError, GoneError, Workspace
from srdgan_rt.tiling import check_roi

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from srdgan_rt.serve.settings import Setting
    from srdgan_rt.serve.workspace import Enlarged

logger = logging.getLogger("srdgan_rt")

_STATUSES: dict[type[Exception], int] = {TooLargeError: 413, TooSlowError: 408, BusyError: 409, GoneError: 410}
_OPTIONS = ("max_pixels", "tile")  # of the command, for advice
_TICK = 0.2  # seconds between two reports of progress
_PIECE = 1 << 20  # bytes of a file that are sent at a time

Answer = Callable[["Request"], Awaitable["Response"]]


@dataclass(frozen=True)
class Limits:
    """What the server accepts.

    Attributes:
        upload_bytes: largest file.
        upload_seconds: time in which a request must arrive.
        pixels: largest picture.
    """

    upload_bytes: int
    pixels: int
    upload_seconds: float = 120


class Api:
    """Answers the requests of the page.

    Args:
        workspace: what the page works on.
        settings: of :func:`srdgan_rt.serve.settings.list_settings`.
        limits: what is accepted.
    """

    def __init__(self, workspace: Workspace, settings: tuple[Setting, ...], limits: Limits) -> None:
        self._workspace = workspace
        self._settings = settings
        self._limits = limits
        self._page = make_page(settings, limits.upload_bytes)

    def make_app(self) -> Starlette:
        """The application, behind :class:`srdgan_rt.serve.access.AccessControl`."""
        from starlette.applications import Starlette
        from starlette.routing import Route

        routes = [
            Route("/", _answer_errors(self._show_page), methods=["GET"]),
            Route("/picture", _answer_errors(self._open), methods=["POST"]),
            Route("/enlarge", _answer_errors(self._enlarge), methods=["POST"]),
            Route("/save", _answer_errors(self._save), methods=["POST"]),
            Route("/view/{which}", _answer_errors(self._show_picture), methods=["GET"]),
        ]
        return Starlette(routes=routes)

    async def _show_page(self, request: Request) -> Response:
        from starlette.responses import Response

        return Response(self._page, media_type="text/html")

    async def _open(self, request: Request) -> Response:
        """The body is the file; ``?name=`` is its name."""
        from starlette.responses import JSONResponse

        workspace = self._workspace
        workspace.check_idle()
        name = make_safe_name(request.query_params.get("name", ""))
        with workspace.make_folder() as folder:
            path = folder / name
            with replace_file(path) as file:  # which names the file where the disk is full
                await receive(
                    request,
                    file.write,
                    self._limits.upload_bytes,
                    self._limits.upload_seconds,
                    option="--max-megabytes",
                )
            opened = await asyncio.shield(workspace.start(functools.partial(workspace.open, path, name)))
        height, width = opened.picture.pixels.shape[:2]
        facts = {"key": opened.key, "name": name, "width": width, "height": height}
        return JSONResponse(facts | {"notes": [*opened.picture.notes, *opened.view.notes]})

    async def _show_picture(self, request: Request) -> Response:
        """``view/picture``, ``view/before`` or ``view/after``, with ``?key=`` of the picture."""
        from starlette.responses import Response

        key, which = request.query_params.get("key"), request.path_params["which"]
        if which == "picture":
            view = self._workspace.find(key).view
        elif which in ("before", "after"):
            result = self._workspace.find_result(key)
            view = result.before if which == "before" else result.after
        else:
            raise GoneError("there is no such view")
        return Response(view.data, media_type=view.mime_type)

    async def _enlarge(self, request: Request) -> Response:
        """Answers with lines of JSON: the progress, then the result or an error. Whoever leaves cancels the work."""
        from starlette.responses import StreamingResponse

        wanted = await self._read(request)
        source = self._workspace.find(wanted.get("key"))
        goals = (Goal.MODEL, Goal.RESULT, Goal.DEPTH)
        values = check_values(self._settings, wanted.get("settings", {}), *goals)
        roi = wanted.get("region")
        region = None if roi is None else check_roi(roi, *source.picture.pixels.shape[:2])
        progress = CancellableProgress()
        work = self._workspace.start(
            functools.partial(self._workspace.enlarge, source, region, values, progress), progress
        )
        return StreamingResponse(_report(work, progress), media_type="application/x-ndjson")

    async def _save(self, request: Request) -> Response:
        """Answers with the file; the header ``x-result`` has its name and notes in JSON."""
        from starlette.responses import StreamingResponse

        wanted = await self._read(request)
        result = self._workspace.find_result(wanted.get("key"))
        values = check_values(self._settings, wanted.get("settings", {}), Goal.SAVE)
        with self._workspace.make_folder() as folder:
            work = self._workspace.start(functools.partial(self._workspace.save, result, values, folder))
            path, notes = await asyncio.shield(work)
            file = path.open("rb")  # it can be read after its folder is removed
        size = os.fstat(file.fileno()).st_size
        headers = {
            "content-length": str(size),
            "content-disposition": "attachment",
            "x-result": json.dumps({"name": path.name, "notes": notes}),
        }

        def read() -> Any:
            with file:
                while piece := file.read(_PIECE):
                    yield piece

        return StreamingResponse(read(), media_type="application/octet-stream", headers=headers)

    async def _read(self, request: Request) -> dict[str, Any]:
        wanted = await read_json(request, self._limits.upload_seconds)
        return wanted if isinstance(wanted, dict) else {}


async def _report(work: asyncio.Future[Enlarged], progress: CancellableProgress) -> AsyncIterator[str]:
    try:
        while not (await asyncio.wait({work}, timeout=_TICK))[0]:
            yield _pack({"share": progress.share})
        try:
            yield _pack({"share": 1, "result": _describe(work.result())})
        except CancelledError:
            yield _pack({"error": "cancelled"})
        except Exception as error:  # whatever it is, the page should show it
            yield _pack({"error": _explain(error)})
    finally:
        progress.cancel()  # the reader may have left


def _pack(value: dict[str, Any]) -> str:
    return f"{json.dumps(value)}\n"


def _describe(result: Enlarged) -> dict[str, Any]:
    height, width = result.picture.pixels.shape[:2]
    notes = [*result.picture.notes, *result.after.notes]
    return {"width": width, "height": height, "region": result.region, "notes": list(dict.fromkeys(notes))}


def _explain(error: Exception) -> str:
    logger.debug("request failed", exc_info=error)
    return describe(error, _OPTIONS)


def _answer_errors(answer: Answer) -> Answer:
    """Turns errors into JSON with a message of one line."""

    async def answered(request: Request) -> Response:
        from starlette.requests import ClientDisconnect
        from starlette.responses import JSONResponse, Response

        try:
            return await answer(request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except Exception as error:
            status = _STATUSES.get(type(error), 400)
            headers = {"connection": "close"} if status in (408, 413) else None  # the rest of the body is not read
            return JSONResponse({"error": _explain(error)}, status, headers)

    return answered
