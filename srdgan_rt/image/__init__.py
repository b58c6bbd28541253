"""Reads and writes picture files with all their metadata, and resamples pictures.

The resampling works on tensors. It is imported on first use, so that programs that only read and write files do not
wait for PyTorch.
"""

from typing import TYPE_CHECKING, Any

from srdgan_rt.image.alpha import bleed_colour
from srdgan_rt.image.crop import crop_metadata
from srdgan_rt.image.depth import convert_depth
from srdgan_rt.image.enlarge import enlarge_samples, take_samples
from srdgan_rt.image.find import FoundPicture, find_pictures
from srdgan_rt.image.formats import KNOWN_UNREADABLE, READABLE_EXTENSIONS
from srdgan_rt.image.picture import Metadata, Picture, Text
from srdgan_rt.image.raw_noise import measure_stated_noise
from srdgan_rt.image.read import read_picture
from srdgan_rt.image.size_limit import DEFAULT_MAX_PIXELS
from srdgan_rt.image.write import WRITABLE_EXTENSIONS, check_writable, write_picture

if TYPE_CHECKING:
    from srdgan_rt.image.resample import resize_bicubic, shift_half_pixel

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "KNOWN_UNREADABLE",
    "READABLE_EXTENSIONS",
    "WRITABLE_EXTENSIONS",
    "FoundPicture",
    "Metadata",
    "Picture",
    "Text",
    "bleed_colour",
    "check_writable",
    "convert_depth",
    "crop_metadata",
    "enlarge_samples",
    "find_pictures",
    "measure_stated_noise",
    "read_picture",
    "resize_bicubic",
    "shift_half_pixel",
    "take_samples",
    "write_picture",
]


def __getattr__(name: str) -> Any:
    if name in ("resize_bicubic", "shift_half_pixel"):
        from srdgan_rt.image import resample

        return getattr(resample, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
