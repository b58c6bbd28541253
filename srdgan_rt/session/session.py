"""``Session``: a network with its threads and its memory, for pictures and frames of one form."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from ctypes import byref, c_int64
from functools import wraps
from typing import Any, Concatenate, NamedTuple, NoReturn, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from srdgan_rt.checkpoint.shipped import DEFAULT_MODEL, available_models, check_is_file, find_file
from srdgan_rt.checks import check_whole, default_cpu_precision, is_number
from srdgan_rt.errors import NO_FAST_BF16, NO_FAST_INT8, BackendUnavailableError, InputError
from srdgan_rt.pixels import check_pixels
from srdgan_rt.session import _c_api
from srdgan_rt.session._formats import FORMATS as _FORMATS
from srdgan_rt.session._formats import PixelFormat, has_distinct_rows, rows_to_planes, to_image, to_planes
from srdgan_rt.tiling import Box, check_roi

FORMATS = tuple(_FORMATS)
"""Pixel formats; docs/session.md describes them."""

MATRICES = ("bt601", "bt709", "bt2020")
"""Colour matrices of YUV formats."""

RANGES = ("limited", "full")
"""Value ranges of YUV formats."""

SITINGS = ("centre", "left")
"""Where a sample of chroma of YUV formats lies among its 2x2 pixels."""

PRECISIONS = ("fp32", "int8", "bf16", "auto")
"""Precisions of a session; ``auto`` chooses one."""

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def _exclusive(
    method: Callable[Concatenate[Session, _Arguments], _Result],
) -> Callable[Concatenate[Session, _Arguments], _Result]:
    """Refuses a call while another thread is in one: the memory that a call checks must fit what it then computes."""

    @wraps(method)
    def call(session: Session, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        if not session._lock.acquire(blocking=False):
            raise InputError("another thread is in a call of this session")
        try:
            return method(session, *args, **kwargs)
        finally:
            session._lock.release()

    return call


class _Form(NamedTuple):
    """What is configured, as far as results of RGB depend on it."""

    height: int
    width: int
    input: str
    output: str
    region: Box
    row_streaming: bool


class Session:
    """Enlarges pictures and frames on the CPU, without PyTorch.

    The results are those of :class:`~srdgan_rt.runtime.Upscaler` with the engine ``native``, bit for bit, for RGB and
    BGR. A session serves one thread at a time: a call from another one raises InputError meanwhile, except
    :meth:`cancel` and the properties. Several sessions run at once without waiting for each other. All calls release
    the GIL. After a fork, a process needs a session of its own.

    Args:
        model: name of a shipped model, or path of a ``.safetensors`` file as ``save_model`` writes it.
        threads: threads that compute; None is one for each processor.
        halo: pixels read around a region; None is the model's own, measured value.
        border_padding: pixels by which the picture is continued, mirrored; None is the model's own value.
        precision: one of :data:`PRECISIONS`. ``int8`` needs a processor with VNNI or ARM's dotprod, and a file of
            activation ranges beside the model's: ``model.int8.safetensors`` beside ``model.safetensors``. ``bf16``
            needs an Intel processor with AMX. ``auto`` is ``bf16`` on such processors and ``fp32`` on all others; the
            8-bit results of the two differ by at most 1.

    Raises:
        CheckpointError: the model cannot be loaded, or has no ranges for int8.
        BackendUnavailableError: this processor has no instructions for int8 or bf16, or there is not enough memory.
        ExtensionError: the package was built without its compiled parts.
        InputError: an argument is out of range.

    Attributes:
        scale: enlargement of the network: 1, 2 or 4.
        precision: precision in use, never ``auto``.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        threads: int | None = None,
        halo: int | None = None,
        border_padding: int | None = None,
        precision: str = "auto",
    ) -> None:
        if precision == "auto":
            precision = default_cpu_precision(fast_bf16=_c_api.has_fast_bf16())
        precision_index = _find_index("precision", precision, PRECISIONS)
        if precision == "int8" and not _c_api.has_fast_int8():
            raise BackendUnavailableError(NO_FAST_INT8)
        if precision == "bf16" and not _c_api.has_fast_bf16():
            raise BackendUnavailableError(NO_FAST_BF16)
        path = find_file(model, available_models())
        check_is_file(path)
        self._library = _c_api.load()
        self._handle = self._library.srdgan_session_create()
        if not self._handle:
            raise BackendUnavailableError("not enough memory for a session")
        finalizer = weakref.finalize(self, self._library.srdgan_session_destroy, self._handle)
        finalizer.atexit = False  # a daemon thread may still be computing; the system frees the memory
        options = _c_api.Options(
            0 if threads is None else check_whole("threads", threads, 1),
            -1 if halo is None else check_whole("halo", halo, 0),
            -1 if border_padding is None else check_whole("border_padding", border_padding, 0),
            precision=precision_index,
        )
        self._call("open", os.fsencode(path), byref(options))
        self.scale = int(self._library.srdgan_session_scale(self._handle))
        self.precision = precision
        self._lock = threading.RLock()  # upscale() calls configure() and process()
        self._form: _Form | None = None
        self._input_size = self._output_size = (0, 0)
        self._input = self._output = _FORMATS["rgb8"]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Session cannot be copied or pickled, as it holds threads: open another one")

    @_exclusive
    def configure(
        self,
        height: int,
        width: int,
        *,
        input: str = "rgb8",  # noqa: A002
        output: str | None = None,
        roi: tuple[int, int, int, int] | None = None,
        matrix: str = "bt709",
        value_range: str = "limited",
        siting: str = "centre",
        output_matrix: str | None = None,
        output_range: str | None = None,
        output_siting: str | None = None,
        strip_rows: int | None = None,
        row_streaming: bool = False,
        max_latency_ms: float | None = None,
    ) -> int:
        """Takes all the memory that :meth:`process` needs for pictures of one form.

        Args:
            height: rows of the input.
            width: columns of the input.
            input: one of :data:`FORMATS`.
            output: likewise; None is that of the input.
            roi: ``(x, y, width, height)`` in pixels of the input: enlarge only this region.
            matrix: one of :data:`MATRICES`, for YUV formats.
            value_range: one of :data:`RANGES`, for YUV formats.
            siting: one of :data:`SITINGS`, for YUV formats: the middle, as in JPEG files, or between the two left
                pixels, as in most MPEG-2, H.264 and H.265 videos.
            output_matrix: likewise of the output; None is that of the input.
            output_range: likewise.
            output_siting: likewise.
            strip_rows: rows that are computed at a time, rounded up to what is possible; None chooses 128 rows or the
                whole picture, whichever takes less memory. The result does not depend on it.
            row_streaming: takes memory for :meth:`push_rows` and :meth:`pull_rows`, too. With None for ``strip_rows``,
                strips are then as low as possible.
            max_latency_ms: milliseconds that :meth:`process` may take for a picture. This method then measures how long
                it will take, which takes a fraction of a second. Other programs that compute meanwhile count, too.

        Returns:
            :attr:`memory_bytes`.

        Raises:
            InputError: an argument is out of range.
            BackendUnavailableError: there is not enough memory.
            LatencyError: a picture would take longer than ``max_latency_ms``.
        """
        self._form = None
        height, width = check_whole("height", height, 1), check_whole("width", width, 1)
        region = check_roi(roi, height, width)
        form = _Form(height, width, input, input if output is None else output, region, bool(row_streaming))
        self._input, self._output = _find_format("input", form.input), _find_format("output", form.output)
        config = _c_api.Config(
            input=self._input.code,
            output=self._output.code,
            width=width,
            height=height,
            input_colour=_c_api.YuvColour(
                _find_index("matrix", matrix, MATRICES),
                _find_index("value_range", value_range, RANGES),
                _find_index("siting", siting, SITINGS),
            ),
            output_colour=_c_api.YuvColour(
                _find_index("output_matrix", matrix if output_matrix is None else output_matrix, MATRICES),
                _find_index("output_range", value_range if output_range is None else output_range, RANGES),
                _find_index("output_siting", siting if output_siting is None else output_siting, SITINGS),
            ),
            strip_rows=0 if strip_rows is None else check_whole("strip_rows", strip_rows, 1),
            row_streaming=bool(row_streaming),
            max_latency_ms=0.0 if max_latency_ms is None else _check_limit("max_latency_ms", max_latency_ms),
        )
        config.region[:] = region
        self._call("configure", byref(config))
        self._input_size = (height, width)
        self._output_size = (
            int(self._library.srdgan_session_output_height(self._handle)),
            int(self._library.srdgan_session_output_width(self._handle)),
        )
        self._form = form
        return self.memory_bytes

    @_exclusive
    def process(self, picture: object, out: Any = None) -> Any:
        """Enlarges a picture. Arrays are read and written in place, without copies.

        Args:
            picture: array of numpy, or an object with DLPack or a buffer, of the configured form; a list or tuple of
                planes where the format has several. Rows may have gaps between them. Float samples lie in [0, 1].
            out: memory for the result, likewise, and writable; None makes a new array. It must not overlap the input.

        Returns:
            ``out``, or the new array: (H, W, 3 or 4) interleaved, (3, H, W) planar, (H * 3 / 2, W) YUV.

        Raises:
            InputError: :meth:`configure` was not called, an array has another form, ``out`` overlaps the picture, or
                another thread is in a call.
            CancelledError: :meth:`cancel` was called.
            CheckpointError: the network's result is not finite: the weights or float samples are damaged.
        """
        self._check_configured("process")
        source = to_planes(picture, self._input, *self._input_size, "picture")
        if out is None:
            out = self.make_output()
        target = to_planes(out, self._output, *self._output_size, "out")
        if not all(plane.flags.writeable for plane in target):
            raise InputError("out must be writable")
        if any(np.shares_memory(read, written) for read in source for written in target):
            raise InputError("out must not overlap the picture")
        self._call("process", byref(to_image(source)), byref(to_image(target)))
        return out

    def make_input(self) -> NDArray[Any]:
        """A new array of the form that :meth:`process` reads; its contents are undefined.

        Raises:
            InputError: :meth:`configure` was not called.
        """
        self._check_configured("make_input")
        return np.empty(self._input.shape(*self._input_size), self._input.dtype)

    def make_output(self) -> NDArray[Any]:
        """A new array of the form that :meth:`process` writes; its contents are undefined.

        Raises:
            InputError: :meth:`configure` was not called.
        """
        self._check_configured("make_output")
        return np.empty(self._output.shape(*self._output_size), self._output.dtype)

    @_exclusive
    def upscale(self, image: NDArray[Any], *, roi: tuple[int, int, int, int] | None = None) -> NDArray[Any]:
        """Enlarges a picture of any size; configures the session for it where it is not yet.

        Args:
            image: ``(H, W, 3)`` RGB; uint8, uint16, or float32 in [0, 1].
            roi: as in :meth:`configure`.

        Returns:
            ``(scale * H, scale * W, 3)``, the same type; of the region where there is one.

        Raises:
            InputError: an argument is of the wrong type, shape or range, or the session is configured for rows.
            BackendUnavailableError: there is not enough memory.
            CancelledError, CheckpointError: as in :meth:`process`.
        """
        image = check_pixels(image)
        if image.ndim != 3 or image.shape[2] != 3:
            raise InputError(f"image must be (H, W, 3), got {image.shape}")
        name = {"uint8": "rgb8", "uint16": "rgb16", "float32": "rgb_float"}[image.dtype.name]
        height, width = image.shape[:2]
        if self._form is not None and self._form.row_streaming:
            raise InputError("upscale() must not come after configure() with row_streaming: use process()")
        if self._form != _Form(height, width, name, name, check_roi(roi, height, width), False):
            self.configure(height, width, input=name, roi=roi)
        is_usable = image.strides[1:] == (3 * image.itemsize, image.itemsize) and has_distinct_rows(image)
        result: NDArray[Any] = self.process(image if is_usable else np.ascontiguousarray(image))
        return result

    @_exclusive
    def push_rows(self, rows: object) -> int:
        """Takes the next rows of a picture whose rows arrive one after another, and computes what they complete.

        The results are those of :meth:`process`, bit for bit. All rows of the picture must be pushed, also those
        outside the region; then the next picture can begin. :meth:`stream` does all this.

        Args:
            rows: any number of rows, with the layout of a picture; an even number where chroma has 2x2 pixels.

        Returns:
            Rows that were taken. It is less than there are where results wait for :meth:`pull_rows`: push the rest
            again afterwards.

        Raises:
            InputError: :meth:`configure` with ``row_streaming`` was not called, the rows have another form, or there
                are more of them than the picture has left.
            CancelledError: :meth:`cancel` was called. The picture then begins anew.
            CheckpointError: the network's result is not finite.
        """
        planes = self._rows_to_planes(rows)
        taken = c_int64()
        self._call("push_rows", byref(to_image(planes)), len(planes[0]), byref(taken))
        return taken.value

    @_exclusive
    def pull_rows(self, count: int | None = None) -> NDArray[Any]:
        """The next rows of the result that are finished.

        Args:
            count: at most so many; None is :attr:`finished_rows`.

        Returns:
            A new array of the output's layout, perhaps with no rows.

        Raises:
            InputError: no rows were pushed, or ``count`` is odd where chroma has 2x2 pixels.
            CancelledError: :meth:`cancel` was called. The picture then begins anew.
            CheckpointError: the network's result is not finite.
        """
        self._check_configured("pull_rows")
        ready = self.finished_rows
        num_rows = ready if count is None else min(check_whole("count", count, 0), ready)
        rows = np.empty(self._output.shape(num_rows, self._output_size[1]), self._output.dtype)
        planes = to_planes(rows, self._output, num_rows, self._output_size[1], "rows")
        self._call("pull_rows", byref(to_image(planes)), num_rows, byref(c_int64()))
        return rows

    @_exclusive
    def restart_rows(self) -> None:
        """Gives up the picture whose rows are being pushed, such as one whose other rows were lost.

        The next rows that are pushed are the first ones of a picture. Results that were not pulled are gone.

        Raises:
            InputError: :meth:`configure` with ``row_streaming`` was not called, or another thread is in a call.
        """
        self._call("restart_rows")

    def stream(self, chunks: Iterable[object]) -> Iterator[NDArray[Any]]:
        """Enlarges pictures whose rows arrive one after another: pushes rows and yields finished ones.

        It begins with the first row of a picture: a picture that an earlier call left unfinished is given up.

        Args:
            chunks: rows as :meth:`push_rows` takes them, of one picture or several.

        Yields:
            Results as :meth:`pull_rows` returns them, as soon as they are finished.

        Raises:
            InputError: as in :meth:`push_rows`; the rows end within a picture, or the session was configured anew
                meanwhile.
            CancelledError, CheckpointError: as in :meth:`push_rows`.
        """
        self.restart_rows()
        form, height, num_pushed = self._form, self._input_size[0], 0

        def check_form() -> None:
            if self._form is not form:
                raise InputError("configure() must not be called before a stream ends")

        for chunk in chunks:
            check_form()
            planes = self._rows_to_planes(chunk)
            num_pushed += len(planes[0])
            while len(planes[0]):
                planes = self._input.rows_from(planes, self.push_rows(planes))
                while self.finished_rows:
                    yield self.pull_rows()
                    check_form()
        if num_pushed % height:
            raise InputError(f"the rows end within a picture: got {num_pushed % height} of {height}")

    @property
    def finished_rows(self) -> int:
        """Rows of the result that :meth:`pull_rows` can give now."""
        return int(self._library.srdgan_session_finished_rows(self._handle))

    @property
    def latency_rows(self) -> int:
        """So many rows below a pixel must have been pushed before its result can be pulled, at most.

        It depends on the network, the width and the strips. It is 0 without row streaming.
        """
        return int(self._library.srdgan_session_latency_rows(self._handle))

    @property
    def estimated_latency_ms(self) -> float:
        """What the last :meth:`configure` with ``max_latency_ms`` measured; 0 without it."""
        return float(self._library.srdgan_session_estimated_latency_ms(self._handle))

    def cancel(self) -> None:
        """Makes the call that runs, or the next one if none runs, raise CancelledError.

        That is a call of :meth:`process`, :meth:`push_rows` or :meth:`pull_rows`. :meth:`configure`, and so
        :meth:`upscale` with another size, forgets a request that no call has met.
        """
        self._library.srdgan_session_cancel(self._handle)

    @property
    def memory_bytes(self) -> int:
        """Bytes that the session holds: packed weights, and after :meth:`configure` the memory of :meth:`process`."""
        return int(self._library.srdgan_session_memory_bytes(self._handle))

    def _rows_to_planes(self, rows: object) -> list[NDArray[Any]]:
        self._check_configured("push_rows")
        return rows_to_planes(rows, self._input, self._input_size[1])

    def _check_configured(self, method: str) -> None:
        if self._form is None:
            raise InputError(f"configure() must come before {method}()")

    def _call(self, name: str, *arguments: Any) -> None:
        status = _c_api.Status()
        getattr(self._library, f"srdgan_session_{name}")(self._handle, *arguments, byref(status))
        _c_api.check(status)


def _find_format(name: str, value: str) -> PixelFormat:
    if value not in FORMATS:  # a tuple takes values without a hash, too
        raise InputError(f"{name} must be one of {', '.join(FORMATS)}, got {value!r}")
    return _FORMATS[value]


def _find_index(name: str, value: str, allowed: tuple[str, ...]) -> int:
    if value not in allowed:
        raise InputError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
    return allowed.index(value)


def _check_limit(name: str, value: float) -> float:
    if not is_number(value) or not 0 < value <= sys.float_info.max:
        raise InputError(f"{name} must be a number above 0, got {value!r}")
    return float(value)
