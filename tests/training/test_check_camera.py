from __future__ import annotations

from pathlib import Path

import pytest

from training.check_camera import check


@pytest.fixture(scope="module")
def errors(shared_data: Path) -> dict[tuple[str, int], tuple[float, float, float]]:
    return check(shared_data / "phone_pairs" / "train")
