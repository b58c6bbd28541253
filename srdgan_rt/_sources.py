"""Digest of the extension's sources, which shows whether a library was built from them.

It imports only the standard library, because ``setup.py`` runs this file before the package can be imported.
"""

from __future__ import annotations

from pathlib import Path


def digest_sources(root: Path) -> str | None:
    """Hashes names and contents of all that the extension is compiled from.

    Args:
        root: root of the repository, or of an unpacked source archive.

    Returns:
        SHA-256 in hexadecimal; None where there are no sources, as beside an installed package.
    """
    sources = [path for path in (root / "csrc").rglob("*") if path.suffix in (".h", ".cpp", ".cu", ".cuh")]
    if not sources:
        return None
    import hashlib  # takes as long as the session's other modules together, and is seldom needed

    digest = hashlib.sha256()
    for path in [*sorted([*sources, *(root / "include").rglob("*.h")]), root / "cmake" / "sources.cmake"]:
        content = path.read_bytes() if path.exists() else b""
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
