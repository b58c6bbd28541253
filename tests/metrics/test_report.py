"""Tables as text, Markdown and JSON."""

from __future__ import annotations

import json
import math

from srdgan_rt.metrics import (
    BENCHMARK,
    MESH,
    REAL_NOISE,
    Channel,
    Evaluation,
    Failure,
    Score,
    render_json,
    render_markdown,
    render_text,
)

FIRST = Evaluation(
    "Set2",
    BENCHMARK,
    Channel.Y,
    ["a", "b|c"],
    {
        "bicubic": {"a": Score(20.004, 0.5), "b|c": Score(30.006, 0.75)},
        "srdgan-x4": {"a": Score(31, 0.9)},
        "none": {},
    },
    [Failure("Set2/b|c: srdgan-x4", ValueError("boom"))],
)
SECOND = Evaluation("pairs", REAL_NOISE, Channel.RGB, ["x"], {"bicubic": {"x": Score(math.inf, 1.0)}})


def test_text() -> None:
    assert render_text([FIRST, SECOND]) == (
        "Set2: 2 pictures, Y of BT.601 (16..235, 8 bits), border of 4 px cropped, x4, LR by MATLAB's bicubic\n"
        "method                 PSNR    SSIM\n"
        "bicubic               25.01  0.6250\n"
        "srdgan-x4 (1 failed)  31.00  0.9000\n"
        "none (2 failed)           -       -\n"
        "\n"
        "pairs: 1 picture, RGB, border of 8 px cropped, x4, "
        "LR = noisy[4i+2], reference = clean shifted by half a pixel\n"
        "method   PSNR    SSIM\n"
        "bicubic   inf  1.0000\n"
    )


def test_text_with_every_picture() -> None:
    assert render_text([FIRST], per_image=True).splitlines()[1:] == [
        "method     picture     PSNR    SSIM",
        "bicubic    a          20.00  0.5000",
        "bicubic    b|c        30.01  0.7500",
        "bicubic    mean of 2  25.01  0.6250",
        "srdgan-x4  a          31.00  0.9000",
        "srdgan-x4  mean of 1  31.00  0.9000",
        "none       mean of 0      -       -",
    ]


def test_markdown() -> None:
    lines = render_markdown([FIRST], per_image=True).splitlines()
    assert lines[0].startswith("**Set2: 2 pictures, Y of BT.601")
    assert lines[1:6] == [
        "",
        "| method | picture | PSNR | SSIM |",
        "| --- | --- | ---: | ---: |",
        "| bicubic | a | 20.00 | 0.5000 |",
        "| bicubic | b\\|c | 30.01 | 0.7500 |",
    ]


def test_json() -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    first, second = json.loads(render_json([FIRST, SECOND]), parse_constant=refuse)["data_sets"]
    assert first["protocol"] == {
        "channel": "y",
        "border": 4,
        "scale": 4,
        "rounds_luma": True,
        "low_resolution": "LR by MATLAB's bicubic",
    }
    assert first["methods"]["bicubic"]["pictures"]["b|c"] == {"psnr": 30.006, "ssim": 0.75}
    assert first["methods"]["bicubic"]["mean"]["ssim"] == 0.625
    assert first["methods"]["none"] == {"mean": None, "pictures": {}}
    assert first["failures"] == ["Set2/b|c: srdgan-x4: boom"]
    assert second["methods"]["bicubic"]["mean"] == {"psnr": None, "ssim": 1.0}


def test_the_mesh_is_a_column_where_it_was_measured() -> None:
    scores = {"a": Score(30, 0.75, {"mesh": 0.25}), "b": Score(20, 0.25, {"mesh": None})}
    evaluation = Evaluation("flats", BENCHMARK, Channel.Y, ["a", "b"], {"x": scores}, measures=[MESH])
    assert render_text([evaluation]).splitlines()[1:] == ["method   PSNR    SSIM  mesh", "x       25.00  0.5000  0.25"]
    assert render_markdown([evaluation], per_image=True).splitlines()[2:] == [
        "| method | picture | PSNR | SSIM | mesh |",
        "| --- | --- | ---: | ---: | ---: |",
        "| x | a | 30.00 | 0.7500 | 0.25 |",
        "| x | b | 20.00 | 0.2500 | - |",
        "| x | mean of 2 | 25.00 | 0.5000 | 0.25 |",
    ]
    assert json.loads(render_json([evaluation]))["data_sets"][0]["methods"]["x"]["mean"]["mesh"] == 0.25
