import numpy as np
import pytest
import torch

from srdgan_rt.runtime.source import Source
from srdgan_rt.tiling import Box

INSIDE = Box(1, 2, 3, 2)
BEYOND = Box(-4, -7, 14, 20)  # on each side, by more than the picture is long
PICTURE = np.random.default_rng(0).random((5, 4, 3), np.float32)


def mirrored(length, start, stop):
    """Positions on an axis of ``length`` pixels that is mirrored at its ends, without a repeated edge."""
    there_and_back = [*range(length), *range(length - 2, 0, -1)]
    return [there_and_back[index % len(there_and_back)] for index in range(start, stop)]


@pytest.mark.parametrize("box", [INSIDE, BEYOND, Box(0, 0, 4, 5)])
def test_windows_continue_mirrored_beyond_the_picture(box):
    rows, columns = mirrored(5, box.y, box.bottom), mirrored(4, box.x, box.right)
    expected = torch.from_numpy(PICTURE[np.ix_(rows, columns)]).permute(2, 0, 1)[None]
    planes = torch.from_numpy(PICTURE).permute(2, 0, 1)[None]
    assert torch.equal(Source.from_picture(PICTURE).read(box), expected)
    assert torch.equal(Source.from_tensor(torch.cat([planes, planes])).read(box), torch.cat([expected, expected]))


def test_sizes():
    picture = Source.from_picture(PICTURE[..., :1])
    assert (picture.height, picture.width, picture.batch, picture.bounds) == (5, 4, 1, (0, 0, 4, 5))
    assert picture.read(INSIDE).shape == (1, 3, 2, 3)  # grey as three channels
    batch = Source.from_tensor(torch.zeros(2, 3, 7, 9, dtype=torch.float16))
    assert (batch.height, batch.width, batch.batch) == (7, 9, 2)
    assert batch.read(INSIDE).dtype == torch.float32


def test_watched_sources_say_what_is_read():
    boxes = []
    source = Source.from_picture(PICTURE)
    watched = source.watched(boxes.append)
    assert torch.equal(watched.read(INSIDE), source.read(INSIDE))
    assert boxes == [INSIDE]
