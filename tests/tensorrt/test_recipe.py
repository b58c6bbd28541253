"""The key of an engine depends on everything that decides what it is."""

from __future__ import annotations

import dataclasses
import json

import pytest

from srdgan_rt.errors import InputError
from srdgan_rt.tensorrt.recipe import Profile, Recipe, is_stem
from srdgan_rt.tensorrt.targets import check_precision, list_targets, parse_targets


def test_every_field_but_the_name_changes_the_key(recipe, variants):
    keys = {name: variant.key for name, variant in variants.items()}
    assert len({*keys.values(), recipe.key}) == len(keys) + 1
    assert dataclasses.replace(recipe, model="other").key == recipe.key


def test_survives_json(recipe):
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize("change", [{"format": 0}, {"form": None, "unknown": 1}, {"profile": 3}])
def test_what_is_no_recipe_is_refused(recipe, change):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Recipe.from_dict({**recipe.to_dict(), **change})


def test_the_name_of_the_file_is_harmless(recipe):
    assert dataclasses.replace(recipe, model="../a b").stem == f"___a_b-fp16-concat-{recipe.key[:16]}"
    assert dataclasses.replace(recipe, model="").stem.startswith("net-")


@pytest.mark.parametrize("model", ["srdgan-x4-fast", "", "../a b", "x4.v2", "noël²"])
def test_the_name_of_the_file_is_known_again(recipe, variants, model):
    assert all(is_stem(dataclasses.replace(each, model=model).stem) for each in (recipe, *variants.values()))


@pytest.mark.parametrize("name", ["yolo", "a-fp16-concat-0123", "yolo-v8-fp16", "a-fp16-concat-0123456789abcdef.best"])
def test_other_names_are_not(name):
    assert not is_stem(name)


def test_an_engine_serves_fewer_gpus_and_smaller_tiles(recipe, variants):
    assert recipe.serves(dataclasses.replace(recipe, model="renamed", profile=Profile(2, 16, 64), targets=("sm89",)))
    assert not recipe.serves(dataclasses.replace(recipe, targets=("sm86",)))
    for name, variant in variants.items():
        assert recipe.serves(variant) == (name == "targets")


def test_an_engine_with_any_ranges_serves_who_asks_for_none(recipe):
    ranged = dataclasses.replace(recipe, precision="int8", ranges="ef" * 32)
    assert ranged.serves(dataclasses.replace(ranged, ranges=""))
    assert ranged.serves(ranged)
    assert not ranged.serves(dataclasses.replace(ranged, ranges="ab" * 32))


@pytest.mark.parametrize("sides", [(0, 1, 1), (2, 1, 3), (1, 4, 3)])
def test_profiles_are_in_order(sides):
    with pytest.raises(InputError, match="a profile needs 1 <= smallest <= best <= largest"):
        Profile(*sides)


def test_targets_are_sorted_and_unique():
    assert parse_targets("SM120, sm80,sm120,sm89") == ("sm80", "sm89", "sm120")


@pytest.mark.parametrize("text", ["sm90", "", "sm80,", "89"])
def test_unknown_targets_are_refused(text):
    with pytest.raises(InputError, match="--arch must be of sm75, sm80, sm86, sm89, sm120"):
        parse_targets(text)


def test_a_precision_that_a_target_lacks_is_refused():
    check_precision("bf16", ["sm80"])
    assert list_targets("bf16") == ("sm80", "sm86", "sm89", "sm120")
    assert "sm75" in list_targets("fp16")
    with pytest.raises(InputError, match="bf16 needs sm80 or newer, got sm75"):
        check_precision("bf16", ["sm75", "sm80"])
    with pytest.raises(InputError, match="precision must be fp16, bf16, fp32, int8, fp8, got 'int4'"):
        check_precision("int4", [])
