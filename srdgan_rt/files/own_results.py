"""Marks results of ``upscale`` in their XMP, so that later runs know them and the pictures that they were made of."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import srdgan_rt
from srdgan_rt.files.result_names import fold_name
from srdgan_rt.image import READABLE_EXTENSIONS

_NAMESPACE = b"urn:srdgan-rt:result#"
_EMPTY_PACKET = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
_OWN_DESCRIPTION = re.compile(rb"<rdf:Description [^>]*" + re.escape(_NAMESPACE) + rb"[^>]*/>")
_SOURCE = re.compile(rb"""srdgan:Source\s*=\s*("[^"]*"|'[^']*')""")
_ABOUT = re.compile(rb"""rdf:about\s*=\s*("[^"]*"|'[^']*')""")
_LARGEST_PACKET = 65_000  # bytes; what JPEG holds, with some room for the writer

# Metadata lie at the beginning of a file or, in WebP and TIFF, at its end.
_HEAD_BYTES, _TAIL_BYTES = 1 << 18, 1 << 16
_RESULT_NAME = re.compile(r"(?P<stem>.+)_x\d+(\.\d+)?")


@dataclass(frozen=True)
class Mark:
    """What a result says about itself.

    Args:
        source: name of the file that it was made of, without folders; None where it is not known.
    """

    source: str | None

    def names_other(self, source: Path) -> bool:
        """Whether it names another picture than this one."""
        return self.source is not None and fold_name(self.source) != fold_name(source.name)


def mark_result(packet: bytes | None, model: str, outscale: float, source: str | None = None) -> bytes | None:
    """Marks in an XMP packet that the picture is a result of this program.

    Args:
        packet: XMP packet of the input; None where it has none.
        model: name of the model that enlarged it.
        outscale: enlargement of the result.
        source: name of the input's file, without folders. It is left out where XML cannot hold it.

    Returns:
        The packet with the mark; unchanged where it is damaged, in UTF-16, or would become too long.
    """
    plain = _OWN_DESCRIPTION.sub(b"", packet or _EMPTY_PACKET)
    end = plain.rfind(b"</rdf:RDF>")
    about = _ABOUT.search(plain)  # all descriptions of a packet must be about the same thing
    attributes = {
        "xmlns:srdgan": _NAMESPACE.decode(),
        "srdgan:Software": f"srdgan-rt {srdgan_rt.__version__}",
        "srdgan:Model": model,
        "srdgan:Outscale": f"{outscale:g}",
    }
    if source is not None and source.isprintable():
        attributes["srdgan:Source"] = source
    texts = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
    description = b"<rdf:Description rdf:about=%s %s/>" % (
        about[1] if about else b'""',
        texts.encode("utf-8", "backslashreplace"),
    )
    if end < 0 or len(plain) + len(description) > _LARGEST_PACKET:
        return packet
    return plain[:end] + description + plain[end:]


class ResultFinder:
    """Tells results of earlier runs from photographs."""

    def __init__(self) -> None:
        self._stems: dict[Path, set[str]] = {}

    def is_result(self, path: Path) -> bool:
        """Whether a file is marked as a result, or has the name of one and lies beside its original.

        Args:
            path: a picture.

        Raises:
            OSError: it cannot be read.
        """
        stem = original_stem(path)
        return (stem is not None and stem in self._list_stems(path.parent)) or find_mark(path) is not None

    def _list_stems(self, folder: Path) -> set[str]:
        if folder not in self._stems:
            self._stems[folder] = {
                path.stem for path in folder.iterdir() if path.name.lower().endswith(READABLE_EXTENSIONS)
            }
        return self._stems[folder]


def original_stem(path: Path) -> str | None:
    """Name, without ending, of the picture that a file is the result of by its own name; None for other names."""
    name = _RESULT_NAME.fullmatch(path.stem)
    return None if name is None else name["stem"]


def find_mark(path: Path) -> Mark | None:
    """The mark of a result; None where a file has none.

    Args:
        path: any file.

    Raises:
        OSError: it cannot be read.
    """
    if not path.is_file():  # reading a pipe could block forever
        return None
    with path.open("rb") as file:
        data = file.read(_HEAD_BYTES)
        if _NAMESPACE not in data:
            file.seek(max(_HEAD_BYTES, path.stat().st_size - _TAIL_BYTES))
            data = file.read()
    if _NAMESPACE not in data:
        return None
    description = _OWN_DESCRIPTION.search(data)
    source = _SOURCE.search(description[0]) if description else None
    return Mark(html.unescape(source[1][1:-1].decode("utf-8", "replace")) if source else None)
