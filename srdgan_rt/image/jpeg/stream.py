"""Parses JPEG files into segments and scans, and removes stray bytes between them.

Entropy-coded data stay unchanged, so the decoder still detects missing data.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace

EOI = b"\xff\xd9"
_SOI, _EOI, _SOS, _DNL, _DRI = 0xD8, 0xD9, 0xDA, 0xDC, 0xDD
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_PROGRESSIVE, _LOSSLESS = 0xC2, 0xC3
_READABLE_FRAMES = (0xC0, 0xC1, _PROGRESSIVE, _LOSSLESS)
_UNREADABLE_FRAMES = {0xF7: "JPEG-LS", **dict.fromkeys((0xC9, 0xCA, 0xCB), "arithmetic coding")}
# Tables, restart intervals, comments and application data may stand between scans; anything else there is damage.
_BETWEEN_SCANS = frozenset((0xC4, 0xDB, 0xCC, _DRI, _SOS, _DNL, 0xFE, *range(0xE0, 0xF0)))
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


@dataclass(frozen=True)
class JpegStream:
    """A JPEG file without stray bytes between its segments.

    Attributes:
        data: from the start marker to the end marker.
        scans: where in ``data`` the entropy-coded bytes of each scan begin and end.
        frame_position: where in ``data`` the frame header begins.
        restart_interval: minimum coded units (MCUs) between two restart markers; 0 without these.
        has_end: whether the file had an end marker.
        num_stray: bytes between segments that belonged to none.
    """

    data: bytes
    scans: tuple[tuple[int, int], ...]
    frame_position: int
    restart_interval: int
    has_end: bool
    num_stray: int

    @property
    def precision_position(self) -> int:
        """The position in ``data`` of the number of bits a sample."""
        return self.frame_position + 4

    @property
    def precision(self) -> int:
        """Bits a sample."""
        return self.data[self.precision_position]

    @property
    def is_lossless(self) -> bool:
        """Whether it is coded without loss, which few other programs read."""
        return self.data[self.frame_position + 1] == _LOSSLESS

    @property
    def num_components(self) -> int:
        """1 grey, 3 colour, 4 CMYK."""
        return self.data[self.frame_position + 9]

    def cut_off(self, end: int, filler: bytes = b"") -> bytes:
        """The stream up to a position in a scan, filler and an end marker after it."""
        stuffing = b"\0" if filler and self.data[end - 1] == 0xFF else b""  # else both would form a marker
        return self.data[:end] + stuffing + filler + EOI

    def without(self, start: int, end: int) -> JpegStream:
        """The stream without the bytes between two positions at the end of a scan."""
        size = end - start
        scans = tuple((first - size * (first >= end), last - size * (last >= end)) for first, last in self.scans)
        return replace(self, data=self.data[:start] + self.data[end:], scans=scans)

    def list_intervals(self, index: int) -> list[tuple[int, int]]:
        """Where the data between the restart markers of a scan begin and end."""
        begin, end = self.scans[index]
        markers = [marker.span() for marker in _RESTART.finditer(self.data, begin, end)]
        begins, ends = [begin, *(stop for _, stop in markers)], [*(start for start, _ in markers), end]
        return list(zip(begins, ends, strict=True))

    def extract_interval(self, begin: int, end: int) -> JpegStream:
        """One restart interval as a picture of its own, one row of MCUs high; for files with a single scan."""
        header = bytearray(self.data[: self.scans[0][0]])
        factors = header[self.frame_position + 11 : self.frame_position + 10 + 3 * self.num_components : 3]
        is_grey = len(factors) == 1  # an MCU is then one block, whatever the factors are
        height, width = (8, 8) if is_grey else (8 * max(f & 15 for f in factors), 8 * max(f >> 4 for f in factors))
        if width * self.restart_interval > 0xFFFF:
            raise ValueError("damaged: bytes are left over before a JPEG restart marker")
        struct.pack_into(">HH", header, self.frame_position + 5, height, width * self.restart_interval)
        scan = len(header), len(header) + end - begin
        return replace(self, data=bytes(header) + self.data[begin:end] + EOI, scans=(scan,))


def parse_jpeg(data: bytes) -> JpegStream:
    """Parses a JPEG file.

    Raises:
        ValueError: a segment or a scan is missing or cut off, or the coding is not supported.
    """
    out, refinement = bytearray(data[:2]), _Refinement()
    scans: list[tuple[int, int]] = []
    frames: list[int] = []
    position, restart_interval, num_stray, has_end = 2, 0, 0, False
    while marker := _MARKER.search(data, position):
        code, start = marker[1][0], marker.start()
        num_stray += len(data[position:start].rstrip(b"\xff"))
        position = marker.end()
        if code in _STANDALONE:
            num_stray += 2
            continue
        if code in (_EOI, _SOI):  # a start marker: another picture follows one without an end marker
            has_end = code == _EOI
            break
        if scans and code not in _BETWEEN_SCANS:
            raise ValueError(f"damaged: JPEG marker 0x{code:02x} inside the pixels, at byte {start:,}")
        length = int.from_bytes(data[position : position + 2], "big")
        position += length
        if length < 2 or position > len(data):
            raise ValueError(f"truncated or damaged: a JPEG segment of {length} bytes at byte {start:,}")
        segment = data[start:position]
        if code == _DNL:  # the height, given after the first scan
            if frames and len(segment) == 6:
                out[frames[0] + 5 : frames[0] + 7] = segment[4:]
            continue
        if code == _DRI:
            restart_interval = int.from_bytes(segment[4:6], "big")
        if code in _FRAMES:
            frames.append(len(out))
        out += segment
        if code == _SOS:
            refinement.add_scan(segment)
            end_of_scan = _END_OF_SCAN.search(data, position)
            end = end_of_scan.start() if end_of_scan else len(data)
            scans.append((len(out), len(out) + end - position))
            out += data[position:end]
            position = end
    if len(frames) != 1 or not scans:
        raise ValueError("truncated or damaged: the JPEG file has no frame or no pixels")
    frame = out[frames[0] : scans[0][0]]
    if frame[1] not in _READABLE_FRAMES:
        raise ValueError(f"JPEG with {_UNREADABLE_FRAMES.get(frame[1], 'hierarchical coding')} is not supported")
    refinement.check_complete(frame, is_progressive=frame[1] == _PROGRESSIVE)
    return JpegStream(bytes(out + EOI), tuple(scans), frames[0], restart_interval, has_end, num_stray)


class _Refinement:
    """Tracks which bits of each coefficient the scans have supplied; decoders do not notice missing scans."""

    def __init__(self) -> None:
        self._low_bits: dict[int, list[int]] = {}  # for each component, the lowest known bit of its 64 coefficients

    def add_scan(self, segment: bytes) -> None:
        number = segment[4] if len(segment) > 4 else 0
        if len(segment) < 8 + 2 * number:
            raise ValueError("damaged: a JPEG scan header is too short")
        first, last, bits = segment[5 + 2 * number : 8 + 2 * number]
        for component in segment[5 : 5 + 2 * number : 2]:
            known = self._low_bits.setdefault(component, [255] * 64)
            known[first : last + 1] = [bits & 15] * len(known[first : last + 1])

    def check_complete(self, frame: bytearray, *, is_progressive: bool) -> None:
        for component in frame[10 : 10 + 3 * frame[9] : 3]:
            known = self._low_bits.get(component)
            if known is None or (is_progressive and any(known)):
                raise ValueError("truncated: the last scans of the JPEG file are missing")
