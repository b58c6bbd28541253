from __future__ import annotations

import numpy as np
import pytest

from srdgan_rt.image import enlarge_samples


@pytest.mark.parametrize("scale", [2, 4])
def test_enlarged_samples_are_the_picture(scale: int) -> None:
    low = np.random.default_rng(0).random((9, 13, 3), np.float32)
    enlarged = enlarge_samples(low, scale)
    assert enlarged.shape == (9 * scale, 13 * scale, 3)
    np.testing.assert_allclose(enlarged[scale // 2 :: scale, scale // 2 :: scale], low, atol=1e-6)
