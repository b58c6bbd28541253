"""Turns the nested phases of a build into one number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class _Phase:
    parent: str | None
    num_steps: int
    done: int = 0


class PhaseTree:
    """Phases that run inside each other, as TensorRT reports them."""

    def __init__(self) -> None:
        self._phases: dict[str, _Phase] = {}
        self._root: str | None = None
        self._fraction = 0.0

    @property
    def fraction(self) -> float:
        """Share of the build that is done, 0 to 1; it never falls."""
        if self._root is not None:
            self._fraction = max(self._fraction, min(1.0, self._measure(self._root)))
        return self._fraction

    def start(self, name: str, parent: str | None, num_steps: int) -> None:
        """A phase begins, inside ``parent`` unless it is the whole build."""
        self._phases[name] = _Phase(parent, max(1, num_steps))
        if parent is None and self._root is None:
            self._root = name

    def step(self, name: str, step: int) -> None:
        """The step of this number (from 0) of a phase is done."""
        self._phases[name].done = step + 1

    def finish(self, name: str) -> None:
        """A phase is over; where all its steps were done or not."""
        phase = self._phases[name]
        phase.done = phase.num_steps
        if name != self._root:
            del self._phases[name]

    def _measure(self, name: str) -> float:
        phase = self._phases[name]
        inner = max((self._measure(child) for child, other in self._phases.items() if other.parent == name), default=0)
        return min(phase.num_steps, phase.done + inner) / phase.num_steps
