"""The models that come with the package, ``srdgan_rt/weights/*.safetensors``, and what names them.

This module does not import PyTorch: ``srdgan_rt.session`` uses it.
"""

from __future__ import annotations

import difflib
import os
import stat
from pathlib import Path

from srdgan_rt.errors import InputError, UnknownModelError

WEIGHTS_FOLDER = Path(__file__).resolve().parent.parent / "weights"

SHARP = ".sharp"
"""Ending of the name of a model's sharp weights, see :mod:`srdgan_rt.checkpoint.pair`."""

WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".npz")
"""Endings of the weight files that can be read (:mod:`srdgan_rt.checkpoint.read`)."""

DEFAULT_DEGRADATION = "srdgan-h2l"
"""The high-to-low net that is used by default."""

# Best first on a CPU: the paper's own net takes far longer than the fast one.
_PREFERENCE = (
    "srdgan-x4-fast",
    "srdgan-x4-photo",
    "srdgan-x4-clean",
    "srdgan-x4-6b",
    "srdgan-x4",
    DEFAULT_DEGRADATION,
)


def available_models() -> list[str]:
    """Names of the shipped models that enlarge and whose file is there, best first for a CPU."""
    return [name for name in _list_names() if not _is_degradation(name)]


def available_degradations() -> list[str]:
    """Names of the shipped high-to-low nets whose file is there, the default first."""
    return [name for name in _list_names() if _is_degradation(name)]


def _list_names() -> list[str]:
    # A name with a second dot belongs to a model: its sharp weights, or ranges for int8.
    present = sorted(path.stem for path in WEIGHTS_FOLDER.glob("*.safetensors") if "." not in path.stem)
    preferred = [name for name in _PREFERENCE if name in present]
    return preferred + [name for name in present if name not in preferred]


def _is_degradation(name: str) -> bool:
    """The name of a shipped file says which kind it is, so that files need not be opened to list them."""
    return "-h2l" in name


DEFAULT_MODEL: str = next(iter(available_models()), _PREFERENCE[0])
"""The default model; where no model is installed, the name of the one that is missing."""


def find_model(name: str, offered: list[str]) -> Path:
    """File of a shipped model.

    Args:
        name: name of the model; with :data:`SHARP` at its end, that of its sharp weights.
        offered: result of :func:`available_models` or :func:`available_degradations`.

    Returns:
        Path of its weights.

    Raises:
        UnknownModelError: there is no such model; the message lists the models that exist.
    """
    path = WEIGHTS_FOLDER / f"{name}.safetensors"
    if name in offered or (name.endswith(SHARP) and name.removesuffix(SHARP) in offered and path.is_file()):
        return path
    if name in _list_names():
        purpose, command = ("degrades", "degrade") if _is_degradation(name) else ("enlarges", "upscale")
        raise UnknownModelError(f"model {name!r} {purpose} pictures: it is for {command}")
    if not offered:
        raise UnknownModelError(
            f"no model {name!r}: this installation has no weights for it; give the path of a weight file"
        )
    if "+" in name:
        raise UnknownModelError(f"no model {name!r}: a mix is NAME:SHARE+NAME:SHARE, such as a:0.7+b:0.3")
    close = difflib.get_close_matches(name, offered, n=1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    raise UnknownModelError(f"no model {name!r}: there are {', '.join(offered)}{guess}")


def is_weight_path(name: str) -> bool:
    """Whether a string names a file rather than a shipped model: it has a folder or the ending of a weight file."""
    return Path(name).name != name or Path(name).suffix.lower() in WEIGHT_SUFFIXES


def find_file(name_or_path: str | os.PathLike[str], offered: list[str]) -> Path:
    """File of a shipped model, or the file that a path names; that one need not exist.

    Args:
        name_or_path: name of a shipped model, or a path.
        offered: as for :func:`find_model`.

    Raises:
        UnknownModelError: there is no shipped model of this name, or no home of the user that a path begins with.
    """
    if isinstance(name_or_path, str) and not is_weight_path(name_or_path):
        return find_model(name_or_path, offered)
    return expand_home(name_or_path)


def check_is_file(path: Path) -> None:
    """Raises UnknownModelError, which says why, unless a path is that of a regular file."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: the path has a null character
        raise UnknownModelError(f"{path}: no such file") from None
    except OSError as error:
        raise UnknownModelError(f"{path}: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise UnknownModelError(f"{path}: is not a regular file")


def expand_home(path: str | os.PathLike[str]) -> Path:
    """A path with a home folder in place of ``~``.

    Raises:
        InputError: it is no path.
        UnknownModelError: the user that it names has none.
    """
    try:
        return Path(path).expanduser()
    except TypeError:
        raise InputError(f"model must be a name or a path, got {path!r}") from None
    except RuntimeError:
        raise UnknownModelError(f"{os.fspath(path)}: there is no such home folder") from None
