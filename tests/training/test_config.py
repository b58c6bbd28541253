from __future__ import annotations

from pathlib import Path

import pytest

from srdgan_rt.errors import InputError
from training.config import H2LConfig, load_config, read_config

CONFIGS = Path(__file__).parents[2] / "training" / "configs"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("x4_*.toml")), ids=lambda path: path.stem)
def test_shipped_configs_load(path: Path) -> None:
    config = load_config(path)
    assert config.patch_at(0) > 0
    assert config.patch_at(config.iterations - 1) == config.phases[-1].patch


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("h2l*.toml")), ids=lambda path: path.stem)
def test_shipped_h2l_configs_load(path: Path) -> None:
    assert read_config(path, H2LConfig).learning_rate_at(0) > 0


def test_every_shipped_config_is_tested() -> None:
    assert {path.name.split("_")[0].removesuffix(".toml") for path in CONFIGS.glob("*.toml")} == {"h2l", "x4"}


def test_the_learning_rate_is_halved(tmp_path: Path) -> None:
    text = "name = 'x'\niterations = 9\nlearning_rate = 8\nhalve_at = [2, 4]"
    config = read_config(write(tmp_path, text), H2LConfig)
    assert [config.learning_rate_at(iteration) for iteration in (0, 1, 2, 3, 4, 8)] == [8, 8, 4, 4, 2, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weights.pixle = 1", r"weights: unknown key 'pixle'; known keys: pixel, feature, adversarial"),
        ("weights.pixel = -1", "weights.pixel must be at least 0, got -1"),
        ("weights = {pixel = 0, feature = 0, adversarial = 0}", "at least one of weights must be above 0"),
        ("weights = 1", "weights must be a table, got 1"),
        ("halve_at = 5", "halve_at must be a list, got 5"),
        ("halve_at = [0.5]", "halve_at must be of type int, got 0.5"),
        ("batch = 0", "batch must be at least 1, got 0"),
        ("patch = 8", "patch must be at least 16, got 8"),
        ("learning_rate = 0", "learning_rate must be positive, got 0"),
        ("colour_weight = -1", "colour_weight must be at least 0, got -1"),
    ],
)
def test_rejects_bad_h2l_configs(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_config(write(tmp_path, f"name = 'x'\niterations = 1\n{text}"), H2LConfig)


def test_phases_follow_the_iterations(tmp_path: Path) -> None:
    text = """
    name = "x"
    iterations = 10
    phases = [{until = 0.5, patch = 8}, {until = 1.0, patch = 16}]
    """
    config = load_config(write(tmp_path, text))
    assert [config.patch_at(iteration) for iteration in (0, 4, 5, 9)] == [8, 8, 16, 16]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 'x'\niterations = 1\nlerning_rate = 1", "unknown key 'lerning_rate'"),
        ("name = 'x'\niterations = 1\n[model]\nblocks = 1", "model: unknown key 'blocks'; known keys: num_blocks"),
        ("name = 'x'\niterations = 'many'", "iterations must be of type int, got 'many'"),
        ("name = 'x'\niterations = 0", "iterations must be at least 1, got 0"),
        ("name = 'x'\niterations = 1\nloss = 'l3'", "loss must be l1 or l2, got 'l3'"),
        ("name = 'x'\niterations = 1\nphases = [{until = 0.5}]", "last of phases must have until = 1.0"),
        ("iterations = 1", "name"),
        ("name = ", "no valid TOML"),
    ],
)
def test_rejects_bad_configs(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_config(write(tmp_path, text))


def test_rejects_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_config(tmp_path / "none.toml")
