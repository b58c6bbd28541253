"""The server of ``srdgan-rt serve`` in a thread, and a client for it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass

from srdgan_rt.serve.access import AccessControl
from srdgan_rt.serve.app import Api, Limits
from srdgan_rt.serve.server import listen, make_server
from srdgan_rt.serve.settings import list_settings
from srdgan_rt.serve.workspace import Workspace

LIMITS = Limits(upload_bytes=200_000, pixels=10_000, upload_seconds=60)
SECRET = "secret"


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def lines(self):
        return [json.loads(line) for line in self.body.splitlines()]


class Server:
    """A server in a thread, and a client for it."""

    def __init__(self, models, limits=LIMITS, header_seconds=60):
        self._listener = listen(0)
        self.port = self._listener.getsockname()[1]
        settings = list_settings(models)
        self.workspace = Workspace(settings, limits.pixels, {"device": "cpu"})
        self.folder = self.workspace._folder
        app = AccessControl(Api(self.workspace, settings, limits).make_app(), SECRET, self.port)
        self._server = make_server(app, header_seconds)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()

    def close(self):
        self._server.should_exit = True
        self._thread.join()
        self.workspace.close()
        self._listener.close()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}/{SECRET}/"

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(self, path="", method="GET", body=None, headers=(), root=f"/{SECRET}/"):
        connection = self.connect()
        try:
            connection.request(method, f"{root}{path}", body, dict(headers))
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def post(self, path, value, **options):
        return self.ask(path, "POST", json.dumps(value), **options)

    def open(self, path):
        answer = self.ask(f"picture?name={path.name}", "POST", path.read_bytes())
        assert answer.status == 200, answer.body
        return answer.json

    def enlarge(self, key, region=None, **settings):
        return self.post("enlarge", {"key": key, "region": region, "settings": settings})

    def wait_until_idle(self):
        deadline = time.monotonic() + 20
        while self.workspace._is_busy:
            assert time.monotonic() < deadline
            time.sleep(0.01)
