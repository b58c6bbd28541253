"""Splits a picture into tiles; integers only."""

from srdgan_rt.tiling.plan import Box, Tile, plan_fixed_tiles, plan_tiles, split_box, split_rows
from srdgan_rt.tiling.roi import check_roi

__all__ = ["Box", "Tile", "check_roi", "plan_fixed_tiles", "plan_tiles", "split_box", "split_rows"]
