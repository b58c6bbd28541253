from __future__ import annotations

import os
from pathlib import Path

import pytest

from srdgan_rt.errors import SrdganError
from training.loop.lock import hold_folder


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    with hold_folder(folder):
        with pytest.raises(SrdganError, match=f"another process is writing into {folder}: "), hold_folder(folder):
            pass
        with hold_folder(folder, wanted=False), hold_folder(tmp_path / "runs" / "b"):
            pass
    with hold_folder(folder):
        assert list(folder.iterdir()) == []


def test_a_process_that_was_forked_does_not_keep_the_folder(tmp_path: Path) -> None:
    """Workers that make batches are forked, and may live a little longer than the run."""
    reading, writing = os.pipe()
    with hold_folder(tmp_path):
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # waits until the parent closes its end
            os._exit(0)
    with hold_folder(tmp_path):
        pass
    os.close(writing)
    os.close(reading)
    assert os.waitpid(child, 0)[1] == 0
