"""Refuses requests that the page itself did not send.

The server listens on this machine only, but any web page that the user opens may send requests to it, also under a
name of its own that it points to 127.0.0.1 (DNS rebinding). So each request needs the secret that is the beginning of
every path, the right host name, and no sign of another origin.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"frame-ancestors 'none'"),  # the page itself allows less, in its own HTML
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
"""Headers of every answer."""


class AccessControl:
    """Passes on what the page has sent, without the secret in its path, and refuses everything else.

    Args:
        app: answers the requests.
        secret: first part of every path.
        port: port of the server.
    """

    def __init__(self, app: App, secret: str, port: int) -> None:
        self._app = app
        self._secret = secret.encode()
        self._hosts = {f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost")}
        self._origins = {b"http://" + host for host in self._hosts}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")  # a websocket: uvicorn refuses it

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
            await send(message)

        reason = self._find_reason_to_refuse(scope)
        if reason is not None:
            return await _refuse(send_with_headers, reason)
        # Starlette's routes do not see the root path.
        return await self._app({**scope, "root_path": f"/{self._secret.decode()}"}, receive, send_with_headers)

    def _find_reason_to_refuse(self, scope: Message) -> str | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        hosts = [value.lower() for name, value in headers if name == b"host"]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return "this server answers only under the address that srdgan-rt serve printed"
        if any(name == b"origin" and value not in self._origins for name, value in headers):
            return "requests of other web pages are refused"
        if any(name == b"sec-fetch-site" and value not in (b"same-origin", b"none") for name, value in headers):
            return "requests of other web pages are refused"
        secret = scope["path"].encode("utf-8", "surrogateescape").split(b"/")[1:2]
        if not secret or not hmac.compare_digest(secret[0], self._secret):
            return "the address is not complete: open the one that srdgan-rt serve printed"
        return None


async def _refuse(send: Send, reason: str) -> None:
    body = json.dumps({"error": reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
