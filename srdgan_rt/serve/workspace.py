"""What the page works on: the picture, its result, and the one piece of work that may run."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from srdgan_rt.compare.embed import Embedded, embed_picture, encode_picture
from srdgan_rt.compare.page import DEFAULT_SHOWN_PIXELS
from srdgan_rt.errors import SrdganError
from srdgan_rt.files.extension import Extension
from srdgan_rt.files.jobs import Job
from srdgan_rt.files.result_names import choose_ending, name_fallback
from srdgan_rt.files.upscale_file import collect_warnings, enlarge_and_mark, settle_target
from srdgan_rt.image import Picture, convert_depth, read_picture, write_picture
from srdgan_rt.runtime import AutoUpscaler, Upscaler, choose_upscaler, open_upscaler
from srdgan_rt.serve.progress import CancellableProgress
from srdgan_rt.serve.settings import Goal, Setting, Value, select
from srdgan_rt.serve.upload import make_safe_name

ResultT = TypeVar("ResultT")
Region = tuple[int, int, int, int]
_DEPTHS = {"8": "uint8", "16": "uint16"}


class BusyError(SrdganError):
    """Another piece of work is running."""


class GoneError(SrdganError):
    """The picture that a page asks for is not there any more."""


@dataclasses.dataclass(frozen=True, eq=False)
class Opened:
    """A picture that was uploaded.

    Attributes:
        key: names it in requests, so that a page of another tab cannot mistake it for its own.
        name: name of its file.
        ending: file ending of results in the picture's own format.
        notes: decisions about that ending.
        picture: the picture.
        view: what a browser shows.
    """

    key: str
    name: str
    ending: str
    notes: tuple[str, ...]
    picture: Picture
    view: Embedded


@dataclasses.dataclass(frozen=True, eq=False)
class Enlarged:
    """A result.

    Attributes:
        source: the picture that it was made of.
        region: the part of it.
        outscale: how much it is enlarged.
        picture: the result.
        before: the same part of the source, as a browser shows it.
        after: the result, as a browser shows it.
    """

    source: Opened
    region: Region
    outscale: float
    picture: Picture
    before: Embedded
    after: Embedded


class Workspace:
    """One picture, one result, and at most one piece of work, which runs on a thread of its own.

    It belongs to the thread of the server. Uploaded files are removed as soon as they are read.

    Args:
        settings: of :func:`srdgan_rt.serve.settings.list_settings`.
        max_pixels: largest picture.
        upscaler_options: further arguments of :class:`srdgan_rt.runtime.Upscaler`.
    """

    def __init__(self, settings: Sequence[Setting], max_pixels: int, upscaler_options: Mapping[str, Any]) -> None:
        self.opened: Opened | None = None
        self.result: Enlarged | None = None
        self._settings = settings
        self._max_pixels = max_pixels
        self._options = dict(upscaler_options)
        self._upscaler: tuple[dict[str, Value], Upscaler | AutoUpscaler] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="srdgan-rt-"))
        self._executor = ThreadPoolExecutor(1, "srdgan-rt-serve")
        self._is_busy = False
        self._progress: CancellableProgress | None = None

    def close(self) -> None:
        """Cancels the work, waits for its end, and removes all temporary files."""
        if self._progress is not None:
            self._progress.cancel()
        self._executor.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(
        self, work: Callable[[], ResultT], progress: CancellableProgress | None = None
    ) -> asyncio.Future[ResultT]:
        """Starts a piece of work; it counts as running until it has ended, whoever waits for it.

        Raises:
            BusyError: another is running.
        """
        self.check_idle()
        self._is_busy, self._progress = True, progress
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        future.add_done_callback(self._note_end)
        return future

    def check_idle(self) -> None:
        """Raises BusyError if a piece of work is running."""
        if self._is_busy:
            raise BusyError("another picture is being worked on: wait for it, or cancel it")

    def _note_end(self, future: asyncio.Future[ResultT]) -> None:
        self._is_busy, self._progress = False, None
        if not future.cancelled():
            future.exception()  # nobody may be left to ask for it

    @contextmanager
    def make_folder(self) -> Iterator[Path]:
        """A folder for temporary files, which is removed at the end."""
        with tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def find(self, key: Any) -> Opened:
        """The picture with a key.

        Raises:
            GoneError: it is not there any more.
        """
        if self.opened is None or key != self.opened.key:
            raise GoneError("this picture was replaced by another one: choose it again")
        return self.opened

    def find_result(self, key: Any) -> Enlarged:
        """The result of the picture with a key.

        Raises:
            GoneError: there is none.
        """
        if self.result is None or self.result.source is not self.find(key):
            raise GoneError("there is no result: enlarge the picture first")
        return self.result

    def open(self, path: Path, name: str) -> Opened:
        """Reads an uploaded file. It replaces the picture that was there, and its result.

        Args:
            path: the file.
            name: what the user calls it.

        Raises:
            ImageReadError: it cannot be read, or has too many pixels; the message has its name, not its path.
            OSError: it was removed meanwhile.
        """
        try:
            picture = read_picture(path, max_pixels=self._max_pixels)
        except SrdganError as error:
            raise type(error)(str(error).replace(str(path), name)) from error
        ending, notes = choose_ending(path, Extension.AUTO)
        view = embed_picture(path, picture, DEFAULT_SHOWN_PIXELS, keep_file=True)
        self.result = None
        self.opened = Opened(secrets.token_hex(8), name, ending, notes, picture, view)
        return self.opened

    def enlarge(
        self, source: Opened, region: Region | None, values: Mapping[str, Value], progress: CancellableProgress
    ) -> Enlarged:
        """Enlarges a picture or a region of it.

        Args:
            source: the picture.
            region: ``(x, y, width, height)`` in pixels of the picture; None for all of it.
            values: all settings but those of saving.
            progress: takes the progress.

        Raises:
            CancelledError: the work was cancelled.
            SrdganError: the work failed.
        """
        picture = source.picture
        depth = values["depth"]
        if depth in _DEPTHS:
            picture = dataclasses.replace(picture, pixels=convert_depth(picture.pixels, _DEPTHS[str(depth)]))
        opened = self._open_upscaler(select(self._settings, values, Goal.MODEL))
        upscaler, chosen = choose_upscaler(opened, picture.pixels)
        options = select(self._settings, values, Goal.RESULT)
        with collect_warnings() as warnings:
            result = enlarge_and_mark(
                picture, upscaler, progress=progress, region=region, source_name=source.name, **options
            )
        result = dataclasses.replace(result, notes=(*result.notes, *chosen, *warnings))
        height, width = picture.pixels.shape[:2]
        x, y, columns, rows = region or (0, 0, width, height)
        part = dataclasses.replace(picture, pixels=picture.pixels[y : y + rows, x : x + columns])
        views = [encode_picture(shown, DEFAULT_SHOWN_PIXELS) for shown in (part, result)]
        progress.show(1, 1)  # the views take time, too
        self.result = Enlarged(source, (x, y, columns, rows), float(options["outscale"]), result, *views)
        return self.result

    def _open_upscaler(self, options: dict[str, Value]) -> Upscaler | AutoUpscaler:
        if self._upscaler is None or self._upscaler[0] != options:
            self._upscaler = None  # its memory is free before the next one is loaded
            self._upscaler = (options, open_upscaler(**options, **self._options))  # type: ignore[arg-type]
        return self._upscaler[1]

    def save(self, result: Enlarged, values: Mapping[str, Value], folder: Path) -> tuple[Path, tuple[str, ...]]:
        """Writes a result, as ``srdgan-rt upscale`` would.

        Args:
            result: the result.
            values: the settings of saving.
            folder: folder of the file.

        Returns:
            The file, and what was lost or decided.

        Raises:
            ImageWriteError: the format cannot hold it.
        """
        extension, source = Extension(values["format"]), result.source
        is_auto = extension is Extension.AUTO
        ending = source.ending if is_auto else f".{extension.value}"
        stem = make_safe_name(Path(source.name).stem)
        target = folder / f"{stem}_x{result.outscale:g}{ending}"
        job = Job(target, target, name_fallback(target, extension), source.notes if is_auto else ())
        pixels = result.picture.pixels
        path, notes = settle_target(job, pixels.shape, pixels.dtype)
        lost = write_picture(path, result.picture, quality=int(values["quality"] or 0))
        return path, tuple(note.replace(f"{folder}/", "") for note in (*notes, *result.picture.notes, *lost))
