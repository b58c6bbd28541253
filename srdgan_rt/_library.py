"""Finds the shared libraries that the build puts beside the package, without loading them and without torch.

After a plain ``pip install .``, a program that is started in the source folder imports the package from there, but the
libraries lie in the installed package. They are used if they were built from exactly the sources of that folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from srdgan_rt._sources import digest_sources

PACKAGE = Path(__file__).resolve().parent
_REBUILD = "pip install -e . builds it here"


def find_library(library: Path) -> tuple[Path, str | None]:
    """Finds a library.

    Args:
        library: where it lies if it was built here.

    Returns:
        The library to load; and where there is none, the reason.
    """
    if library.exists():
        return library, None
    sources = digest_sources(PACKAGE.parent)
    if sources is None:
        return library, "the compiled extension was not built; reinstall without SRDGAN_RT_NO_EXT=1"
    folder = f"the source folder {PACKAGE.parent} holds no compiled extension"
    installed = _find_installed(library.name)
    if installed is None:
        return library, f"{folder}, and no installed package has one: {_REBUILD}"
    if (read_record(installed) or {}).get("sources") != sources:
        return library, f"{folder}, and {installed} was built from other sources: {_REBUILD}"
    return installed, None


def _find_installed(name: str) -> Path | None:
    """The library of another copy of the package on the import path."""
    candidates = (Path(entry).resolve() / "srdgan_rt" / name for entry in sys.path)
    return next((path for path in candidates if path.parent != PACKAGE and path.exists()), None)


def read_record(library: Path) -> dict[str, Any] | None:
    """The build record beside a library; None where there is no library, or no record."""
    path = library.with_name("_C.build.json")
    if not library.exists() or not path.exists():
        return None
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record
