"""``srdgan-rt engine``: builds without a GPU, lists, verifies, removes."""

from __future__ import annotations

import json
import sys

import pytest
from empty_engines import RECIPE, Builder

from srdgan_rt.tensorrt.cache import EngineCache
from srdgan_rt.tensorrt.files import EngineFiles, write_engine, write_json


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("SRDGAN_RT_ENGINES", str(tmp_path / "engines"))
    return tmp_path / "engines"


@pytest.fixture
def kept():
    """An engine in the folder."""
    return EngineCache().fetch(RECIPE, Builder())


# -- build, for real --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_builds_once_lists_and_verifies(run, model, folder):
    pytest.importorskip("tensorrt_rtx")
    pytest.importorskip("onnx")
    built = run("engine", "build", "-n", model, "--arch", "sm80,sm89")
    assert built.status == 0, built.err
    assert built.out.startswith(f"{folder}/tiny-fp16-concat-")
    assert "MB for sm80, sm89; " in built.out
    assert built.err == ""
    again = run("engine", "build", "-n", model, "--arch", "sm89")  # it serves one of its GPUs, too
    assert again.out.endswith(".engine is there already\n")
    listed = run("engine", "ls", "-v")
    assert "kernels, " in listed.out
    assert "types: Half " in listed.out
    assert run("engine", "verify").out.endswith("sm80, sm89\n")


@pytest.mark.slow
def test_builds_into_a_file_that_serves_after_copying(run, model, tmp_path, folder):
    pytest.importorskip("tensorrt_rtx")
    pytest.importorskip("onnx")
    target = tmp_path / "mine.engine"
    command = ("engine", "build", "-n", model, "-o", target, "--form", "push", "--arch", "sm75", "-q")
    outcome = run(*command)
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")
    assert run("engine", "verify", target).status == 0
    assert run(*command).err_lines == [f"srdgan-rt: error: {target} exists: choose --overwrite"]
    assert run(*command, "--overwrite").status == 0
    folder.mkdir()
    for path in EngineFiles(target).list_all():
        path.rename(folder / path.name)
    assert "is there already" in run("engine", "build", "-n", model, "--form", "push", "--arch", "sm75").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arch", "sm90"], "--arch must be of sm75, sm80, sm86, sm89, sm120, with commas between them, got 'sm90'"),
        (["--precision", "bf16", "--arch", "sm75,sm80"], "bf16 needs sm80 or newer, got sm75"),
        (["--precision", "int4"], "precision must be fp16, bf16, fp32, int8, fp8, got 'int4'"),
        (["--precision", "fp8", "--arch", "sm80,sm86,sm89"], "fp8 needs sm89 or newer, got sm80, sm86"),
        (["--precision", "int8"], "--precision int8 needs --calibrate PICTURE"),
        (["--calibrate", "a.png"], "--calibrate is for int8 and fp8, got --precision fp16"),
        (["-o", "a.plan"], "--output must end in .engine, got 'a.plan'"),
    ],
)
def test_wrong_usage(run, arguments, message):
    outcome = run("engine", "build", *arguments)
    assert outcome.status == 2
    assert outcome.err_lines == [f"srdgan-rt: error: {message}"]


@pytest.mark.parametrize("name", ["fast.engine", "fast.json", "fast.layers.json"])
def test_nothing_that_exists_is_replaced(run, tmp_path, name):
    (tmp_path / name).write_text("mine")
    outcome = run("engine", "build", "-o", tmp_path / "fast.engine")
    assert outcome.err_lines == [f"srdgan-rt: error: {tmp_path / name} exists: choose --overwrite"]
    assert (tmp_path / name).read_text() == "mine"


def test_says_what_to_install(run, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    outcome = run("engine", "build", "-n", model)
    assert outcome.status == 2
    assert "pip install 'srdgan_rt[tensorrt-rtx]'" in outcome.err


# -- ls ---------------------------------------------------------------------------------------------------------------


def test_an_empty_folder(run, folder):
    assert run("engine", "ls").out == f"{folder}: no engines\n"
    assert run("engine", "verify").status == 0
    assert run("engine", "gc").out == f"{folder}: no engines left\n"


def test_a_folder_that_is_none_is_named(run, tmp_path):
    (tmp_path / "file").touch()
    for name, reason in (("none", "no such folder"), ("file", "is not a folder")):
        outcome = run("engine", "ls", tmp_path / name)
        assert outcome.status == 2
        assert outcome.err_lines == [f"srdgan-rt: error: {tmp_path / name}: {reason}"]
        assert outcome.out == ""


def test_lists_facts_layers_and_figures(run, kept, folder):
    figures = {"psnr": {"chart": 81.25, "dark": 77}, "seconds": {"tensorrt": 0.0031, "torch": 0.009}}
    write_json(kept.files.numerics, {"RTX 4090, driver 1": {kept.manifest.sha256: figures}})
    (folder / "broken.engine").write_bytes(b"")
    out = run("engine", "ls", "-v").out
    assert f"{folder}: 2 engines\n" in out
    assert "compared with fp32 on RTX 4090, driver 1\n" in out
    assert "    1 kernels, 1 of them concatenations\n    32 bytes moved per input pixel, 100% of them by" in out
    assert "    dB to fp32 on RTX 4090, driver 1: chart 81.2, dark 77.0\n" in out
    assert "    ms for 256 x 256 pixels on RTX 4090, driver 1: tensorrt 3.1, torch 9.0\n" in out
    assert f"  broken.engine: not usable: {folder}/broken.json: No such file or directory\n" in out
    entries = json.loads(run("engine", "ls", folder, "--json").out)["engines"]
    assert entries[1]["recipe"]["targets"] == ["sm80", "sm89"]
    assert entries[1]["layers"]["concatenations"] == 1


# -- verify and gc ----------------------------------------------------------------------------------------------------


def test_verify_names_what_is_damaged(run, kept, tmp_path):
    files = EngineFiles(tmp_path / "good.engine")
    write_engine(files, RECIPE, Builder()())
    kept.files.engine.write_bytes(kept.plan[:-1])
    outcome = run("engine", "verify", files.engine, kept.files.engine)
    assert outcome.status == 1
    assert outcome.out == f"{files.engine}: whole, tensorrt_rtx 1.7.1.116, sm80, sm89\n"
    assert outcome.err_lines == [
        f"srdgan-rt: error: {kept.files.engine}: it is damaged: it must have 200 bytes, got 199"
    ]


def test_gc_says_what_it_removed(run, kept, folder):
    outcome = run("engine", "gc", "--limit", "0")
    assert outcome.status == 0
    first, last = outcome.out.splitlines()
    assert first.startswith(f"removed {kept.files.engine} (0.0 MB): all engines had ")
    assert last == f"{folder}: no engines left"
    assert run("engine", "gc", "--limit", "-1").status == 2
