"""Reads pictures and frames of a data folder, or of packs, and measures their noise."""
