"""IPTC comes out of every wrapping that files have around it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srdgan_rt.image import read_picture
from srdgan_rt.image.metadata import iptc

RECORDS = b"\x1c\x02\x00\x00\x02\x00\x04\x1c\x02\x19\x00\x04lake"


def _resource(number, body, name=b"\0\0"):
    return struct.pack(">4sH", b"8BIM", number) + name + struct.pack(">I", len(body)) + body + bytes(len(body) % 2)


def test_resources_are_listed():
    data = _resource(0x03ED, b"resolution") + _resource(0x0404, RECORDS, b"\x03abc") + _resource(0x0408, b"odd")
    assert iptc.read_resources(data) == {0x03ED: b"resolution", 0x0404: RECORDS, 0x0408: b"odd"}
    assert iptc.describe_dropped(iptc.read_resources(data)) == [iptc.RESOURCES_LOST]
    assert iptc.describe_dropped({0x03ED: b"", 0x0404: b"", 0x040C: b"", 0x0425: b""}) == []
    assert iptc.read_resources(iptc.pack_resources(RECORDS)) == {0x0404: RECORDS}


def test_records_are_cleaned():
    padded = RECORDS + bytes(-len(RECORDS) % 4) + bytes(4)
    swapped = b"".join(padded[i : i + 4][::-1] for i in range(0, len(padded), 4))
    for data in (RECORDS, padded, swapped, _resource(0x0404, padded)):
        assert iptc.clean(data) == RECORDS
    for data in (b"", b"nothing", _resource(0x0408, b"x")):
        assert iptc.clean(data) is None


@pytest.mark.parametrize(
    "tags",
    [
        {33723: (7, RECORDS)},
        {33723: (4, RECORDS + bytes(-len(RECORDS) % 4))},
        {34377: (7, _resource(0x0404, RECORDS))},
        {34377: (7, _resource(0x0404, b"")), 33723: (1, RECORDS)},
    ],
)
def test_tiff_files_have_it_in_two_places(tags, maker, save):
    assert read_picture(save("a.tif", maker.tiff(tags))).metadata.iptc == RECORDS


@given(st.binary())
def test_damaged_data_raise_nothing(data):
    for start in (b"", b"8BIM", b"8BIM\x04\x04\0\0", b"\x1c\x02\x19"):
        iptc.clean(start + data)
        iptc.read_resources(start + data)
