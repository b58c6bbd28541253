from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_disk import small_disk

from srdgan_rt.errors import InputError
from training.plot import plot, read_curve


def make_run(folder: Path, name: str, records: list[dict[str, object]]) -> Path:
    run = folder / name
    run.mkdir()
    (run / "log.jsonl").write_text("\n".join(map(json.dumps, records)))
    return run


def test_a_curve_holds_each_iteration_once(tmp_path: Path) -> None:
    records = [{"iteration": 100, "a": 1}, {"iteration": 200, "a": [3, 9]}, {"iteration": 200, "b": 0}]
    run = make_run(tmp_path, "run", [*records, {"iteration": 100, "a": 2}])
    assert read_curve(run, "a") == ([100, 200], [2, 3])


def test_chained_runs_follow_each_other(tmp_path: Path) -> None:
    first = make_run(tmp_path, "first", [{"iteration": 100, "a": 1.0}, {"iteration": 300, "loss": 0.5}])
    second = make_run(tmp_path, "second", [{"iteration": 100, "a": 2.0}])
    figures = []
    for chained in (False, True):
        plot([first, second], ["a"], tmp_path / f"{chained}.svg", chained=chained)
        figures.append((tmp_path / f"{chained}.svg").read_text())
    assert all("<svg" in figure for figure in figures)
    assert figures[0] != figures[1]


def test_what_cannot_be_drawn_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path, "run", [{"iteration": 1, "a": 1}])
    with pytest.raises(InputError, match="no run has 'b' in its log"):
        plot([run], ["b"], tmp_path / "b.svg", chained=False)
    with pytest.raises(InputError, match=r"cannot read the log .*log\.jsonl: No such file or directory$"):
        plot([tmp_path], ["a"], tmp_path / "a.svg", chained=False)
    with pytest.raises(InputError, match=r"a\.xyz: Format 'xyz' is not supported"):
        plot([run], ["a"], tmp_path / "a.xyz", chained=False)
    for content in ("[1, 2]", "no JSON"):
        (tmp_path / "log.jsonl").write_text(content)
        with pytest.raises(InputError, match=r"log\.jsonl is no log of a run$"):
            read_curve(tmp_path, "a")


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    run = make_run(tmp_path, "run", [{"iteration": 1, "a": 3, "b": []}])
    with (run / "log.jsonl").open("a") as file:
        file.write('\n{"iteration": 2, "a"\n{"iteration": 3, "a": 4}\n')
    assert read_curve(run, "a") == ([1, 3], [3, 4])
    assert read_curve(run, "b") == ([], [])


def test_a_full_disk_names_the_picture_and_keeps_the_one_before(tmp_path: Path) -> None:
    run = make_run(tmp_path, "run", [{"iteration": 1, "a": 1}])
    plot([run], ["a"], tmp_path / "a.svg", chained=False)
    before = (tmp_path / "a.svg").read_bytes()
    with small_disk(10), pytest.raises(OSError, match=r"File too large: '.*a\.svg'"):
        plot([run], ["a"], tmp_path / "a.svg", chained=False)
    assert (tmp_path / "a.svg").read_bytes() == before
