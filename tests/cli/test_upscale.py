"""What ``srdgan-rt upscale`` does with files: where results go, what stops it, what it tells."""

from __future__ import annotations

import json
import os
import re

import numpy as np
import pytest
from dng import write_dng

from srdgan_rt import _ext
from srdgan_rt.image import Picture, read_picture, write_picture
from srdgan_rt.runtime import Upscaler


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def size_of(path):
    return read_picture(path).pixels.shape[:2]


def test_result_lies_beside_the_input_four_times_larger(upscale, draw, tmp_path):
    source = draw(tmp_path / "photo.png", 4, 6)
    outcome = upscale(source)
    assert outcome.status == 0
    assert files_in(tmp_path) == ["photo.png", "photo_x4.png"]
    assert size_of(tmp_path / "photo_x4.png") == (16, 24)
    assert outcome.out.count("\n") == 1
    assert outcome.out.startswith(f"{source} -> {tmp_path / 'photo_x4.png'} (6x4 -> 24x16, ")
    assert outcome.err == ""


@pytest.mark.parametrize(
    ("outscale", "name", "size"),
    [("2", "a_x2.png", (8, 12)), ("1.5", "a_x1.5.png", (6, 9)), ("0.25", "a_x0.25.png", (1, 2))],
)
def test_outscale_sets_size_and_suffix(upscale, draw, tmp_path, outscale, name, size):
    draw(tmp_path / "a.png", 4, 6)
    assert upscale(tmp_path / "a.png", "--outscale", outscale).status == 0
    assert size_of(tmp_path / name) == size


def test_suffix_of_the_users(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    upscale(tmp_path / "a.png", "--suffix", "big")
    assert files_in(tmp_path) == ["a.png", "a_big.png"]


def test_output_may_be_a_file_in_a_folder_that_does_not_exist_yet(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    assert upscale(tmp_path / "a.png", "-o", tmp_path / "new" / "er" / "b.tif").status == 0
    assert files_in(tmp_path) == ["a.png", "new/er/b.tif"]


def test_output_may_be_a_folder(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    draw(tmp_path / "b.JPG")
    assert upscale(tmp_path / "a.png", tmp_path / "b.JPG", "-o", tmp_path / "out").status == 0
    assert files_in(tmp_path / "out") == ["a_x4.png", "b_x4.JPG"]


def test_recursive_mirrors_the_tree(upscale, draw, tmp_path):
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "in" / "deep" / "er" / "a.png")
    assert upscale(tmp_path / "in", "-r", "-o", tmp_path / "out").status == 0
    assert files_in(tmp_path / "out") == ["a_x4.png", "deep/er/a_x4.png"]


def test_folder_without_recursive_stays_on_top(upscale, draw, tmp_path):
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "in" / "deep" / "b.png")
    upscale(tmp_path / "in", "-o", tmp_path / "out")
    assert files_in(tmp_path / "out") == ["a_x4.png"]


def test_pattern(upscale, draw, tmp_path):
    for name in ("a1.png", "a2.png", "b1.png"):
        draw(tmp_path / name)
    upscale(tmp_path / "a*.png", "-o", tmp_path / "out")
    assert files_in(tmp_path / "out") == ["a1_x4.png", "a2_x4.png"]


def test_bad_files_do_not_stop_the_run(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    whole = draw(tmp_path / "truncated.png", 40, 40).read_bytes()
    (tmp_path / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("no picture")
    draw(tmp_path / "z.png")
    outcome = upscale(tmp_path, "-o", tmp_path / "out")
    assert outcome.status == 1
    assert files_in(tmp_path / "out") == ["a_x4.png", "z_x4.png"]
    assert len(outcome.err_lines) == 2
    assert all(line.startswith("srdgan-rt: error: ") for line in outcome.err_lines)


def test_existing_result_is_refused_naming_both_ways_out(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    (tmp_path / "a_x4.png").write_text("precious")
    outcome = upscale(tmp_path / "a.png")
    assert outcome.status == 1
    assert "--overwrite" in outcome.err
    assert "--skip-existing" in outcome.err
    assert (tmp_path / "a_x4.png").read_text() == "precious"


def test_overwrite(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    (tmp_path / "a_x4.png").write_text("worthless")
    assert upscale(tmp_path / "a.png", "--overwrite").status == 0
    assert size_of(tmp_path / "a_x4.png") == (16, 24)


def test_skip_existing_does_the_rest(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    draw(tmp_path / "b.png")
    (tmp_path / "a_x4.png").write_text("precious")
    outcome = upscale(tmp_path / "a.png", tmp_path / "b.png", "--skip-existing")
    assert outcome.status == 0
    assert (tmp_path / "a_x4.png").read_text() == "precious"
    assert (tmp_path / "b_x4.png").exists()
    assert "skipped" in outcome.err


def test_json_has_one_object_per_file(upscale, draw, tmp_path, model):
    draw(tmp_path / "a.png", 4, 6)
    (tmp_path / "b.png").write_text("no picture")
    outcome = upscale(tmp_path / "a.png", tmp_path / "b.png", "--json", "--engine", "torch")
    good, bad = map(json.loads, outcome.out.splitlines())
    assert outcome.status == 1
    assert good.pop("seconds") > 0
    assert good.pop("megapixels_per_second") > 0
    assert good == {
        "input": str(tmp_path / "a.png"),
        "status": "done",
        "output": str(tmp_path / "a_x4.png"),
        "width": 6,
        "height": 4,
        "out_width": 24,
        "out_height": 16,
        "engine": "torch",
        "model": "tiny",
        "notes": [],
        "error": None,
    }
    assert bad["input"] == str(tmp_path / "b.png")
    assert bad["error"] in outcome.err
    assert bad["status"] == "failed"
    assert bad["width"] is None
    assert bad.keys() == {*good.keys(), "seconds", "megapixels_per_second"}


def test_json_says_what_was_skipped_and_why(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    draw(tmp_path / "a_x4.png")
    lines = upscale(tmp_path, "--json", "--skip-existing").out.splitlines()
    assert {(row["status"], row["notes"][0][:12]) for row in map(json.loads, lines)} == {
        ("skipped", "is the resul"),
        ("skipped", "skipped: the"),
    }


def test_equal_names_of_two_folders_are_told_apart(upscale, draw, tmp_path):
    draw(tmp_path / "one" / "a.png", 4, 6)
    draw(tmp_path / "two" / "a.png", 5, 6)
    assert upscale(tmp_path / "one", tmp_path / "two", "-o", tmp_path / "out", "--overwrite").status == 0
    assert size_of(tmp_path / "out" / "one" / "a_x4.png") == (16, 24)
    assert size_of(tmp_path / "out" / "two" / "a_x4.png") == (20, 24)


@pytest.mark.parametrize("by_link", [False, True])
def test_input_is_never_overwritten(upscale, draw, tmp_path, by_link):
    source = draw(tmp_path / "a.png")
    before = source.read_bytes()
    if by_link:
        (tmp_path / "link.png").symlink_to(source)
        outcome = upscale(source, "-o", tmp_path / "link.png", "--overwrite")
    else:
        outcome = upscale(source, "--suffix", "", "--overwrite")
    assert outcome.status == 1
    assert "overwrite its own input" in outcome.err
    assert source.read_bytes() == before


def test_second_run_does_not_upscale_results_beside_their_inputs(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    upscale(tmp_path)
    outcome = upscale(tmp_path, "--overwrite")
    assert outcome.status == 0
    assert files_in(tmp_path) == ["a.png", "a_x4.png"]
    assert "is the result of an earlier run" in outcome.err


def test_second_run_does_not_upscale_results_in_an_output_inside_the_input(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    for _ in range(2):
        outcome = upscale(tmp_path, "-r", "-o", tmp_path / "out", "--overwrite")
        assert outcome.status == 0
        assert files_in(tmp_path) == ["a.png", "out/a_x4.png"]


def test_format_that_is_not_written_becomes_png_and_says_so(upscale, draw, tmp_path):
    outcome = upscale(draw(tmp_path / "a.bmp"))
    assert outcome.status == 0
    assert files_in(tmp_path) == ["a.bmp", "a_x4.png"]
    assert "stored as PNG" in outcome.err


def test_result_too_wide_for_jpeg_becomes_png_and_says_so(upscale, draw, tmp_path):
    draw(tmp_path / "strip.jpg", 1, 1100)
    outcome = upscale(tmp_path / "strip.jpg", "--outscale", "60")
    assert outcome.status == 0
    assert size_of(tmp_path / "strip_x60.png") == (60, 66000)
    assert "stored as PNG instead" in outcome.err
    assert files_in(tmp_path) == ["strip.jpg", "strip_x60.png"]


def test_format_asked_for_that_cannot_hold_the_result_is_an_error(upscale, draw, tmp_path):
    draw(tmp_path / "strip.png", 1, 1100)
    outcome = upscale(tmp_path / "strip.png", "--ext", "jpg", "--outscale", "60")
    assert outcome.status == 1
    assert files_in(tmp_path) == ["strip.png"]


@pytest.mark.parametrize("extension", ["png", "jpg", "tiff", "webp"])
def test_extension_sets_the_format(upscale, draw, tmp_path, extension):
    upscale(draw(tmp_path / "a.png"), "--ext", extension)
    expected = "jpeg" if extension == "jpg" else extension
    assert read_picture(tmp_path / f"a_x4.{extension}").format == expected


def test_quality_reaches_the_file(upscale, draw, tmp_path):
    draw(tmp_path / "a.png", 32, 32)
    upscale(tmp_path / "a.png", "-o", tmp_path / "low.jpg", "--quality", "5")
    upscale(tmp_path / "a.png", "-o", tmp_path / "high.jpg", "--quality", "100")
    assert 2 * (tmp_path / "low.jpg").stat().st_size < (tmp_path / "high.jpg").stat().st_size


def test_sixteen_bit_grey_stays_what_it_is(upscale, draw, tmp_path):
    upscale(draw(tmp_path / "a.png", dtype=np.uint16, channels=1))
    result = read_picture(tmp_path / "a_x4.png").pixels
    assert result.dtype == np.uint16
    assert result.shape == (16, 24)


def test_pixel_limit_refuses_and_is_lifted(upscale, draw, tmp_path):
    draw(tmp_path / "a.png", 4, 6)
    refused = upscale(tmp_path / "a.png", "--max-pixels", 23)
    assert refused.status == 1
    assert "--max-pixels" in refused.err
    assert upscale(tmp_path / "a.png", "--max-pixels", 24).status == 0
    assert upscale(tmp_path / "a.png", "--max-pixels", 0, "--overwrite").status == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.png", "--no-such-option"],
        ["a.png", "--overwrite", "--skip-existing"],
        ["a.png", "--outscale", "0"],
        ["a.png", "--outscale", "nan"],
        ["a.png", "--outscale", "inf"],
        ["a.png", "--tile", "-1"],
        ["a.png", "--tile", "large"],
        ["a.png", "--tile", "7"],
        ["a.png", "--device", "cuda:99"],
        ["a.png", "--engine", "tensorrt"],
        ["a.png", "--model", "no-such-model"],
        ["a.png", "--model", "missing.pth"],
        ["a.png", "--model", "a.png"],
        ["a.png", "--model", "./a.png"],
        ["a.png", "--model", "srdgan-x4-fast:2"],
        ["a.png", "--model", "srdgan-x4-fast:0.7+srdgan-x4-photo:0.4"],
        ["a.png", "--model", "srdgan-x4-fast:0.5+srdgan-x4-photo:0.5", "--precision", "int8"],
        ["a.png", "--output", "b.jp2"],
        ["a.png", "--output", "file/"],
        ["a.png", "--quality", "101"],
        ["a.png", "--ext", "gif"],
        ["a.png", "--suffix", "../x"],
        ["a.png", "--engine", "warp"],
        ["a.png", "--device", "toaster"],
        ["a.png", "--precision", "fp7"],
        ["a.png", "--output", ""],
        ["a.png", "--output", "b.gif"],
        ["a.png", "--output", "b.png", "--ext", "jpg"],
        ["a.png", "a.png", "--output", "b.png"],
        ["*.png", "--output", "b.png"],
        [".", "--output", "b.png"],
        ["a.png", "--output", "file"],
    ],
)
def test_wrong_usage_is_status_2_and_does_nothing(run, model, draw, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "a.png")
    draw(tmp_path / "c.png")
    (tmp_path / "file").touch()
    outcome = run("upscale", *arguments, *([] if "--model" in arguments else ["--model", model]))
    assert outcome.status == 2
    assert len(outcome.err_lines) == 1
    assert files_in(tmp_path) == ["a.png", "c.png", "file"]


@pytest.mark.parametrize("arguments", [["-"], ["/dev/stdin"], ["a.png", "-o", "-"], ["a.png", "-o", "/dev/stdout"]])
def test_pipes_are_refused(upscale, draw, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "a.png")
    outcome = upscale(*arguments)
    assert outcome.status == 2
    (line,) = outcome.err_lines
    assert f"upscale reads and writes files, not pipes, got {arguments[-1]}" in line
    assert files_in(tmp_path) == ["a.png"]


@pytest.mark.parametrize("name", ["missing.png", "missing/", "none*.png", "empty"])
def test_input_that_is_not_there_is_status_1(upscale, tmp_path, name):
    (tmp_path / "empty").mkdir()
    outcome = upscale(f"{tmp_path}/{name}")
    assert outcome.status == 1
    assert len(outcome.err_lines) == 1


def test_unknown_model_is_one_line(run, draw, tmp_path):
    outcome = run("upscale", draw(tmp_path / "a.png"), "--model", "no-such-model")
    assert outcome.status == 2
    assert len(outcome.err_lines) == 1
    assert "no-such-model" in outcome.err


def test_folder_in_which_much_is_wrong_is_done_as_far_as_can_be(upscale, draw, tmp_path):
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "in" / "5²6.png")
    draw(tmp_path / "in" / f"{'y' * 251}.png")
    draw(tmp_path / "album" / "b.png")
    (tmp_path / "in" / "gone.png").symlink_to("nowhere")
    (tmp_path / "in" / "loop.png").symlink_to("loop.png")
    (tmp_path / "in" / "up").symlink_to("..")
    (tmp_path / "in" / "album").symlink_to("../album")
    (tmp_path / "in" / "c.JP2").touch()
    (tmp_path / "in" / "clip.mp4").touch()
    outcome = upscale(tmp_path / "in", "x" * 300, "-r", "-o", tmp_path / "out")
    assert outcome.status == 1
    assert files_in(tmp_path / "out") == ["5²6_x4.png", "a_x4.png", "album/b_x4.png"]
    assert len(outcome.err_lines) == 6
    for words in (
        "gone.png: No such file",
        "loop.png: Too many levels",
        "result is too long: at most 255 bytes, got 258",
    ):
        assert sum(words in line and "error: " in line for line in outcome.err_lines) == 1
    assert "up: left out: this link leads to a folder that holds it" in outcome.err
    assert "c.JP2: left out: JPEG 2000 files cannot be read" in outcome.err


def test_first_bytes_decide_the_format(upscale, draw, tmp_path):
    draw(tmp_path / "a.png", dtype=np.uint16, channels=4).rename(tmp_path / "a.jpg")
    outcome = upscale(tmp_path / "a.jpg")
    assert outcome.status == 0
    assert "is a PNG file by its content" in outcome.err
    result = read_picture(tmp_path / "a_x4.png").pixels
    assert (result.dtype, result.shape) == (np.uint16, (16, 24, 4))


def test_result_never_replaces_another_of_the_same_run(upscale, draw, tmp_path):
    draw(tmp_path / "strip.jpg", 1, 1100)  # its result is too wide for JPEG and becomes a PNG
    draw(tmp_path / "strip.png", 1, 2)
    outcome = upscale(tmp_path / "strip.jpg", tmp_path / "strip.png", "--outscale", "60", "--overwrite")
    assert outcome.status == 1
    assert "strip_x60.jpg: JPEG holds at most 65,500 pixels a side" in outcome.err
    assert size_of(tmp_path / "strip_x60.png") == (60, 120)


def test_half_precision_on_a_cpu_is_warned_of(upscale, draw, tmp_path):
    outcome = upscale(draw(tmp_path / "a.png"), "--precision", "fp16", "--device", "cpu")
    assert outcome.status == 0
    assert outcome.err_lines[0].startswith("srdgan-rt: --precision fp16 is many times slower than fp32 on a CPU")


@pytest.mark.parametrize("fast", [True, False])
def test_bf16_is_warned_of_without_amx(upscale, draw, tmp_path, monkeypatch, fast):
    monkeypatch.setattr(_ext, "why_no_bf16", lambda: None if fast else "no AMX")
    outcome = upscale(draw(tmp_path / "a.png"), "--precision", "bf16", "--device", "cpu", "--engine", "torch")
    assert outcome.status == 0
    warning = "srdgan-rt: --precision bf16 is slower than fp32 on a CPU without AMX"
    assert outcome.err.startswith(warning) is not fast


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_pipe_is_refused_instead_of_waited_for(upscale, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    outcome = upscale(tmp_path / "pipe.png")
    assert outcome.status == 1
    assert "not a regular file" in outcome.err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything is permitted to root")
def test_folder_without_permission(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    (tmp_path / "out").mkdir(mode=0o500)
    outcome = upscale(tmp_path / "a.png", "-o", tmp_path / "out")
    assert outcome.status == 1
    assert "permission" in outcome.err.lower()


def test_output_below_a_file_is_one_line(upscale, draw, tmp_path):
    draw(tmp_path / "a.png")
    (tmp_path / "file").touch()
    outcome = upscale(tmp_path / "a.png", "-o", tmp_path / "file" / "out")
    assert outcome.status == 1
    assert len(outcome.err_lines) == 1


def test_file_names_cannot_break_lines(upscale, tmp_path):
    outcome = upscale(tmp_path / "two\nlines\udcff.png", "--json")
    assert outcome.status == 1
    assert len(outcome.err_lines) == 1
    assert json.loads(outcome.out)["input"].endswith("two\nlines\udcff.png")


def fail_with(monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(Upscaler, "upscale", fail)


def test_ctrl_c_is_status_130_without_a_trace_in_the_folder(upscale, draw, tmp_path, monkeypatch):
    fail_with(monkeypatch, KeyboardInterrupt)
    draw(tmp_path / "a.png")
    draw(tmp_path / "b.png")
    outcome = upscale(tmp_path)
    assert outcome.status == 130
    assert outcome.err_lines == ["srdgan-rt: interrupted: 0 of 2 files done, none half-written"]
    assert files_in(tmp_path) == ["a.png", "b.png"]


def test_unexpected_error_is_one_line_per_file(upscale, draw, tmp_path, monkeypatch):
    fail_with(monkeypatch, ZeroDivisionError("odd\nnumbers"))
    draw(tmp_path / "a.png")
    draw(tmp_path / "b.png")
    outcome = upscale(tmp_path)
    assert outcome.status == 1
    assert len(outcome.err_lines) == 2
    assert "unexpected ZeroDivisionError: odd (--debug shows where)" in outcome.err


def test_debug_shows_the_traceback(upscale, draw, tmp_path, monkeypatch):
    fail_with(monkeypatch, ZeroDivisionError("odd"))
    outcome = upscale(draw(tmp_path / "a.png"), "--debug")
    assert outcome.status == 1
    assert "Traceback (most recent call last)" in outcome.err


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")]
)
def test_memory_running_out_is_one_line(upscale, draw, tmp_path, monkeypatch, error):
    fail_with(monkeypatch, error)
    outcome = upscale(draw(tmp_path / "a.png"))
    assert outcome.status == 1
    assert len(outcome.err_lines) == 1
    assert "--tile" in outcome.err


def test_quiet_says_nothing_but_errors(upscale, draw, tmp_path):
    draw(tmp_path / "a.bmp")
    outcome = upscale(tmp_path / "a.bmp", tmp_path / "missing.png", "--quiet")
    assert outcome.out == ""
    assert len(outcome.err_lines) == 1
    assert "missing.png" in outcome.err


def test_progress_is_shown_on_a_terminal_only_and_never_on_stdout(upscale, draw, tmp_path, monkeypatch):
    draw(tmp_path / "a.png")
    assert "pixels/s" not in upscale(tmp_path / "a.png").err
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes stderr for a terminal
    monkeypatch.setenv("COLUMNS", "120")
    outcome = upscale(tmp_path / "a.png", "--overwrite")
    assert "1/1 a.png" in outcome.err
    assert "pixels/s" in outcome.err
    assert "\x1b" not in outcome.out


def test_sharpness_mixes_the_two_weights_of_a_pair(run, draw, pair, tmp_path):
    source = draw(tmp_path / "in.png", 8, 8)
    results = {}
    for sharpness in (None, "0", "0.25", "1"):
        option = () if sharpness is None else ("--sharpness", sharpness)
        outcome = run("upscale", source, "-n", pair, *option, "-o", tmp_path / "out.png", "--overwrite", "--json")
        assert outcome.status == 0
        results[sharpness] = json.loads(outcome.out)["model"], read_picture(tmp_path / "out.png").pixels
    names = [name for name, _ in results.values()]
    assert names == ["pair at sharpness 0.25", "pair", "pair at sharpness 0.25", "pair.sharp"]
    assert np.array_equal(results[None][1], results["0.25"][1])
    for path, sharpness in ((pair, 0), (pair.with_name("pair.sharp.safetensors"), 0), (pair, 0.25)):
        expected = Upscaler(path, sharpness=sharpness).upscale(read_picture(source).pixels)
        name = "1" if path != pair else f"{sharpness:g}"
        assert np.array_equal(results[name][1], expected)


def test_tta_takes_the_mean_over_all_orientations(run, draw, tmp_path):
    source = draw(tmp_path / "a.png", 8, 11)
    outcome = run("upscale", source, "-n", "srdgan-x4-fast", "--tta", "--json")
    assert json.loads(outcome.out)["model"] == "srdgan-x4-fast, tta"
    expected = Upscaler("srdgan-x4-fast", tta=True).upscale(read_picture(source).pixels)
    assert np.array_equal(read_picture(tmp_path / "a_x4.png").pixels, expected)


def test_sharpness_needs_sharp_weights(upscale, draw, tmp_path):
    outcome = upscale(draw(tmp_path / "a.png"), "--sharpness", "0.5")
    assert outcome.status == 2
    (line,) = outcome.err_lines
    assert "tiny.safetensors has no sharp weights (tiny.sharp.safetensors), so sharpness must be 0" in line
    assert files_in(tmp_path) == ["a.png"]
    assert upscale(tmp_path / "a.png", "--sharpness", "0").status == 0


def test_sharpness_has_a_range(upscale, draw, tmp_path):
    outcome = upscale(draw(tmp_path / "a.png"), "--sharpness", "7")
    assert outcome.status == 2
    assert "--sharpness" in outcome.err_lines[0]


# -- strength of denoising ----------------------------------------------------------------------------------------


def test_without_denoising_the_same_size_is_the_same_picture(upscale, draw, tmp_path):
    source = tmp_path / "a.png"
    draw(source)
    outcome = upscale(source, "--denoise", "0", "-s", "1", "-o", tmp_path / "b.png")
    assert outcome.status == 0
    np.testing.assert_array_equal(read_picture(tmp_path / "b.png").pixels, read_picture(source).pixels)


def test_auto_says_what_it_measured(upscale, draw, tmp_path):
    draw(tmp_path / "noisy.png", 48, 48, np.uint16)
    draw(tmp_path / "small.png")
    outcome = upscale(tmp_path / "noisy.png", tmp_path / "small.png", "--denoise", "auto")
    assert outcome.status == 0
    noisy, small = outcome.err_lines
    assert re.search(r"noisy\.png: noise of \d+\.\d/255: --denoise 1$", noisy)
    assert small.endswith("small.png: noise cannot be measured: --denoise 1")


def test_auto_believes_the_noise_that_a_dng_file_states(upscale, tmp_path):
    pytest.importorskip("rawpy")
    mosaic = np.random.default_rng(0).integers(9000, 50000, (48, 64), dtype=np.uint16)  # texture, for the estimate
    for name, slope in (("clean.dng", 1e-9), ("noisy.dng", 1e-2), ("silent.dng", None)):
        write_dng(tmp_path / name, mosaic, *([(51041, 12, 2, (slope, 0.0), True)] if slope else []))
    outcome = upscale(tmp_path, "--denoise", "auto", "-s", "1", "-o", tmp_path / "out")
    assert outcome.status == 0
    found = "\n".join(line for line in outcome.err_lines if "noise of" in line)
    assert re.search(r"clean\.dng: .*noise of 0\.\d/255 by DNG's NoiseProfile: --denoise 0\b", found)
    assert re.search(r"noisy\.dng: .*noise of \d+\.\d/255 by DNG's NoiseProfile: --denoise 1\b", found)
    assert re.search(r"silent\.dng: .*noise of \d+\.\d/255: --denoise 1\b", found)


def test_the_noise_of_each_picture_chooses_the_model(run, tmp_path):
    noise = np.random.default_rng(0).normal(128, 8, (48, 48, 3)).round().astype(np.uint8)
    write_picture(tmp_path / "sensor.png", Picture(noise))
    write_picture(tmp_path / "grey.png", Picture(noise[..., 0]))
    outcome = run("upscale", tmp_path / "sensor.png", tmp_path / "grey.png", "-s", "1", "--device", "cpu")
    assert outcome.status == 0
    (note,) = outcome.err_lines
    assert note.endswith("grey.png: its noise calls for srdgan-x4-photo")
    assert b"srdgan-x4-fast" in read_picture(tmp_path / "sensor_x1.png").metadata.xmp
    model = Upscaler("srdgan-x4-photo", device="cpu")
    result = read_picture(tmp_path / "grey_x1.png")
    np.testing.assert_array_equal(result.pixels, model.upscale(noise[..., 0], outscale=1))
    assert b"srdgan-x4-photo" in result.metadata.xmp


@pytest.mark.parametrize("text", ["1.5", "-1", "nan", "some"])
def test_bad_strengths_are_refused(upscale, text):
    outcome = upscale("a.png", f"--denoise={text}")
    assert outcome.status == 2
    assert outcome.err_lines == [f"srdgan-rt: error: --denoise must be auto or 0..1, got {text!r}"]
