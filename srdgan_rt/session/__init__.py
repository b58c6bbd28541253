"""Enlarges pictures and camera frames without PyTorch, from import to the first result in a fraction of a second."""

from srdgan_rt.session.session import FORMATS, MATRICES, PRECISIONS, RANGES, SITINGS, Session

__all__ = ["FORMATS", "MATRICES", "PRECISIONS", "RANGES", "SITINGS", "Session"]
