from __future__ import annotations

from pathlib import Path

import pytest

from srdgan_rt.errors import InputError
from training.parts import is_part, join, split


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x4.safetensors"
    path.write_bytes(bytes(range(25)))
    return path


def test_parts_make_the_whole_in_any_order(file: Path, tmp_path: Path) -> None:
    parts = split(file, tmp_path / "parts", part_bytes=10)
    assert [path.stat().st_size for path in parts] == [10, 10, 5]
    assert all(is_part(path) for path in parts)
    assert not is_part(file)
    join(parts[::-1], tmp_path / "joined")
    assert (tmp_path / "joined").read_bytes() == file.read_bytes()


def test_joining_says_what_is_wrong(file: Path, tmp_path: Path) -> None:
    parts = split(file, tmp_path / "parts", part_bytes=10)
    output = tmp_path / "joined"
    with pytest.raises(InputError, match="part 2 of 3 is missing"):
        join([parts[0], parts[2]], output)
    with pytest.raises(InputError, match="is no part"):
        join([file], output)
    other = split(file, tmp_path / "other", part_bytes=20)
    with pytest.raises(InputError, match="those of 2"):
        join([*parts, other[1]], output)
    with pytest.raises(InputError, match="are the same part"):
        join([*parts, *split(file, tmp_path / "again", part_bytes=10)], output)
    parts[1].write_bytes(b"0123456789")
    with pytest.raises(InputError, match="damaged"):
        join(parts, output)
    assert not output.exists()
