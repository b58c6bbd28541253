"""Fits the camera model to real phones."""
