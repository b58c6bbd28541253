"""``srdgan-rt serve``: what is wrong is said in one line; the page itself: tests/serve."""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from functools import partial

import pytest


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_missing_packages_are_named(run, monkeypatch, package):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else found(name))
    outcome = run("serve")
    assert outcome.status == 2
    assert outcome.err_lines == [f"srdgan-rt: error: serve needs the package {package}: pip install 'srdgan_rt[web]'"]


def test_a_port_that_is_taken_is_named(run, model):
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        outcome = run("serve", "--port", port, "-n", model)
    assert outcome.status == 2
    assert outcome.err_lines == [f"srdgan-rt: error: --port {port}: Address already in use; 0 chooses a free one"]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_address_is_printed_and_a_signal_ends_the_server(model, tmp_path, number, status):
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    command = [sys.executable, "-m", "srdgan_rt", "serve", "--port", "0", "-n", model, "--quiet"]
    environment = {"TMPDIR": str(tmp_path), "PATH": ""}
    # Background jobs of a shell ignore Ctrl-C, and their children would, too.
    take_signal = partial(signal.signal, number, signal.SIG_DFL)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=take_signal)
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        assert b"<!DOCTYPE html>" in urllib.request.urlopen(address, timeout=30).read()
        assert list(tmp_path.glob("srdgan-rt-*"))
        process.send_signal(number)
        assert process.wait(60) == status
        deadline = time.monotonic() + 30  # a process of its own removes the folder
        while list(tmp_path.glob("srdgan-rt-*")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.kill()
        process.stdout.close()
