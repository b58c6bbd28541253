"""A folder of engines of the test's own, and recipes and engines that cost nothing."""

from __future__ import annotations

import dataclasses

import pytest
from empty_engines import RECIPE, Builder

from srdgan_rt.tensorrt.cache import FOLDER_VARIABLE, EngineCache
from srdgan_rt.tensorrt.recipe import Profile


@pytest.fixture
def recipe():
    return RECIPE


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "engines"))
    return tmp_path / "engines"


@pytest.fixture
def cache(folder):
    return EngineCache()


@pytest.fixture
def builder():
    return Builder()


@pytest.fixture
def variants(recipe):
    """Other recipes than ``recipe``, each of which differs in one field."""
    changes = {
        "graph": "cd" * 32,
        "form": "push",
        "precision": "bf16",
        "profile": Profile(1, 64, 256),
        "library": "tensorrt",
        "version": "1.8.0",
        "targets": ("sm80",),
        "gpu": "RTX 4090",
        "driver": "580.1",
        "ranges": "ef" * 32,
    }
    assert {*changes, "model"} == {field.name for field in dataclasses.fields(recipe)}
    return {name: dataclasses.replace(recipe, **{name: value}) for name, value in changes.items()}
