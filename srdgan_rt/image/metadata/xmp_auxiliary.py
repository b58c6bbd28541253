"""Finds XMP properties that describe auxiliary data of a file: videos, gain maps, depth maps, further pictures.

The reader decodes the main picture alone, so these properties do not apply to the result.
"""

from __future__ import annotations

from srdgan_rt.image.metadata.xmp import Name, Property, find_field, get_text, list_fields, list_items

VIDEO_LOST = "motion photo: the video is not in the result"
GAIN_MAP_LOST = "HDR gain map is not in the result"
DEPTH_LOST = "depth map is not in the result"
PICTURES_LOST = "several pictures in one file: only the main one was read"
EXTENSION_LOST = "extended XMP is missing or incomplete: dropped"
CALIBRATION_LOST = "XMP camera calibration in pixels dropped"

_NAMESPACES = (
    ("http://ns.adobe.com/hdr-gain-map/", GAIN_MAP_LOST),
    ("http://ns.apple.com/HDRGainMap/", GAIN_MAP_LOST),
    ("http://ns.apple.com/pixeldatainfo/", GAIN_MAP_LOST),
    ("http://ns.google.com/photos/1.0/depthmap/", DEPTH_LOST),
    ("http://ns.google.com/photos/1.0/focus/", DEPTH_LOST),
    ("http://ns.google.com/photos/dd/1.0/", DEPTH_LOST),
    ("http://ns.apple.com/depthData/", DEPTH_LOST),
    ("http://ns.apple.com/depthBlurEffect/", DEPTH_LOST),
    ("http://ns.apple.com/portraitEffectsMatte/", DEPTH_LOST),
    ("http://ns.apple.com/semanticSegmentationMatte/", DEPTH_LOST),
    ("http://ns.google.com/photos/1.0/image/", PICTURES_LOST),
)
_CONTAINER = "http://ns.google.com/photos/1.0/container/"
_SEMANTICS = (("motion", VIDEO_LOST), ("gain", GAIN_MAP_LOST), ("recovery", GAIN_MAP_LOST), ("depth", DEPTH_LOST))
_NAMES = {
    ("http://ns.adobe.com/xmp/note/", "HasExtendedXMP"): EXTENSION_LOST,
    ("http://www.dji.com/drone-dji/1.0/", "CalibratedFocalLength"): CALIBRATION_LOST,
    ("http://www.dji.com/drone-dji/1.0/", "CalibratedOpticalCenterX"): CALIBRATION_LOST,
    ("http://www.dji.com/drone-dji/1.0/", "CalibratedOpticalCenterY"): CALIBRATION_LOST,
    ("http://www.dji.com/drone-dji/1.0/", "DewarpData"): CALIBRATION_LOST,
}
_SMALL_COPIES = (("http://ns.adobe.com/xap/1.0/", "Thumbnails"),)  # of the picture itself: nothing is lost


def find_auxiliary(name: Name, node: Property) -> list[str] | None:
    """The notes to give when a property about auxiliary data is removed; None for all other properties."""
    namespace, local = name
    if "MotionPhoto" in local or "MicroVideo" in local:
        return [VIDEO_LOST]
    if namespace == _CONTAINER:
        return _find_contained(node)
    if name in _SMALL_COPIES:
        return []
    note = next((note for start, note in _NAMESPACES if namespace.startswith(start)), _NAMES.get(name))
    return None if note is None else [note]


def _find_contained(directory: Property) -> list[str]:
    """Notes about the parts of a file that Google's container directory lists besides the main picture."""
    notes = []
    for item in list_items(directory):
        for holder in (item, *list_fields(item)):
            semantic = find_field(holder, "Semantic")
            word = "" if semantic is None else get_text(semantic).lower()
            if word not in ("", "primary", "original"):
                notes.append(next((note for part, note in _SEMANTICS if part in word), PICTURES_LOST))
    return notes
