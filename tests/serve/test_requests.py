"""What a page asks for, and what it gets."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from page_server import Server
from PIL import Image
from small_disk import small_disk

from srdgan_rt.files.own_results import mark_result
from srdgan_rt.image import Metadata, Picture, read_picture, write_picture
from srdgan_rt.runtime import Upscaler


def save(server, tmp_path, key, **settings):
    answer = server.post("save", {"key": key, "settings": settings})
    assert answer.status == 200, answer.body
    result = json.loads(answer.headers["x-result"])
    path = tmp_path / f"saved_{result['name']}"
    path.write_bytes(answer.body)
    return path, result


def test_result_is_that_of_the_upscaler(server, models, draw, tmp_path):
    path = draw()
    key = server.open(path)["key"]
    lines = server.enlarge(key).lines
    assert lines[-1]["result"]["width"] == 64
    assert all(0 <= line["share"] <= 1 for line in lines)
    saved, result = save(server, tmp_path, key)
    assert result["name"] == "photo_x4.png"
    expected = Upscaler(models[0], device="cpu").upscale(read_picture(path).pixels)
    assert (read_picture(saved).pixels == expected).all()


def test_region_is_a_crop_of_the_whole_result(server, draw, tmp_path):
    key = server.open(draw())["key"]
    server.enlarge(key, outscale=2)
    whole = read_picture(save(server, tmp_path, key)[0]).pixels
    assert server.enlarge(key, [3, 2, 5, 6], outscale=2).lines[-1]["result"]["region"] == [3, 2, 5, 6]
    assert (read_picture(save(server, tmp_path, key)[0]).pixels == whole[4:16, 6:16]).all()
    before = Image.open(io.BytesIO(server.ask(f"view/before?key={key}").body))
    assert before.size == (5, 6)
    assert Image.open(io.BytesIO(server.ask(f"view/after?key={key}").body)).size == (10, 12)


def test_sharpness_of_a_pair_changes_the_result(server, models, draw, tmp_path):
    key = server.open(draw())["key"]
    pixels = {}
    for sharpness in (0, 1):
        server.enlarge(key, model=models[1], sharpness=sharpness)
        pixels[sharpness] = read_picture(save(server, tmp_path, key)[0]).pixels
    assert (pixels[0] != pixels[1]).any()


def test_by_default_the_noise_of_a_picture_chooses_the_model(tmp_path):
    grey = np.random.default_rng(0).normal(128, 8, (48, 48)).round().astype(np.uint8)
    write_picture(tmp_path / "grey.png", Picture(grey))
    server = Server(())  # with the shipped models
    try:
        key = server.open(tmp_path / "grey.png")["key"]
        result = server.enlarge(key, outscale=1).lines[-1]["result"]
        assert "its noise calls for srdgan-x4-photo" in result["notes"]
        saved, _ = save(server, tmp_path, key)
    finally:
        server.close()
    expected = Upscaler("srdgan-x4-photo", device="cpu").upscale(grey, outscale=1)
    assert (read_picture(saved).pixels == expected).all()


@pytest.mark.parametrize("depth", ["same", "8", "16"])
def test_depth_is_that_of_the_picture_or_the_chosen_one(server, draw, tmp_path, depth):
    key = server.open(draw("deep.png", dtype=np.uint16))["key"]
    server.enlarge(key, depth=depth, outscale=1)
    saved, _ = save(server, tmp_path, key)
    assert read_picture(saved).pixels.dtype == (np.uint8 if depth == "8" else np.uint16)


@pytest.mark.parametrize(
    ("chosen", "ending"), [("auto", ".jpg"), ("png", ".png"), ("tiff", ".tiff"), ("webp", ".webp")]
)
def test_metadata_are_kept_in_every_format(server, draw, tmp_path, chosen, ending):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    metadata = Metadata(exif=exif.tobytes().removeprefix(b"Exif\0\0"), xmp=mark_result(None, "other", 2))
    key = server.open(draw("photo.jpg", metadata=metadata))["key"]
    server.enlarge(key, [0, 0, 4, 4], outscale=1)
    saved, result = save(server, tmp_path, key, format=chosen)
    assert result["name"] == f"photo_x1{ending}"
    kept = read_picture(saved).metadata
    assert b"Maker" in kept.exif
    assert b'srdgan:Outscale="1"' in kept.xmp  # marked as the command line marks its results


def test_quality_changes_the_size_and_losses_are_named(server, draw, tmp_path):
    key = server.open(draw("deep.png", dtype=np.uint16))["key"]
    server.enlarge(key)
    small, result = save(server, tmp_path, key, format="jpg", quality=10)
    size = small.stat().st_size
    assert any("8" in note for note in result["notes"])
    assert save(server, tmp_path, key, format="jpg", quality=95)[0].stat().st_size > size


def test_picture_is_shown_and_replaced_by_the_next(server, draw):
    path = draw()
    first = server.open(path)
    assert (first["width"], first["height"], first["name"]) == (16, 12, "photo.png")
    view = server.ask(f"view/picture?key={first['key']}")
    assert view.headers["content-type"] == "image/png"
    assert view.body == path.read_bytes()
    server.open(path)
    for answer in (server.ask(f"view/picture?key={first['key']}"), server.enlarge(first["key"])):
        assert answer.status == 410
        assert "choose it again" in answer.json["error"]


def test_there_is_nothing_to_save_before_there_is_a_result(server, draw):
    key = server.open(draw())["key"]
    assert server.post("save", {"key": key}).status == 410
    assert server.ask(f"view/after?key={key}").status == 410


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"settings": {"outscale": 0}}, "outscale must be 0.25..8, got 0"),
        ({"settings": {"outscale": "4"}}, "outscale must be 0.25..8, got 4"),
        ({"settings": {"outscale": float("nan")}}, "outscale must be 0.25..8, got nan"),
        ({"settings": {"outscale": 10**400}}, "outscale must be 0.25..8, got 1000"),
        ({"settings": {"model": "/etc/passwd"}}, "model must be one of"),
        ({"settings": {"sharpness": 2}}, "sharpness must be 0..1, got 2"),
        ({"settings": {"format": "png"}}, "no setting 'format'"),
        ({"settings": {"tile": 0}}, "no setting 'tile'"),
        ({"settings": [1]}, "settings must be an object, got list"),
        ({"region": [0, 0, 17, 12]}, "inside the picture of 16 x 12 pixels"),
        ({"region": [0, 0, 0, 12]}, "inside the picture of 16 x 12 pixels"),
        ({"region": [0, 0, 1.5, 2]}, "must be four whole numbers"),
        ({"region": "all"}, "must be four whole numbers"),
    ],
)
def test_wrong_values_are_refused_with_the_rule(server, draw, wanted, message):
    key = server.open(draw())["key"]
    answer = server.post("enlarge", {"key": key} | wanted)
    assert answer.status == 400
    assert message in answer.json["error"]


def test_temporary_files_are_gone_after_each_request(server, draw, tmp_path):
    key = server.open(draw())["key"]
    assert list(server.folder.iterdir()) == []
    server.enlarge(key)
    save(server, tmp_path, key)
    assert list(server.folder.iterdir()) == []


def test_the_end_removes_the_folder(start_server):
    server = start_server()
    assert server.folder.is_dir()
    server.close()
    assert not server.folder.exists()


def test_a_full_disk_names_the_upload(server, draw):
    path = draw()
    with small_disk(100):
        answer = server.ask("picture?name=photo.png", "POST", path.read_bytes())
    assert answer.status == 400
    assert re.search(r"/photo\.png: File too large", answer.json["error"])
