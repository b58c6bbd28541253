"""Warnings become notes of the picture that they are about."""

from __future__ import annotations

import logging

from srdgan_rt.files.upscale_file import collect_warnings


def test_each_warning_is_collected_once_and_only_meanwhile() -> None:
    logger = logging.getLogger("srdgan_rt.runtime")
    with collect_warnings() as messages:
        for text in ("first", "second", "first"):
            logger.warning("the %s", text)
        logger.info("the third")
    logger.warning("the fourth")
    assert messages == ["the first", "the second"]
