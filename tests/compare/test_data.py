"""Names, histograms, scores and metadata of the pictures."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from srdgan_rt.compare import scores
from srdgan_rt.compare.histogram import measure_histograms
from srdgan_rt.compare.metadata import describe_metadata
from srdgan_rt.compare.names import shorten_names
from srdgan_rt.compare.scores import score_pair, scored_luma
from srdgan_rt.image import Metadata, Text
from srdgan_rt.image.metadata.exif_edit import make_block
from srdgan_rt.image.metadata.tags import Tag
from srdgan_rt.metrics import luma, psnr, ssim


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["x/a.png", "y/b.png"], ["a.png", "b.png"]),
        (["x/a.png", "y/a.png"], ["x/a.png", "y/a.png"]),
        (["1/x/a.png", "2/x/a.png", "2/x/b.png"], ["1/x/a.png", "2/x/a.png", "2/x/b.png"]),
        (["x/a.png", "x/a.png"], ["a.png", "a.png"]),
        (["/a.png", "/x/a.png"], ["/a.png", "x/a.png"]),
    ],
)
def test_names_are_as_short_as_they_can_be_told_apart(paths, names):
    assert shorten_names([Path(path) for path in paths]) == names


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))))
def test_histograms_of_three_depths_agree(pixels):
    """Bytes, the same values in 16 bits, and in floating point."""
    in_bytes = measure_histograms(pixels)
    in_16_bits = measure_histograms(pixels.astype(np.uint16) * 257)
    in_floats = measure_histograms(((pixels + 0.5) / 256).astype(np.float32))
    assert [h.channel for h in in_bytes] == (["grey"] if pixels.shape[2] < 3 else ["red", "green", "blue"])
    for index, (of_bytes, of_16, of_floats) in enumerate(zip(in_bytes, in_16_bits, in_floats, strict=True)):
        assert of_bytes.counts == tuple(np.bincount(pixels[..., index].reshape(-1), minlength=256))
        assert of_16.counts == of_floats.counts == of_bytes.counts
        assert of_bytes.mean == pytest.approx(pixels[..., index].mean() / 255)
        assert of_16.mean == pytest.approx(of_bytes.mean)
        assert (of_16.black, of_16.white) == (of_bytes.black, of_bytes.white)


def test_shares_of_black_and_white():
    (histogram,) = measure_histograms(np.array([[0, 0, 1, 65535]], np.uint16))
    assert (histogram.black, histogram.white) == (0.5, 0.25)
    assert (histogram.counts[0], histogram.counts[255]) == (3, 1)


def test_scores_are_those_of_the_whole_pictures(monkeypatch):
    """SSIM is computed in strips."""
    monkeypatch.setattr(scores, "_STRIP", 7)
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, 33, 20, 3), dtype=np.uint8)
    score = score_pair(scored_luma(first), scored_luma(second))
    assert score.psnr == pytest.approx(psnr(luma(first), luma(second)), abs=1e-4)
    assert score.ssim == pytest.approx(ssim(luma(first), luma(second)), abs=1e-5)


def test_small_pictures_have_no_ssim():
    picture = scored_luma(np.zeros((10, 30), np.uint8))
    assert score_pair(picture, picture).ssim is None


def test_depth_alpha_and_grey_do_not_change_what_is_scored():
    grey = np.random.default_rng(0).integers(0, 256, (5, 6), dtype=np.uint8)
    expected = luma(np.stack([grey] * 3, -1))
    assert scored_luma(grey) == pytest.approx(expected, abs=1e-4)
    assert scored_luma(grey.astype(np.uint16) * 257) == pytest.approx(expected, abs=1e-4)
    assert scored_luma((grey / 255).astype(np.float32)) == pytest.approx(expected, abs=1e-4)
    assert scored_luma(np.stack([grey, np.full_like(grey, 255)], -1)) == pytest.approx(expected, abs=1e-4)
    assert scored_luma(np.stack([grey, np.zeros_like(grey)], -1)) == pytest.approx(235, abs=1e-4)  # white


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_as_text(order):
    text = "Grüße".encode("utf-16-le" if order == "<" else "utf-16-be")
    exif = [
        Tag(0x829A, 5, struct.pack(order + "II", 10, 600)),  # exposure time
        Tag(0x829D, 5, struct.pack(order + "II", 28, 10)),  # f-number
        Tag(0x8827, 3, struct.pack(order + "H", 400)),
        Tag(0x9204, 10, struct.pack(order + "ii", -1, 3)),  # exposure bias
        Tag(0x9286, 7, b"UNICODE\0" + text),
        Tag(0x927C, 7, b"\1\2\3\4\xff"),
        Tag(0x9000, 7, b"0232"),
        Tag(0xA432, 5, struct.pack(order + "II", 5, 0)),
    ]
    gps = [Tag(1, 2, b"N\0"), Tag(2, 5, struct.pack(order + "6I", 51, 1, 30, 1, 125, 10))]
    tags = [
        Tag(0x010F, 2, b"<b>Maker\0"),
        Tag(0x0112, 3, struct.pack(order + "H", 1)),
        Tag(0x8769, 4, tuple(exif)),
        Tag(0x8825, 4, tuple(gps)),
        Tag(0xC4A5, 1, bytes(20)),
    ]
    groups = {group.title: dict(group.rows) for group in describe_metadata(Metadata(exif=make_block(tags, order)))}
    assert groups["EXIF"] == {
        "Make": "<b>Maker",
        "ExposureTime": "1/60",
        "FNumber": "2.8",
        "ISOSpeedRatings": "400",
        "ExposureBiasValue": "-0.3333333",
        "UserComment": "Grüße",
        "MakerNote": "5 bytes",
        "ExifVersion": "0232",
        "LensSpecification": "5/0",
        "PrintImageMatching": "0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ... (20 values)",
    }
    assert groups["GPS"] == {"GPSLatitudeRef": "N", "GPSLatitude": "51, 30, 12.5"}


def test_other_metadata_as_text():
    metadata = Metadata(
        icc=b"nothing", dpi=(72, 96.5), iptc=b"12345", xmp=b"\n<x:xmpmeta/> \n", texts=(Text("Comment", "a" * 5000),)
    )
    groups = {group.title: dict(group.rows) for group in describe_metadata(metadata)}
    assert groups["Other"] == {
        "ICC profile": "damaged, 7 bytes",
        "Resolution": "72 x 96.5 dpi",
        "IPTC": "5 bytes",
        "XMP": "<x:xmpmeta/>",
    }
    assert groups["Texts"]["Comment"].endswith("a... (5,000 characters)")


@given(st.binary(max_size=80))
def test_damaged_exif_never_fails(data):
    for head in (b"II*\0\x08\0\0\0", b""):
        for group in describe_metadata(Metadata(exif=head + data)):
            assert all(isinstance(text, str) for row in group.rows for text in row)


def test_no_metadata_no_groups():
    assert describe_metadata(Metadata()) == []
