"""Rows that arrive one after another: the bits of ``process``, whatever is pushed and pulled at a time."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from srdgan_rt import Session, _ext
from srdgan_rt.checkpoint import save_model
from srdgan_rt.errors import CancelledError, InputError
from tests.helpers.lively_net import make_lively_net

pytestmark = pytest.mark.skipif(not _ext.is_available(), reason=str(_ext.why_not()))

HEIGHT, WIDTH = 110, 14


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    save_model(path, make_lively_net(), {"halo": "7", "border_padding": "4"})
    return Session(path, threads=2)


def random_frame(session: Session) -> np.ndarray:
    frame = session.make_input()
    return np.random.default_rng(1).integers(0, 256, frame.shape).astype(frame.dtype)


@settings(max_examples=8)
@given(st.data())
def test_any_pushes_and_pulls_give_the_bits_of_process(session: Session, data: st.DataObject):
    x, y = data.draw(st.integers(0, WIDTH - 1)), data.draw(st.integers(0, HEIGHT - 1))
    roi = (x, y, data.draw(st.integers(1, WIDTH - x)), data.draw(st.integers(1, HEIGHT - y)))
    session.configure(HEIGHT, WIDTH, roi=roi, row_streaming=True, strip_rows=data.draw(st.sampled_from([None, 50])))
    picture = random_frame(session)
    expected = session.process(picture)
    pushed, parts = 0, []
    while pushed < HEIGHT or session.finished_rows:
        if pushed < HEIGHT:
            pushed += session.push_rows(picture[pushed : pushed + data.draw(st.integers(1, 60))])
        parts.append(session.pull_rows(data.draw(st.none() | st.integers(0, 200))))
    np.testing.assert_array_equal(np.concatenate(parts), expected)


@pytest.mark.parametrize("output", ["nv12", "i420", "rgb8", "rgb_planar16"])
@pytest.mark.parametrize("source", ["nv12", "p010", "i420", "bgra8", "rgb_planar8"])
def test_stream_in_all_layouts(session: Session, source: str, output: str):
    session.configure(HEIGHT, WIDTH, input=source, output=output, row_streaming=True)
    frame = random_frame(session)
    expected = session.process(frame)

    def cut(first: int, end: int) -> object:
        if source in ("nv12", "p010"):
            return frame[first:end], frame[HEIGHT + first // 2 : HEIGHT + end // 2]
        if source == "i420":
            cb, cr = frame[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)[:, first // 2 : end // 2]
            return frame[first:end], cb, cr
        return frame[:, first:end] if "planar" in source else frame[first:end]

    parts = list(session.stream([cut(0, 2), cut(2, 96), cut(96, HEIGHT), cut(0, HEIGHT)]))
    if output in ("nv12", "i420"):
        rows = [len(part) // 3 * 2 for part in parts]
        luma = np.concatenate([part[:count] for part, count in zip(parts, rows, strict=True)])
        shape = (1, -1, 4 * WIDTH) if output == "nv12" else (2, -1, 2 * WIDTH)
        chroma = [part[count:].reshape(shape) for part, count in zip(parts, rows, strict=True)]
        whole, half = 4 * HEIGHT, 2 * HEIGHT
        planes = np.concatenate(chroma, 1).reshape(shape[0], 2, half, -1)
        for picture in range(2):
            result = np.concatenate([luma[picture * whole :][:whole], planes[:, picture].reshape(half, 4 * WIDTH)])
            np.testing.assert_array_equal(result, expected)
    else:
        axis = 1 if "planar" in output else 0
        np.testing.assert_array_equal(np.concatenate(parts, axis), np.concatenate([expected, expected], axis))


def test_no_more_rows_are_pulled_than_asked_for(session: Session):
    session.configure(8, WIDTH, row_streaming=True)
    session.push_rows(random_frame(session))
    finished = session.finished_rows
    assert finished == 8 * session.scale
    assert [len(session.pull_rows(count)) for count in (0, 5, 100)] == [0, 5, finished - 5]


def test_memory_and_latency_do_not_depend_on_the_height(session: Session):
    long = session.configure(4000, 220, row_streaming=True)
    latency = session.latency_rows
    assert session.configure(500, 220, row_streaming=True) > 0.9 * long
    assert 0 < latency == session.latency_rows < 500
    session.push_rows(random_frame(session)[: latency + 1])
    assert session.finished_rows >= 4
    session.cancel()
    with pytest.raises(CancelledError):
        session.pull_rows()


def test_wrong_use_is_one_line(session: Session):
    rows = np.zeros((4, WIDTH, 3), np.uint8)
    session.configure(8, WIDTH)
    assert session.latency_rows == session.finished_rows == 0
    with pytest.raises(InputError, match=r"configure\(\) with row_streaming must come before push_rows\(\)"):
        session.push_rows(rows)
    session.configure(8, WIDTH, row_streaming=True)
    with pytest.raises(InputError, match=r"push_rows\(\) must come before pull_rows\(\)"):
        session.pull_rows()
    assert session.push_rows(rows) == 4
    with pytest.raises(InputError, match=r"the picture has 4 more rows, got 5"):
        session.push_rows(np.zeros((5, WIDTH, 3), np.uint8))
    with pytest.raises(InputError, match=r"process\(\) must not come between the rows of a picture"):
        session.process(np.zeros((8, WIDTH, 3), np.uint8))
    for wrong in (rows[:, :5], rows[:0], rows[..., 0], rows.astype(np.uint16), None):
        with pytest.raises(InputError, match="rows must "):
            session.push_rows(wrong)
    session.configure(8, WIDTH, input="nv12", row_streaming=True)
    with pytest.raises(InputError, match="pairs of rows, got 3"):
        session.push_rows((rows[:3, :, 0].copy(), rows[:1, :, 0].copy()))


def test_cancel_while_rows_are_pushed(session: Session):
    session.configure(700, 500, row_streaming=True, strip_rows=1000)
    picture = random_frame(session)
    session.push_rows(picture[:699])
    timer = threading.Timer(0.01, session.cancel)

    def end_picture() -> None:
        session.push_rows(picture[699:])
        timer.join()
        session.pull_rows()  # should the push have been quicker

    timer.start()
    with pytest.raises(CancelledError):
        end_picture()
    timer.join()
    assert session.finished_rows == 0


def test_a_stream_begins_with_a_picture_and_must_not_end_within_one(session: Session):
    session.configure(HEIGHT, WIDTH, row_streaming=True)
    picture = random_frame(session)
    expected = session.process(picture)

    def lose_the_camera() -> Iterator[object]:
        yield picture[:60]
        raise TimeoutError

    with pytest.raises(TimeoutError):
        list(session.stream(lose_the_camera()))
    np.testing.assert_array_equal(np.concatenate(list(session.stream([picture]))), expected)
    with pytest.raises(InputError, match=f"the rows end within a picture: got 60 of {HEIGHT}"):
        list(session.stream([picture, picture[:60]]))
    np.testing.assert_array_equal(np.concatenate(list(session.stream([picture]))), expected)


def test_a_stream_ends_where_the_session_is_configured_anew(session: Session):
    picture = np.zeros((700, 100, 3), np.uint8)
    for width in (100, 300):
        session.configure(700, 100, row_streaming=True)
        results = session.stream(picture[row : row + 1] for row in range(700))
        next(results)
        session.configure(700, width, row_streaming=True)
        with pytest.raises(InputError, match=r"configure\(\) must not be called before a stream ends"):
            next(results)


def test_rows_may_come_in_all_kinds_of_arrays(session: Session):
    session.configure(8, WIDTH, row_streaming=True)
    picture = random_frame(session)
    expected = session.process(picture)
    memory = (ctypes.c_uint8 * 3 * WIDTH * 4).from_buffer_copy(picture[:4].tobytes())
    parts = list(session.stream([memory, memoryview(picture[4:6]), torch.from_numpy(picture[6:7]), [picture[7:]]]))
    np.testing.assert_array_equal(np.concatenate(parts), expected)


def test_a_picture_may_be_given_up(session: Session):
    session.configure(HEIGHT, WIDTH, row_streaming=True)
    picture = random_frame(session)
    expected = session.process(picture)
    session.push_rows(picture[20:60])
    session.restart_rows()
    np.testing.assert_array_equal(np.concatenate(list(session.stream([picture]))), expected)
    with pytest.raises(InputError, match=r"upscale\(\) must not come after configure\(\) with row_streaming"):
        session.upscale(picture)
    session.configure(HEIGHT, WIDTH)
    with pytest.raises(InputError, match=r"configure\(\) with row_streaming must come before"):
        session.restart_rows()


@pytest.mark.parametrize(("width", "rows"), [(93, 431), (92, 863), (57, 863)])
def test_latency_of_the_shipped_model_is_what_the_docs_say(width: int, rows: int):
    session = Session("srdgan-x4-fast", threads=1)
    session.configure(1200, width, row_streaming=True)
    assert session.latency_rows == rows
