"""How the process that builds engines is started, and what is told of its end; no TensorRT is needed."""

from __future__ import annotations

import pytest

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.tensorrt import build
from srdgan_rt.tensorrt.build import build_engine


def test_it_imports_nothing_from_the_current_folder(recipe, tmp_path, monkeypatch):
    """It may be a folder of pictures, of which nobody expects that its files are executed."""
    for name in ("signal", "json", "srdgan_rt"):
        (tmp_path / f"{name}.py").write_text("open('executed', 'w')\nraise ImportError\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BackendUnavailableError, match="tensorrt"):
        build_engine(b"no graph", recipe)
    assert not (tmp_path / "executed").exists()


def test_its_last_words_are_in_the_message(recipe, tmp_path, monkeypatch):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho Traceback >&2\necho 'ImportError: no module' >&2\necho >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(build.sys, "executable", str(program))
    with pytest.raises(BackendUnavailableError, match=r"ended with status 3: ImportError: no module$"):
        build_engine(b"", recipe)


def test_without_last_words_the_message_ends_there(recipe, monkeypatch):
    monkeypatch.setattr(build.sys, "executable", "/bin/false")
    with pytest.raises(BackendUnavailableError, match=r"ended with status 1$"):
        build_engine(b"", recipe)
