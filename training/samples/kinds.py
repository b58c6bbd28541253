"""Every kind of sample, by its key in the table ``[batch]`` of a configuration; in the order of a batch."""

from __future__ import annotations

from training.samples.camera_frame import CameraFrame
from training.samples.camera_noise import CameraNoise
from training.samples.clean import CleanBicubic, CleanNearest
from training.samples.clean_jpeg import CleanJPEG
from training.samples.gmsr import GMSR
from training.samples.grain import Grain
from training.samples.kind import SampleKind
from training.samples.phone_isp import PhoneISP
from training.samples.phone_noise import PhoneNoise
from training.samples.phone_pair import PhonePair

_KINDS: tuple[type[SampleKind], ...] = (
    PhoneNoise,
    CameraNoise,
    CameraFrame,
    PhoneISP,
    Grain,
    GMSR,
    CleanNearest,
    CleanBicubic,
    CleanJPEG,
    PhonePair,
)

KINDS: dict[str, type[SampleKind]] = {kind.name: kind for kind in sorted(_KINDS, key=lambda kind: not kind.is_known)}
"""Those whose high-resolution picture is known come first."""
