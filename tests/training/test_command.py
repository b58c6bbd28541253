"""What a user gets wrong is one line: status 2 for what was asked for, 1 for what could not be done."""

from __future__ import annotations

import signal
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from failing_program import Fail, make_fail

import training
from training.cli.parser import CommandParser, one_line_errors

PROGRAMS = sorted(
    path.stem
    for path in Path(training.__file__).parent.glob("*.py")
    if 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")
)
TRAINERS = ["train_h2l", "train_l2h", "train_joint", "ablation"]
_TINY = "name = 'tiny'\niterations = 1\n"
_INITS = "h2l_init = 'srdgan-h2l'\nl2h_init = 'srdgan-x4-fast'\n"


@pytest.fixture
def fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fail:
    """Runs a program that must fail; returns its status and its only line."""
    monkeypatch.chdir(tmp_path)
    return make_fail("training", monkeypatch, capsys)


@pytest.mark.parametrize("program", PROGRAMS)
def test_missing_options_are_one_line(program: str, fail) -> None:
    status, line = fail(program)
    assert status == 2
    assert "are required: " in line


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_option_is_one_line(program: str, fail) -> None:
    assert fail(program, "--nonsense")[0] == 2


def write_config(path: Path, stage: str, more: str = "") -> str:
    text = _TINY + more + (_INITS if stage == "train_joint" else "")
    path.write_text(text if stage != "ablation" else f"[base]\n{more}[[variants]]\n{_TINY}")
    return str(path)


@pytest.mark.parametrize("program", TRAINERS)
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("nonsense = 1\n", "unknown key 'nonsense'; known keys: "),
        ("checkpoint_every = -1\n", "checkpoint_every must be at least 1, got -1"),
        ("seed = 'x'\n", "seed must be of type int, got 'x'"),
        ("engine = {device = 'npu'}\n", "engine: device must be auto, cpu or cuda, got 'npu'"),
        ("= nonsense\n", "is no valid TOML"),
    ],
)
def test_a_wrong_configuration(program: str, more: str, message: str, tmp_path: Path, fail) -> None:
    config = write_config(tmp_path / "c.toml", program, more)
    status, line = fail(program, "--config", config, "--data", "d", "--run", "r")
    assert status == 2
    assert message in line


@pytest.mark.parametrize("program", TRAINERS)
def test_missing_files(program: str, tmp_path: Path, fail) -> None:
    assert fail(program, "--config", "none.toml", "--data", "d", "--run", "r") == (
        2,
        f"{fail(program, '--nonsense')[1].partition(':')[0]}: error: cannot read none.toml: No such file or directory",
    )
    (tmp_path / "latin.toml").write_bytes(b"name = '\xe4'\n")
    assert "is no valid TOML" in fail(program, "--config", "latin.toml", "--data", "d", "--run", "r")[1]
    config = write_config(tmp_path / "c.toml", program)
    status, line = fail(program, "--config", config, "--data", "d", "--run", "r", "--vgg", "none.npz")
    assert status == 2
    assert "cannot read the VGG weights none.npz" in line
    if program != "train_joint":  # which reads the weights that it begins from first
        status, line = fail(program, "--config", config, "--data", "d", "--run", "r")
        assert status == 2
        assert "the weights of VGG16 are needed: give them by --vgg" in line


def test_an_option_that_no_variant_uses(tmp_path: Path, fail) -> None:
    (tmp_path / "c.toml").write_text(
        "[base.weights]\npixel = 1.0\nfeature = 0.0\nadversarial = 0.0\n[[variants]]\n" + _TINY
    )
    options = ["--config", "c.toml", "--data", "d", "--run", "r"]
    status, line = fail("ablation", *options, "--gmsr", "g")
    assert (status, "batch.gmsr of a variant must be above 0 where --gmsr is given, got 0 in all" in line) == (2, True)
    status, line = fail("ablation", *options, "--vgg", "v.npz")
    assert (status, "weights.feature of a variant must be above 0 where --vgg is given" in line) == (2, True)


def test_a_data_set_that_is_missing_is_found_before_the_training(tmp_path: Path, fail) -> None:
    (tmp_path / "c.toml").write_text(f"data_sets = ['Set5']\n[[variants]]\n{_TINY}")
    status, line = fail("ablation", "--config", "c.toml", "--data", "d", "--run", "r")
    assert (status, "d/Set5: there is no such folder" in line) == (2, True)
    assert not (tmp_path / "r").exists()


def test_packs_are_not_a_data_folder(tmp_path: Path, fail) -> None:
    (tmp_path / "data" / "train_photos").mkdir(parents=True)
    config = write_config(tmp_path / "c.toml", "train_l2h")
    for folder in ("data", "none"):
        options = ["--config", config, "--packs", folder, "--run", "r", "--minutes", "1"]
        status, line = fail("run_minutes", *options)
        assert (status, f"--packs must be a folder that training.pack wrote, got {folder}" in line) == (2, True)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--frames", "0", "--frames must be finite and at least 1, got 0"),
        ("--shift", "nan", "--shift must be finite and at least 0, got nan"),
        ("--shift", "inf", "--shift must be finite and at least 0, got inf"),
        ("--moving", "nan", "--moving must be 0..1, got nan"),
        ("--quality", "101", "--quality must be 0..100, got 101"),
    ],
)
def test_bursts_out_of_range(option: str, value: str, message: str, fail) -> None:
    status, line = fail("make_bursts", "photos", "bursts", option, value)
    assert (status, line.endswith(f"error: {message}")) == (2, True)


def test_missing_data(tmp_path: Path, fail) -> None:
    config = write_config(tmp_path / "c.toml", "train_h2l", "weights = {feature = 0}\nmodel = {num_features = 8}\n")
    for program, words in {
        "train_h2l": ["--config", config, "--run", "r"],
        "pack": ["--output", "packs"],
        "calibrate_int8": ["-n", "srdgan-x4-fast"],
        "check_camera": [],
        "calibrate_camera": ["--output", "c.json"],
    }.items():
        status, line = fail(program, "--data", "none", *words)
        assert (status, "none" in line) == (2, True), line
    assert fail("make_pairs", "none", "pairs")[0] == 2
    assert fail("make_bursts", "none", "bursts")[0] == 2


def test_what_cannot_be_written_is_a_failure(tmp_path: Path, fail) -> None:
    (tmp_path / "file").write_text("")
    config = write_config(tmp_path / "c.toml", "train_h2l", "weights = {feature = 0}\nmodel = {num_features = 8}\n")
    status, line = fail("train_h2l", "--config", config, "--data", "d", "--run", "file/run")
    assert (status, line.endswith("error: file/run: Not a directory")) == (1, True)


def test_a_missing_folder_is_found_before_the_work(tmp_path: Path, fail) -> None:
    for program, words in {
        "calibrate_camera": ["--data", "d", "--output", "none/c.json"],
        "calibrate_int8": ["-n", "srdgan-x4-fast", "--data", "d", "--output", "none/r.safetensors"],
        "convert_vgg": ["vgg16.pth", "-o", "none/v.npz"],
    }.items():
        status, line = fail(program, *words)
        assert (status, line.endswith("error: there is no folder none")) == (2, True), line


def test_a_wrong_device(tmp_path: Path, fail) -> None:
    (tmp_path / "train_photos").mkdir()
    (tmp_path / "train_photos" / "a.png").write_bytes(b"")
    (tmp_path / "c.toml").write_text("seed = 1\n")
    status, line = fail("synthesize", "--config", "c.toml", "--data", ".", "--output", "o", "--device", "npu")
    assert status == 2
    assert "got 'npu'" in line


@pytest.mark.parametrize(
    ("number", "status", "what"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "ended by SIGTERM")]
)
def test_a_signal_ends_a_command_with_one_line(
    number: int, status: int, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop, one_line_errors(CommandParser(prog="pack")):
        signal.raise_signal(number)
    assert stop.value.code == status
    assert capsys.readouterr().err == f"pack: {what}; run the same command again to go on\n"


def test_a_worker_that_dies_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"), one_line_errors(CommandParser(prog="make_bursts")):
        raise BrokenProcessPool
    assert "a worker process died, perhaps for want of memory; go on with fewer --workers" in capsys.readouterr().err
