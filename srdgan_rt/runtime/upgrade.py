"""Serves with an engine that is ready, and with TensorRT as soon as that is built and has proved itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from srdgan_rt.errors import BackendUnavailableError, CheckpointError
from srdgan_rt.runtime.backend import Backend
from srdgan_rt.runtime.guard import GuardedBackend
from srdgan_rt.runtime.memory import SMALLEST_TILE, is_out_of_memory
from srdgan_rt.runtime.tile_runner import RESAMPLING_MARGIN

logger = logging.getLogger("srdgan_rt")


class Candidate(Protocol):
    """An engine that has to be built, and has to prove itself, before it may serve: TensorRT, or a double in tests."""

    def find(self) -> bool:
        """Whether it is built already."""

    def build(self, *, background: bool) -> None:
        """Builds it, without the GPU."""

    def challenge(self, rival: Backend) -> Backend | None:
        """Loads it if it is right and no slower than the engine that serves without it.

        Returns:
            The engine; None if it is known from an earlier trial that it is wrong or slower.

        Raises:
            Exception: it was found now that it cannot be used; the message says why.
        """


class EngineUpgrade:
    """Chooses the engine for each picture. Threads may share it.

    Before the first picture the candidate is looked up; unless it is there, its build is started in the background.
    Before the first picture after that, it is tried, and serves from then on. Nothing that it does makes a picture
    fail: after its first error, which is logged in one line, the first engine serves for good.

    Args:
        first: serves until then.
        make_fallback: builds the network in fp32, for the candidate's guard, see :class:`GuardedBackend`.
        propose: makes the candidate; called before the first picture. None where there is none.
        halo: LR pixels that are read around a tile; the candidate must take tiles that hold them.

    Attributes:
        current: what serves now.
    """

    def __init__(
        self,
        first: GuardedBackend,
        make_fallback: Callable[[], Backend],
        propose: Callable[[], Candidate] | None,
        *,
        halo: int,
    ) -> None:
        self.current = first
        self._first = first
        self._served = [first]
        self._make_fallback = make_fallback
        self._propose = propose
        self._halo = halo
        self._build: _Build | None = None
        self._lock = threading.Lock()

    @property
    def fp32_fallbacks(self) -> int:
        """Number of tiles recomputed in fp32, by either engine."""
        return sum(backend.fp32_fallbacks for backend in self._served)

    def choose(self) -> GuardedBackend:
        """The engine for the next picture. While one thread tries the candidate, others are served by the first."""
        if self._propose is not None and self._lock.acquire(blocking=False):
            try:
                self._advance()
            except Exception as error:  # of any type: no picture depends on it
                self._give_up(error)
            finally:
                self._lock.release()
        return self.current

    def _advance(self) -> None:
        if self._propose is None:  # since another thread had the lock
            return
        if self._build is None:
            candidate = self._propose()
            if not candidate.find():
                logger.warning("a TensorRT engine is built in the background, %s serves until then", self._first.name)
                self._build = _Build(candidate)
                self._build.start()
                return
        elif self._build.is_alive():
            return
        else:
            build, self._build = self._build, None  # it holds the whole network as a graph
            candidate = build.take_result()
        self._propose = None
        backend = candidate.challenge(self._first)
        if backend is not None:
            _check_room(backend, self._halo)
            self.current = _UpgradedBackend(backend, self._make_fallback, self._first, self._give_up)
            self._served.append(self.current)

    def _give_up(self, error: Exception) -> None:
        self._propose = None
        self.current = self._first
        reason = str(error).partition("\n")[0] or type(error).__name__
        logger.warning("TensorRT is not used, %s serves: %s", self._first.name, reason)


def _check_room(backend: Backend, halo: int) -> None:
    """Refuses an engine whose largest tile cannot hold the smallest core and what is read around it.

    Raises:
        BackendUnavailableError: it cannot.
    """
    side = backend.largest_side
    if side is not None and side < SMALLEST_TILE + RESAMPLING_MARGIN + 2 * halo:
        raise BackendUnavailableError(f"its tiles of up to {side} pixels are too small for a halo of {halo}")


class _Build(threading.Thread):
    """Builds a candidate. A daemon: a program that ends does not wait for it."""

    def __init__(self, candidate: Candidate) -> None:
        super().__init__(name="srdgan-engine-build", daemon=True)
        self._candidate = candidate
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._candidate.build(background=True)
        except Exception as error:  # it is raised in the thread that asks for the result
            self._error = error

    def take_result(self) -> Candidate:
        """The candidate, once the thread has ended.

        Raises:
            Exception: what ended the build.
        """
        if self._error is not None:
            raise self._error
        return self._candidate


class _UpgradedBackend(GuardedBackend):
    """The candidate while it serves; the first engine takes over the tile at which it fails, and all after it."""

    def __init__(
        self,
        backend: Backend,
        make_fallback: Callable[[], Backend],
        first: GuardedBackend,
        give_up: Callable[[Exception], None],
    ) -> None:
        super().__init__(backend, make_fallback)
        self._first = first
        self._give_up = give_up
        self._failed = False

    def run(self, x: Tensor) -> Tensor:  # (N, 3, H, W) -> (N, 3, scale * H, scale * W)
        if not self._failed:
            try:
                return super().run(x)
            except CheckpointError:
                # The guard blames the weights. The engine may be at fault, so the first engine computes the tile, too.
                self._fail(BackendUnavailableError("its result for a tile is not finite"))
            except Exception as error:  # of any type: no picture depends on it
                if is_out_of_memory(error):  # it is tried with smaller tiles, as with every engine
                    raise
                self._fail(error)
        return self._first.run(x)

    def _fail(self, error: Exception) -> None:
        self._failed = True
        self._give_up(error)
