from __future__ import annotations

from pathlib import Path

import pytest

from srdgan_rt.errors import InputError
from training.ablation import merge, read_variants
from training.config import JointConfig, L2HConfig

REPOSITORY = Path(__file__).parents[2]


def test_changes_are_merged_table_by_table() -> None:
    base = {"a": 1, "model": {"blocks": 2, "width": 3}}
    assert merge(base, {"model": {"blocks": 5}, "b": 4}) == {"a": 1, "b": 4, "model": {"blocks": 5, "width": 3}}
    assert base == {"a": 1, "model": {"blocks": 2, "width": 3}}


def test_the_family_differs_in_what_the_names_say(tmp_path: Path) -> None:
    data_sets, variants = read_variants(REPOSITORY / "training/configs/ablation.toml", tmp_path)
    assert data_sets == ["Set5", "Set14", "phone_crops"]
    by_name = {variant.name: variant.config for variant in variants}
    bicubic, nearest, gmsr, deeper = (by_name[name] for name in list(by_name)[:4])
    assert all(isinstance(config, L2HConfig) for config in (bicubic, nearest, gmsr, deeper))
    assert (bicubic.batch.counts["clean_bicubic"], bicubic.batch.num_known) == (8, 8)
    assert (nearest.batch.counts["clean_nearest"], nearest.batch.num_known) == (8, 8)
    assert gmsr.batch.counts["gmsr"] > 0
    assert gmsr.batch.num_known == 8
    assert deeper.model.num_blocks == gmsr.model.num_blocks + 1
    joint = by_name["nearest, GMSR, joint"]
    assert isinstance(joint, JointConfig)
    assert joint.l2h_init == str(tmp_path / "nearest, GMSR" / "checkpoint.pt")
    assert joint.l2h_model == gmsr.model


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("variant = 1", "unknown key 'variant'; known keys: data_sets, base, joint, variants"),
        ("data_sets = []", "there are no variants"),
        ("data_sets = 3", "ablation.toml: data_sets must be a list, got 3"),
        ("base = 3", "ablation.toml: base must be a table, got 3"),
        ("variants = 3", r"ablation.toml: variants must be tables, \[\[variants\]\], got 3"),
        ("variants = [3]", r"ablation.toml: variants must be tables, \[\[variants\]\], got \[3\]"),
        ('[[variants]]\nname = "a"\njoint_from = "b"', "joint_from must name a variant before it, got 'b'"),
        ('[[variants]]\nname = "a"\niterations = 1\nblocks = 2', "variant 'a': unknown key 'blocks'"),
        (2 * '[[variants]]\nname = "a"\niterations = 1\n', "variant 'a': names of variants must differ"),
    ],
)
def test_what_is_no_ablation_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "ablation.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_variants(tmp_path / "ablation.toml", tmp_path)
