"""Sources from packs, for a machine to which files must travel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from srdgan_rt.errors import InputError
from training.data import Bytes
from training.pack import decode
from training.samples.sources import Sources


class PackSources(Sources):
    """Sources from what :func:`training.pack.read_packs` gives.

    Args:
        entries: of the packs.
        others: as of :class:`Sources`.
    """

    def __init__(self, entries: Mapping[str, bytes], *others: object, **named: object) -> None:
        super().__init__(*others, **named)  # type: ignore[arg-type]
        self._entries = entries

    def _read_photographs(self, smallest_side: int) -> Sequence[Bytes]:
        return self._decode("photographs/")

    def _read_frames(self, smallest_side: int) -> Sequence[tuple[Bytes, Bytes]]:
        clean, noisy = (self._decode("frames/", f"_{kind}.png") for kind in ("clean", "noisy"))
        return list(zip(clean, noisy, strict=True))

    def _decode(self, prefix: str, suffix: str = "") -> Sequence[Bytes]:
        if not any(name.startswith(prefix) for name in self._entries):
            raise InputError(f"the packs hold no {prefix[:-1]}")
        return list(decode(self._entries, prefix, suffix))
