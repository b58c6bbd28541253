"""Requests that the page would not send are refused, and do no harm."""

from __future__ import annotations

import io
import json
import socket
import struct
import time
import zlib

import pytest
from page_server import SECRET

from srdgan_rt.serve.app import Limits
from srdgan_rt.serve.upload import make_safe_name

OWN = {"Sec-Fetch-Site": "same-origin"}


def png_header(width, height):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100)))


def test_the_page_itself_is_answered_with_headers_that_protect_it(server):
    answer = server.ask(headers=OWN | {"Origin": f"http://127.0.0.1:{server.port}"})
    assert answer.status == 200
    assert b"<!DOCTYPE html>" in answer.body
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},  # a name that was pointed to 127.0.0.1
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1:1"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_hosts_and_origins_are_refused(server, headers):
    headers = {name: value.format(port=server.port) for name, value in headers.items()}
    for path, method in (("", "GET"), ("picture?name=a.png", "POST"), ("picture", "OPTIONS")):
        answer = server.ask(path, method, headers=headers)
        assert answer.status == 403
        assert "error" in answer.json
        assert SECRET not in answer.body.decode()


@pytest.mark.parametrize(
    "root", ["/", "/wrong/", "//", f"/{SECRET}x/", f"/{SECRET[:-1]}/", f"/x/../{SECRET}/", "/%ff/"]
)
def test_nothing_is_answered_without_the_secret(server, root):
    assert server.ask("", root=root).status == 403
    assert server.ask("picture", "POST", b"x", root=root).status == 403


@pytest.mark.parametrize(
    "path", ["../etc/passwd", "view/../../etc/passwd", "view/%2e%2e%2fetc%2fpasswd", "..%2f..%2fetc/passwd", "view/x"]
)
def test_paths_lead_to_no_files(server, draw, path):
    key = server.open(draw())["key"]
    answer = server.ask(f"{path}?key={key}")
    assert answer.status in (403, 404, 410)
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("..", "picture"),
        ("", "picture"),
        (".ssh", "ssh"),
        ("a/b/", "picture"),
        ("photo\0.png", "photo_.png"),
        ("<img src=x>.png", "_img src_x_.png"),
        ("Zürich (1).jpg", "Zürich (1).jpg"),
        ("x" * 300 + ".png", "x" * 196 + ".png"),
        ("漢" * 120 + ".jpg", "漢" * 65 + ".jpg"),
    ],
)
def test_names_of_files_lose_folders_and_special_characters(name, safe):
    assert make_safe_name(name) == safe


def test_a_name_with_folders_writes_nothing_elsewhere(server, draw, tmp_path):
    answer = server.ask("picture?name=..%2F..%2Fescaped.png", "POST", draw().read_bytes())
    assert answer.json["name"] == "escaped.png"
    assert not list(server.folder.parent.glob("**/escaped.png"))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "TRACE"])
@pytest.mark.parametrize("path", ["picture", "enlarge", "save"])
def test_wrong_methods_are_refused(server, path, method):
    assert server.ask(path, method).status == 405


def test_a_file_that_is_declared_too_large_is_refused_before_it_is_sent(server):
    connection = server.connect()
    connection.putrequest("POST", f"/{SECRET}/picture?name=a.png")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    assert "at most 0.2 MB can be sent (--max-megabytes)" in json.loads(answer.read())["error"]
    connection.close()


def test_a_file_without_a_length_is_refused_as_soon_as_it_is_too_large(server):
    """It never ends: a server that waited for its end would never answer."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    head = (
        f"POST /{SECRET}/picture?name=a HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    connection.sendall(head.encode())
    for _ in range(3):
        connection.sendall(b"186a0\r\n" + bytes(100_000) + b"\r\n")
    assert b" 413 " in connection.recv(100)
    connection.close()
    assert list(server.folder.iterdir()) == []


def test_json_is_limited_and_checked(server):
    large = server.ask("enlarge", "POST", b"[" * 20_000)
    assert (large.status, large.json) == (413, {"error": "at most 0.01 MB can be sent, got 0.02 or more"})
    for body in (b"", b"{", b"[" * 9000, b"\xff"):
        answer = server.ask("enlarge", "POST", body)
        assert (answer.status, answer.json["error"]) == (400, "the request must be JSON")
    assert server.ask("enlarge", "POST", b"[]").status == 410  # JSON, but no picture's key


@pytest.fixture
def impatient(start_server):
    """A server that waits half a second; that of the other tests waits longer, because machines may be busy."""
    return start_server(limits=Limits(200_000, 10_000, 0.5), header_seconds=0.5)


def test_a_slow_body_is_refused_in_time(impatient):
    connection = impatient.connect()
    connection.putrequest("POST", f"/{SECRET}/picture?name=a.png")
    connection.putheader("Content-Length", "1000")
    connection.endheaders()
    connection.send(b"x")
    start = time.monotonic()
    answer = connection.getresponse()
    assert answer.status == 408
    assert time.monotonic() - start < 30
    connection.close()
    assert list(impatient.folder.iterdir()) == []


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: "])
def test_a_slow_header_ends_the_connection(impatient, sent):
    connection = socket.create_connection(("127.0.0.1", impatient.port), timeout=30)
    connection.sendall(sent)
    assert connection.recv(100) == b""  # closed by the server
    connection.close()


def test_a_header_that_drips_ends_the_connection_too(impatient):
    connection = socket.create_connection(("127.0.0.1", impatient.port), timeout=30)
    start = time.monotonic()
    while True:
        assert time.monotonic() - start < 30
        try:
            connection.sendall(b"x")
        except OSError:  # a broken pipe, or a reset
            break
        time.sleep(0.1)
    connection.close()


def test_bombs_are_refused_by_their_header(server):
    answer = server.ask("picture?name=bomb.png", "POST", png_header(60_000, 60_000))
    assert answer.status == 400
    assert "bomb.png: 60000 x 60000 = 3,600,000,000 pixels are more than the limit of 10,000" in answer.json["error"]
    assert str(server.folder) not in answer.json["error"]


@pytest.mark.parametrize("body", [b"", b"not a picture", b"\xff\xd8\xff\xe0 cut off", png_header(50, 50)])
def test_files_that_are_no_pictures_are_errors_of_one_line(server, draw, body):
    key = server.open(draw())["key"]
    answer = server.ask("picture?name=evil.png", "POST", body)
    assert answer.status == 400
    assert answer.json["error"].startswith("evil.png: ")
    assert "\n" not in answer.json["error"]
    assert server.ask(f"view/picture?key={key}").status == 200  # the last picture is still there


@pytest.fixture
def busy(start_server, draw, monkeypatch):
    """A server whose work takes until it is cancelled, and a connection that reads its progress."""

    def enlarge(picture, upscaler, *, progress, **settings):
        for step in range(2000):
            progress.show(step, 2000)
            time.sleep(0.01)
        raise AssertionError("nobody cancelled it")

    server = start_server(limits=Limits(200_000, 10_000))
    monkeypatch.setattr("srdgan_rt.serve.workspace.enlarge_and_mark", enlarge)
    server.key = server.open(draw())["key"]
    connection = server.connect()
    connection.request("POST", f"/{SECRET}/enlarge", json.dumps({"key": server.key}))
    answer = connection.getresponse()
    assert "share" in json.loads(answer.readline())
    yield server, connection, answer
    connection.close()


def test_a_second_job_is_refused_while_one_runs(busy, draw):
    server, connection, answer = busy
    for second in (
        server.enlarge(server.key),
        server.ask("picture?name=a.png", "POST", draw("other.png").read_bytes()),
    ):
        assert second.status == 409
        assert "cancel it" in second.json["error"]
    assert "share" in json.loads(answer.readline())  # the first one goes on
    connection.close()
    answer.close()
    server.wait_until_idle()
    assert server.open(draw())["width"] == 16


def test_a_client_that_goes_away_cancels_its_work(busy):
    server, connection, answer = busy
    start = time.monotonic()
    connection.sock.close()
    connection.close()
    answer.close()
    server.wait_until_idle()
    assert time.monotonic() - start < 15  # it would take 20
    assert server.workspace.result is None


def test_the_end_of_the_server_cancels_the_work(busy):
    server, _, _ = busy
    start = time.monotonic()
    server.close()
    assert time.monotonic() - start < 15  # the work would take 20
    assert not server.folder.exists()


def test_a_client_that_goes_away_while_sending_leaves_nothing(server):
    connection = server.connect()
    connection.putrequest("POST", f"/{SECRET}/picture?name=a.png")
    connection.putheader("Content-Length", "1000")
    connection.endheaders()
    connection.send(io.BytesIO(bytes(500)))
    connection.close()
    deadline = time.monotonic() + 10
    while list(server.folder.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert server.ask().status == 200
