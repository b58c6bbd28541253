"""The bar is shown only where there is room for it, and says what is known."""

from __future__ import annotations

import pytest

from srdgan_rt.cli.progress import ProgressBar, format_time


@pytest.mark.parametrize(
    ("columns", "term", "shown"), [("80", "xterm", True), ("20", "xterm", False), ("80", "dumb", False)]
)
def test_bar_needs_room_and_a_cursor(monkeypatch, capsys, columns, term, shown):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes stderr for a terminal
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", term)
    with ProgressBar("a.png", shown=True) as progress:
        progress.begin(2_000_000)
        progress.show(1, 4)
    out, err = capsys.readouterr()
    assert out == ""
    assert ("2.0 Mpixels  0:00" in err) == ("25%" in err) == ("left" in err) == shown


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (67.4, "1:07"), (3723, "1:02:03")])
def test_format_time(seconds, text):
    assert format_time(seconds) == text
