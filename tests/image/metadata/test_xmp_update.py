"""What XMP says of places and sizes follows the pixels; claims about things that are gone are removed and noted."""

import re

import numpy as np
import pytest

from srdgan_rt.image import read_picture
from srdgan_rt.image.metadata.transform import GeometricTransform
from srdgan_rt.image.metadata.xmp_update import set_format, update_xmp
from srdgan_rt.image.orientation import turn

LARGER = GeometricTransform(1, (24, 32), (96, 128))
AREA = 'stArea:x="{x}" stArea:y="{y}" stArea:w="{w}" stArea:h="{h}" stArea:unit="{unit}"'
IN_DESCRIPTION = "<rdf:li><rdf:Description my:Name='A'><mwg-rs:Area {}/></rdf:Description></rdf:li>"
AS_RESOURCE = "<rdf:li rdf:parseType='Resource'><mwg-rs:Area {}/><mwg-rs:Name>A</mwg-rs:Name></rdf:li>"
IN_ELEMENTS = "<rdf:li rdf:parseType='Resource'><mwg-rs:Area rdf:parseType='Resource'>{}</mwg-rs:Area></rdf:li>"


def _regions(item, width=32, height=24):
    return (
        f"<mwg-rs:Regions><rdf:Description><mwg-rs:AppliedToDimensions stDim:w='{width}' stDim:h='{height}'/>"
        f"<mwg-rs:RegionList><rdf:Bag>{item}</rdf:Bag></mwg-rs:RegionList></rdf:Description></mwg-rs:Regions>"
    )


def _find(packet, name):
    text = packet.decode()
    attribute = re.search(rf"{name}=[\"']([^\"']*)[\"']", text)
    element = re.search(rf"<{name}[^>]*>([^<]*)</", text)
    found = attribute or element
    return found and found[1]


def _numbers(packet, *names):
    return [float(_find(packet, name)) for name in names]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["description", "resource", "elements"])
def test_a_face_stays_on_the_face(form, orientation, maker, save):
    area = AREA.format(x=0.25, y=0.25, w=0.125, h=0.25, unit="normalized")
    if form == "elements":
        item = IN_ELEMENTS.format(re.sub(r'(\S+)="(\S+)"', r"<\1>\2</\1>", area))
    else:
        item = (IN_DESCRIPTION if form == "description" else AS_RESOURCE).format(area)
    exif = maker.exif({0x0112: (3, 1, orientation.to_bytes(2, "little"))})
    picture = read_picture(save("a.jpg", maker.jpeg_with(exif=exif, xmp=maker.xmp("", _regions(item)))))
    marked = np.zeros((24, 32))
    marked[3:9, 6:10] = 1  # the same box in pixels
    rows, columns = np.nonzero(turn(marked, orientation))
    height, width = picture.pixels.shape[:2]
    centre = ((columns.min() + columns.max() + 1) / 2 / width, (rows.min() + rows.max() + 1) / 2 / height)
    size = ((np.ptp(columns) + 1) / width, (np.ptp(rows) + 1) / height)
    packet = picture.metadata.xmp
    assert _numbers(packet, "stArea:x", "stArea:y") == pytest.approx(centre)
    assert _numbers(packet, "stArea:w", "stArea:h") == pytest.approx(size)
    assert _numbers(packet, "stDim:w", "stDim:h") == [width, height]


def test_regions_made_for_the_upright_picture_are_not_turned_again(maker):
    item = AS_RESOURCE.format(AREA.format(x=0.2, y=0.4, w=0.1, h=0.1, unit="normalized"))
    changed, _ = update_xmp(maker.xmp("", _regions(item, 24, 32)), GeometricTransform(6, (24, 32), (128, 96)))
    assert _numbers(changed, "stArea:x", "stArea:y", "stDim:w", "stDim:h") == [0.2, 0.4, 96, 128]


def test_regions_in_pixels_are_enlarged(maker):
    item = AS_RESOURCE.format(AREA.format(x=8, y=6, w=4, h=2, unit="pixel"))
    changed, _ = update_xmp(maker.xmp("", _regions(item)), LARGER)
    assert _numbers(changed, "stArea:x", "stArea:y", "stArea:w", "stArea:h") == [32, 24, 16, 8]


def test_a_region_that_cannot_be_read_goes_alone(maker):
    good = AS_RESOURCE.format(AREA.format(x=0.5, y=0.5, w=0.1, h=0.1, unit="normalized"))
    bad = AS_RESOURCE.format(AREA.format(x="left", y=0.5, w=0.1, h=0.1, unit="normalized"))
    changed, notes = update_xmp(maker.xmp("", _regions(bad + good)), LARGER)
    assert notes == ["XMP region dropped: its position cannot be read"]
    assert changed.count(b"mwg-rs:Area") == 1
    assert b"left" not in changed


IPTC_REGION = (
    "<Iptc4xmpExt:ImageRegion><rdf:Bag><rdf:li rdf:parseType='Resource'><Iptc4xmpExt:RegionBoundary "
    "rdf:parseType='Resource'>{}</Iptc4xmpExt:RegionBoundary></rdf:li></rdf:Bag></Iptc4xmpExt:ImageRegion>"
)


def _boundary(**fields):
    return IPTC_REGION.format("".join(f"<Iptc4xmpExt:{n}>{v}</Iptc4xmpExt:{n}>" for n, v in fields.items()))


def test_circles_and_polygons_of_iptc_turn(maker):
    transform = GeometricTransform(6, (24, 32), (128, 96))
    circle = _boundary(rbUnit="relative", rbShape="circle", rbX=0.25, rbY=0.5, rbRx=0.125)
    changed, _ = update_xmp(maker.xmp("", circle), transform)
    names = ("Iptc4xmpExt:rbX", "Iptc4xmpExt:rbY", "Iptc4xmpExt:rbRx")
    assert _numbers(changed, *names) == pytest.approx([0.5, 0.25, 4 * 4 / 96])  # 4 of 32 pixels were the radius
    vertex = '<rdf:li Iptc4xmpExt:rbX="8" Iptc4xmpExt:rbY="0"/>'
    polygon = _boundary(rbUnit="pixel", rbShape="polygon", rbVertices=f"<rdf:Seq>{vertex}</rdf:Seq>")
    changed, _ = update_xmp(maker.xmp("", polygon), transform)
    assert _numbers(changed, *names[:2]) == [96, 32]


def test_panoramas_are_scaled_by_the_real_ratio_in_both_forms(maker):
    sizes = "<GPano:FullPanoWidthPixels>64</GPano:FullPanoWidthPixels>"
    packet = maker.xmp('GPano:CroppedAreaTopPixels="6" GPano:ProjectionType="equirectangular"', sizes)
    changed, notes = update_xmp(packet, GeometricTransform(1, (24, 32), (36, 48)))
    assert _numbers(changed, "GPano:FullPanoWidthPixels", "GPano:CroppedAreaTopPixels") == [96, 9]
    assert notes == []
    changed, notes = update_xmp(packet, GeometricTransform(3, (24, 32), (24, 32)))
    assert b"GPano:" not in changed.replace(b"xmlns:GPano", b"")
    assert notes == ["XMP panorama description dropped: the picture was turned"]


def test_resolutions_exchange_places_on_a_turn(maker):
    packet = maker.xmp('tiff:XResolution="300/1" tiff:YResolution="72/1" exif:FocalPlaneXResolution="10.5"')
    changed, notes = update_xmp(packet, GeometricTransform(6, (24, 32), (32, 24)))
    assert (_find(changed, "tiff:XResolution"), _find(changed, "tiff:YResolution")) == ("72/1", "300/1")
    assert _find(changed, "exif:FocalPlaneXResolution") is None
    assert notes == ["XMP exif:FocalPlaneXResolution dropped: its value cannot be read"]


CONTAINER = (
    "<Container:Directory><rdf:Seq><rdf:li rdf:parseType='Resource'><Container:Item Item:Semantic='Primary'/></rdf:li>"
    "<rdf:li rdf:parseType='Resource'><Container:Item Item:Semantic='{}' Item:Length='9'/></rdf:li></rdf:Seq>"
    "</Container:Directory>"
)


@pytest.mark.parametrize(
    ("attributes", "elements", "note"),
    [
        ('GCamera:MicroVideo="1" GCamera:MicroVideoOffset="99"', "", "motion photo"),
        ("", "<GCamera:MotionPhoto>1</GCamera:MotionPhoto>", "motion photo"),
        ("", CONTAINER.format("MotionPhoto"), "motion photo"),
        ("", CONTAINER.format("GainMap"), "gain map"),
        ('hdrgm:Version="1.0" hdrgm:GainMapMax="2"', "", "gain map"),
        ('HDRGainMap:HDRGainMapVersion="65536"', "", "gain map"),
        ("", CONTAINER.format("Depth"), "depth map"),
        ('GDepth:Format="RangeInverse"', "<GDepth:Data>aaaa</GDepth:Data>", "depth map"),
        ('GImage:Mime="image/jpeg"', "", "several pictures"),
        ('xmpNote:HasExtendedXMP="00"', "", "extended XMP"),
    ],
)
def test_claims_about_what_is_gone_are_removed_and_noted_once(attributes, elements, note, maker):
    changed, notes = update_xmp(maker.xmp(attributes + ' my:own="kept"', elements), LARGER)
    assert len(notes) == 1
    assert note in notes[0]
    body = changed[changed.index(b"my:own=") :]
    assert b'my:own="kept"' in body
    for prefix in (b"GCamera:", b"Container:", b"hdrgm:", b"HDRGainMap:", b"GDepth:", b"GImage:", b"xmpNote:"):
        assert prefix not in body


def test_words_about_the_encoding_follow_the_file(maker):
    packet = maker.xmp('dc:format="image/jpeg" tiff:BitsPerSample="8"')
    changed, notes = update_xmp(packet, LARGER)
    assert b"BitsPerSample" not in changed
    assert notes == []
    assert b'dc:format="image/png"' in set_format(changed, "image/png")
    assert set_format(packet, "image/jpeg") == packet
