"""XMP is parsed as XML, whatever its form, and hostile packets cost nothing."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srdgan_rt.image.metadata import xmp
from srdgan_rt.image.metadata.transform import GeometricTransform
from srdgan_rt.image.metadata.xmp import DamagedXmpError
from srdgan_rt.image.metadata.xmp_update import update_xmp

SAME = GeometricTransform(1, (24, 32), (24, 32))
LARGER = GeometricTransform(1, (24, 32), (96, 128))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda packet: packet,
        lambda packet: b"\xef\xbb\xbf" + packet,
        lambda packet: b'<?xml version="1.0" encoding="UTF-8"?>\n' + packet,
        lambda packet: b'<?xpacket begin="\xef\xbb\xbf" id="W5M0"?>' + packet + b" \n" * 50 + b'<?xpacket end="w"?>',
        lambda packet: packet + bytes(3),
        lambda packet: packet.decode().encode("utf-16"),
        lambda packet: packet.decode().encode("utf-16-be"),
        lambda packet: packet.decode().encode("utf-16-le"),
    ],
)
def test_all_encodings_and_wrappers_are_read(wrap, maker):
    packet = wrap(maker.xmp('exif:PixelXDimension="32"'))
    changed, notes = update_xmp(packet, LARGER)
    assert b'PixelXDimension="128"' in changed
    assert notes == []
    assert (b"xpacket" in changed) == (b"xpacket" in packet)


def test_a_packet_that_is_true_stays_byte_for_byte(maker):
    packet = b"<!-- mine -->" + maker.xmp("my:a='1' exif:PixelXDimension='32'", "<my:b>2&#x20;</my:b>") + b"\n  \n"
    assert update_xmp(packet, SAME) == (packet, [])


def test_what_nobody_asks_for_keeps_its_value(maker):
    odd = 'my:a="tab&#9;line&#10;quote&quot;&lt;&amp;" exif:PixelXDimension="32"'
    packet = maker.xmp(odd, "<my:b xml:lang='x'><![CDATA[<raw> & ]]></my:b><!-- c --><my:c rdf:resource='u'/>")
    changed, _ = update_xmp(packet, LARGER)
    values = {node.localName: xmp.get_text(node) for node in xmp.list_properties(xmp.parse(changed))}
    assert values == {"a": 'tab\tline\nquote"<&', "PixelXDimension": "128", "b": "<raw> & ", "c": ""}
    assert b"<!-- c -->" in changed
    assert b'xml:lang="x"' in changed


BOMB = b"""<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">%s]><x:xmpmeta xmlns:x="adobe:ns:meta/">&z;</x:xmpmeta>""" % b"".join(
    b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(25)
)
HOSTILE = {
    "entity bomb": BOMB,
    "no XML": b"nothing",
    "empty": b"",
    "no RDF": b"<a/>",
    "unbound prefix": b"<rdf:RDF/>",
    "cut": b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf',
    "deep": b"<a>" * 90_000 + b"</a>" * 90_000,
    "many": b"<a>" + b"<b/>" * 400_000 + b"</a>",
    "not Unicode": b"<a>\xff\xfe</a>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_packets_are_an_error_at_once(name):
    start = time.process_time()
    with pytest.raises(DamagedXmpError):
        update_xmp(HOSTILE[name], SAME)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("value", ["1e999999999", "1/0", "inf", "nan", "", "x", "-5", "9" * 5000, "0x10", "1e400"])
@pytest.mark.parametrize(
    "name",
    [
        "exif:FocalPlaneXResolution",
        "GPano:CroppedAreaLeftPixels",
        "exif:SubjectArea",
        "MP:RegionInfo",
        "mwg-rs:Regions",
    ],
)
def test_hostile_values_are_removed_or_harmless(name, value, maker):
    packet = maker.xmp(f'{name}="{value}" exif:PixelXDimension="32"')
    changed, _ = update_xmp(packet, LARGER)
    assert b'PixelXDimension="128"' in changed


@given(st.binary(max_size=60), st.integers(0, 400))
def test_damaged_packets_raise_nothing_else(noise, position):
    packet = b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description/></r:RDF>'
    with contextlib.suppress(DamagedXmpError):
        update_xmp(packet[:position] + noise + packet[position:], LARGER)
