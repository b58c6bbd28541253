"""Marks results of ``upscale`` in their XMP, so that later runs recognise and skip them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.sax.saxutils import quoteattr

import srdgan_rt
from srdgan_rt.image import READABLE_EXTENSIONS

_NAMESPACE = b"urn:srdgan-rt:result#"
_EMPTY_PACKET = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
_OWN_DESCRIPTION = re.compile(rb"<rdf:Description [^>]*" + re.escape(_NAMESPACE) + rb"[^>]*/>")
_ABOUT = re.compile(rb"""rdf:about\s*=\s*("[^"]*"|'[^']*')""")
_LARGEST_PACKET = 65_000  # bytes; what JPEG holds, with some room for the writer

# Metadata lie at the beginning of a file or, in WebP and TIFF, at its end.
_HEAD_BYTES, _TAIL_BYTES = 1 << 18, 1 << 16
_RESULT_NAME = re.compile(r"(?P<stem>.+)_x\d+(\.\d+)?")


def mark_result(packet: bytes | None, model: str, outscale: float) -> bytes | None:
    """Marks in an XMP packet that the picture is a result of this program.

    Args:
        packet: XMP packet of the input; None where it has none.
        model: name of the model that enlarged it.
        outscale: enlargement of the result.

    Returns:
        The packet with the mark; unchanged where it is damaged, in UTF-16, or would become too long.
    """
    plain = _OWN_DESCRIPTION.sub(b"", packet or _EMPTY_PACKET)
    end = plain.rfind(b"</rdf:RDF>")
    about = _ABOUT.search(plain)  # all descriptions of a packet must be about the same thing
    description = (
        b"<rdf:Description rdf:about=%s xmlns:srdgan=%s srdgan:Software=%s srdgan:Model=%s srdgan:Outscale=%s/>"
        % (
            about[1] if about else b'""',
            *(
                quoteattr(value).encode("utf-8", "backslashreplace")
                for value in (_NAMESPACE.decode(), f"srdgan-rt {srdgan_rt.__version__}", model, f"{outscale:g}")
            ),
        )
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
        name = _RESULT_NAME.fullmatch(path.stem)
        return (name is not None and name["stem"] in self._list_stems(path.parent)) or _is_marked(path)

    def _list_stems(self, folder: Path) -> set[str]:
        if folder not in self._stems:
            self._stems[folder] = {
                path.stem for path in folder.iterdir() if path.name.lower().endswith(READABLE_EXTENSIONS)
            }
        return self._stems[folder]


def _is_marked(path: Path) -> bool:
    if not path.is_file():  # reading a pipe could block forever
        return False
    with path.open("rb") as file:
        if _NAMESPACE in file.read(_HEAD_BYTES):
            return True
        file.seek(max(_HEAD_BYTES, path.stat().st_size - _TAIL_BYTES))
        return _NAMESPACE in file.read()
