"""Sizes of the nets and of their discriminators."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the low-to-high net; its scale is that of the data."""

    num_blocks: int = 25
    num_features: int = 64
    growth_channels: int = 32


@dataclass(frozen=True)
class H2LModelConfig:
    """Sizes of the high-to-low net; its scale is that of the data."""

    num_blocks: int = 4
    num_features: int = 64


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Size of the discriminator of the high-to-low net."""

    num_features: int = 64


@dataclass(frozen=True)
class PictureDiscriminatorConfig:
    """Size of the discriminator of the low-to-high net."""

    num_features: int = 64
    num_halvings: int = 3  # a logit sees 7 * 2 ** num_halvings pixels a side
