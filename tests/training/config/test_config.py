from __future__ import annotations

from pathlib import Path

import pytest

from srdgan_rt.errors import InputError
from training.config import H2LConfig, JointConfig, L2HConfig, StageConfig, read_config
from training.config.gmsr import GMSRConfig

CONFIGS = Path(__file__).parents[3] / "training" / "configs"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def stage_of(path: Path) -> type[StageConfig]:
    """Which stage a shipped configuration is for, by its name."""
    if "joint" in path.stem:
        return JointConfig
    return H2LConfig if path.stem.startswith("h2l") else L2HConfig


STAGES = [path for path in sorted(CONFIGS.glob("*.toml")) if path.stem not in ("ablation", "gmsr")]


@pytest.mark.parametrize("path", STAGES, ids=lambda path: path.stem)
def test_shipped_configs_load(path: Path) -> None:
    config = read_config(path, stage_of(path))
    assert config.learning_rate_at(0) > 0
    if isinstance(config, L2HConfig):
        assert config.patch_at(1 - 1 / config.iterations) == config.phases[-1].patch


def test_the_configuration_of_gmsr_loads() -> None:
    assert read_config(CONFIGS / "gmsr.toml", GMSRConfig).model == "srdgan-h2l"


def test_the_cosine_ends_at_zero_after_a_warm_up(tmp_path: Path) -> None:
    text = "name = 'x'\niterations = 100\nlearning_rate = 8\nschedule = 'cosine'\nwarmup = 4"
    config = read_config(write(tmp_path, text), L2HConfig)
    assert config.learning_rate_at(0) == pytest.approx(2)
    assert config.learning_rate_at(50) == pytest.approx(4)
    assert config.learning_rate_at(100) == pytest.approx(0)


def test_the_learning_rate_is_halved(tmp_path: Path) -> None:
    text = "name = 'x'\niterations = 9\nlearning_rate = 8\nhalve_at = [2, 4]"
    config = read_config(write(tmp_path, text), H2LConfig)
    assert [config.learning_rate_at(iteration) for iteration in (0, 1, 2, 3, 4, 8)] == [8, 8, 4, 4, 2, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weights.pixle = 1", r"weights: unknown key 'pixle'; known keys: pixel, feature, adversarial, colour"),
        ("weights.pixel = -1", "weights: pixel must be finite and at least 0, got -1"),
        (
            "weights = {pixel = 0, feature = 0, adversarial = 0, colour = 0}",
            "at least one weight must be above 0",
        ),
        ("weights = 1", "weights must be a table, got 1"),
        ("halve_at = 5", "halve_at must be a list, got 5"),
        ("halve_at = [0.5]", "halve_at must be of type int, got 0.5"),
        ("batch = 0", "batch must be at least 1, got 0"),
        ("patch = 8", "patch must be at least 16, got 8"),
        ("learning_rate = 0", "learning_rate must be positive and finite, got 0"),
        ("weights.colour = inf", "weights: colour must be finite and at least 0, got inf"),
    ],
)
def test_rejects_bad_h2l_configs(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_config(write(tmp_path, f"name = 'x'\niterations = 1\n{text}"), H2LConfig)


def test_phases_follow_the_part_of_the_run_that_is_over(tmp_path: Path) -> None:
    text = """
    name = "x"
    iterations = 10
    phases = [{until = 0.5, patch = 8}, {until = 1.0, patch = 16}]
    """
    config = read_config(write(tmp_path, text), L2HConfig)
    assert [config.patch_at(done) for done in (0, 0.4, 0.5, 0.9, 1)] == [8, 8, 16, 16, 16]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 'x'\niterations = 1\nlerning_rate = 1", "unknown key 'lerning_rate'"),
        ("name = 'x'\niterations = 1\n[model]\nblocks = 1", "model: unknown key 'blocks'; known keys: num_blocks"),
        ("name = 'x'\niterations = 'many'", "iterations must be of type int, got 'many'"),
        ("name = 'x'\niterations = 0", "iterations must be at least 1, got 0"),
        ("name = 'x'\niterations = 1\nloss = 'l3'", "loss must be l1 or l2, got 'l3'"),
        ("name = 'x'\niterations = 1\nphases = [{until = 0.5}]", "last of phases must have until = 1.0"),
        (
            "name = 'x'\niterations = 1\nphases = [{patch = 8}, {patch = 16}]",
            r"until must be above 0 and rise from phase to phase, got \[1.0, 1.0\]",
        ),
        ("name = 'x'\niterations = 1\nphases = [{until = 0.0}, {}]", r"until must be above 0 .*, got \[0.0, 1.0\]"),
        ("name = 'x'\niterations = 1\nphases = [{patch = 0}]", "patch must be at least 4, got 0"),
        ("name = 'x'\niterations = 1\nphases = [{patch = -4}]", "patch must be at least 4, got -4"),
        ("name = 'x'\niterations = 1\nmodel.scale = 2", "model: unknown key 'scale'"),
        ("name = 'x'\niterations = 1\nseed = -1", r"seed must be at least 0 and below 2\^63, got -1"),
        (f"name = 'x'\niterations = 1\nseed = {2**63}", r"seed must be at least 0 and below 2\^63, got 9223"),
        ("name = 'x'\niterations = 1\nema_decay = 1.5", r"ema_decay must lie in \[0, 1\), got 1.5"),
        ("name = 'x'\niterations = 1\nlearning_rate = inf", "learning_rate must be positive and finite, got inf"),
        ("name = 'a/b'\niterations = 1", "name must be a file name without a folder, got 'a/b'"),
        ("name = '..'\niterations = 1", r"name must be a file name without a folder, got '\.\.'"),
        ("name = ''\niterations = 1", "name must be a file name without a folder, got ''"),
        (
            "name = 'x'\niterations = 1\n"
            "frozen = ['conv_first', 'body', 'conv_body', 'conv_up1', 'conv_up2', 'conv_hr', 'conv_last']",
            "frozen must leave out a layer, or there is nothing to train",
        ),
        ("name = 'x'\niterations = true", "iterations must be of type int, got True"),
        ("name = 'x'\niterations = 1\nbetas = [0.9]", "betas must be a list of 2, got"),
        ("name = 'x'\niterations = 1\nbetas = [0.9, 1.0]", r"betas must lie in \[0, 1\), got"),
        ("name = 'x'\niterations = 1\nschedule = 'step'", "schedule must be halve or cosine, got 'step'"),
        ("name = 'x'\niterations = 1\nwarmup = -1", "warmup must be at least 0, got -1"),
        ("name = 'x'\niterations = 1\nfeatures = 'vgg'", "features must be vgg16 or vgg19, got 'vgg'"),
        ("name = 'x'\niterations = 1\nengine.device = 'tpu'", "engine: device must be auto, cpu or cuda, got 'tpu'"),
        ("name = 'x'\niterations = 1\nengine.precision = 'fp16'", "engine: precision must be fp32 or bf16, got 'fp16'"),
        ("name = 'x'\niterations = 1\nengine.num_workers = -1", "engine: num_workers must be at least 0, got -1"),
        ("name = 'x'\niterations = 1\nengine.prefetch = 0", "engine: prefetch must be at least 1, got 0"),
        ("name = 'x'\niterations = 1\nengine.fast = true", "engine: unknown key 'fast'"),
        ("name = 'x'\niterations = 1\nbatch.sampling = 'box'", "must be one of nearest, bicubic, area, got .box."),
        ("name = 'x'\niterations = 1\nbatch.weak_colour = 1.5", "batch: weak_colour must be 0..1, got 1.5"),
        ("name = 'x'\niterations = 1\nbatch.gmsr = -1", "batch: gmsr must be at least 0, got -1"),
        (
            "name = 'x'\niterations = 1\nbatch.known_kinds = []",
            "known keys: phone_noise, camera_noise",
        ),
        (
            "name = 'x'\niterations = 1\nbatch = {phone_pair=1}",
            "batch must hold a sample with a known HR",
        ),
        ("iterations = 1", "name"),
        ("name = ", "no valid TOML"),
    ],
)
def test_rejects_bad_configs(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_config(write(tmp_path, text), L2HConfig)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("learning_rate = 0", "c.toml: learning_rate must be positive and finite, got 0.0"),
        ("h2l_weights.pixel = -1", "c.toml.h2l_weights: pixel must be finite and at least 0, got -1.0"),
        ("l2h_weights.pixel = -1", "c.toml.l2h_weights: pixel must be finite and at least 0, got -1.0"),
        ("engine.prefetch = 0", "c.toml.engine: prefetch must be at least 1, got 0"),
    ],
)
def test_errors_name_the_file_and_the_table(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f"name = 'x'\niterations = 1\nh2l_init = 'a'\nl2h_init = 'b'\n{line}\n")
    with pytest.raises(InputError) as caught:
        read_config(path, JointConfig)
    assert str(caught.value) == message


def test_names_a_missing_key(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("name = 'x'\n")
    with pytest.raises(InputError, match=r"^c\.toml: the key 'iterations' is missing$"):
        read_config(tmp_path / "c.toml", L2HConfig)


def test_rejects_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_config(tmp_path / "none.toml", L2HConfig)
