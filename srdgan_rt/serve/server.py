"""Runs the server of the page, on this machine only."""

from __future__ import annotations

import asyncio
import importlib.util
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from srdgan_rt.errors import BackendUnavailableError, InputError, install_hint
from srdgan_rt.serve.access import AccessControl
from srdgan_rt.serve.app import Api, Limits
from srdgan_rt.serve.settings import list_settings
from srdgan_rt.serve.workspace import Workspace

HOST = "127.0.0.1"
_MAX_CONNECTIONS = 32
_SHUTDOWN_SECONDS = 3  # for requests that are being answered when the server ends


def serve_page(
    models: Sequence[str],
    port: int,
    limits: Limits,
    upscaler_options: Mapping[str, Any],
    on_start: Callable[[str], None],
    header_seconds: float = 15,
) -> None:
    """Serves the page until a signal ends the process.

    Args:
        models: models to choose from, the default first; none for the shipped ones.
        port: port to listen on; 0 for any that is free.
        limits: what is accepted.
        upscaler_options: further arguments of :class:`srdgan_rt.runtime.Upscaler`.
        on_start: called with the address of the page once it can be opened.
        header_seconds: time in which the header of a request must arrive.

    Raises:
        BackendUnavailableError: Starlette or uvicorn is not installed.
        InputError: the port is taken, or a model does not exist.
    """
    for package in ("starlette", "uvicorn"):
        if importlib.util.find_spec(package) is None:
            raise BackendUnavailableError(f"serve needs the package {package}: {install_hint('web')}")
    settings = list_settings(models)
    with listen(port) as listener, closing(Workspace(settings, limits.pixels, upscaler_options)) as workspace:
        secret, port = secrets.token_urlsafe(24), listener.getsockname()[1]
        app = AccessControl(Api(workspace, settings, limits).make_app(), secret, port)
        on_start(f"http://{HOST}:{port}/{secret}/")
        make_server(app, header_seconds).run(sockets=[listener])


def listen(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"--port {port}: {reason}; 0 chooses a free one") from error
    return listener


def make_server(app: Any, header_seconds: float) -> Any:
    """A uvicorn server that closes connections whose header does not arrive in time; uvicorn itself waits forever."""
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class TimedProtocol(H11Protocol):  # type: ignore[misc]
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._set_timer()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            is_answering = self.cycle is not None and not self.cycle.response_complete
            if is_answering:
                self._end_timer()
            elif self._timer is None:  # a part of the next header; more parts do not extend the time
                self._set_timer()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end_timer()
            super().connection_lost(exc)

        def _set_timer(self) -> None:
            self._timer = self.loop.call_later(header_seconds, self.transport.close)

        def _end_timer(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    config = uvicorn.Config(
        app,
        http=TimedProtocol,
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,  # addresses contain the secret
        server_header=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    return uvicorn.Server(config)
