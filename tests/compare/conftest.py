"""Pictures to compare, and the data that a page holds."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pytest

from srdgan_rt.image import Metadata, Picture, write_picture


class Page(HTMLParser):
    """What a browser finds in a page: elements, and the texts of title and scripts."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements, self.texts = [], []
        self.feed(page.decode())
        self.close()
        self.title = next(text for name, _, text in self.texts if name == "title")
        scripts = [(dict(attributes), text) for name, attributes, text in self.texts if name == "script"]
        self.pictures = [json.loads(text) for attributes, text in scripts if attributes.get("class") == "picture"]
        self.scores = next(json.loads(text) for attributes, text in scripts if attributes.get("id") == "scores")
        self.num_scripts = len(scripts)

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        self.texts.append([name, attributes, ""])

    def handle_endtag(self, name):
        self.texts.append(["", (), ""])

    def handle_data(self, data):
        if self.texts:
            self.texts[-1][2] += data


@pytest.fixture
def read_page():
    return Page


@pytest.fixture
def draw(tmp_path):
    """Writes a picture of one colour, or of the given pixels; returns its path."""

    def draw(name, pixels=(10, 20, 30), size=(12, 16), metadata=None):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(pixels, np.ndarray):
            pixels = np.full((*size, len(pixels)), pixels, np.uint8)
        write_picture(path, Picture(pixels, metadata or Metadata()))
        return path

    return draw
