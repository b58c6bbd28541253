"""A page that compares pictures of one scene: one HTML file that needs nothing else."""

from srdgan_rt.compare.page import Comparison, compare_files

__all__ = ["Comparison", "compare_files"]
