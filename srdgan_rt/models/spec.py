"""Sizes of a network and what follows from them: receptive field, cost, parameters, halo."""

from __future__ import annotations

from dataclasses import dataclass

from srdgan_rt.errors import InputError
from srdgan_rt.models.l2h import check_scale

DEFAULT_HALO = 32
"""Halo in LR pixels for a file that states none.

With the full receptive field of the paper's net (379 pixels), the halo would cost many times more than the tile itself,
while pixels that far away hardly change the result. 32 is three times what comparable programs use. Shipped models
state their own, measured value.
"""

_KERNEL_AREA = 9  # every convolution of the network is 3x3
_IMAGE_CHANNELS = 3


@dataclass(frozen=True)
class ModelSpec:
    """Sizes of an :class:`~srdgan_rt.models.l2h.L2HNet` and the figures derived from them.

    Args:
        num_blocks: number of RRDBs.
        num_features: channels of the trunk.
        growth_channels: channels that each convolution of a dense block adds.
        scale: enlargement, 1, 2 or 4.
        halo: LR pixels that a tile reads around its core so that seams stay invisible.
        name: name of the model; empty where it has none.
        border_padding: LR pixels by which a picture is continued, mirrored, before the network sees it. 0 leaves the
            border to the network's own zero padding. Each model states which was measured to be better for it.
        unshuffle: pixels a side of the blocks that the network sees as one pixel, 1, 2 or 4.

    Raises:
        InputError: a size is out of range.
    """

    num_blocks: int
    num_features: int
    growth_channels: int
    scale: int = 4
    halo: int = DEFAULT_HALO
    name: str = ""
    border_padding: int = 0
    unshuffle: int = 1

    def __post_init__(self) -> None:
        for field in ("num_blocks", "num_features", "growth_channels"):
            value = getattr(self, field)
            if value < 1:
                raise InputError(f"{field} must be at least 1, got {value}")
        check_scale(self.scale, self.unshuffle)
        for field in ("halo", "border_padding"):
            value = getattr(self, field)
            if value < 0:
                raise InputError(f"{field} must be at least 0, got {value}")

    @property
    def enlargement(self) -> int:
        """Enlargement of the network's own (pixel-unshuffled) input: 1, 2 or 4."""
        return self.scale * self.unshuffle

    @property
    def num_upsamplings(self) -> int:
        """Nearest x2 enlargements in the tail: 0, 1 or 2."""
        return self.enlargement.bit_length() - 1

    @property
    def receptive_radius(self) -> int:
        """Largest distance in LR pixels at which a pixel can influence the result (379 for the paper's net)."""
        trunk = 1 + 15 * self.num_blocks + 1  # conv_first, 3 dense blocks of 5 convolutions per RRDB, conv_body
        tail = 2  # conv_hr and conv_last, in pixels of the result
        for _ in range(self.num_upsamplings):
            tail = -(-(tail + 1) // 2)  # one more convolution, then back through the enlargement, rounded up
        return self.unshuffle * (trunk + tail)

    @property
    def macs_per_pixel(self) -> int:
        """Multiply-adds per LR pixel, rounded up (19,364,544 for the paper's net)."""
        features, growth = self.num_features, self.growth_channels
        dense_block = sum((features + index * growth) * growth for index in range(4))
        dense_block += (features + 4 * growth) * features
        trunk = self._input_channels * features + 3 * self.num_blocks * dense_block + features**2
        upsampling = sum((features << level) ** 2 for level in range(1, self.num_upsamplings + 1))
        tail = self.enlargement**2 * (features**2 + features * _IMAGE_CHANNELS)
        return self._per_pixel(_KERNEL_AREA * (trunk + upsampling + tail))

    @property
    def feature_values_per_pixel(self) -> int:
        """Values that the convolutions read and write per LR pixel, rounded up, if each is run by itself.

        Inputs are counted as the convolution reads them: after enlargement, and after concatenation in a dense block.
        """
        features, growth = self.num_features, self.growth_channels
        dense_block = sum(features + index * growth + growth for index in range(4))
        dense_block += (features + 4 * growth) + features
        trunk = self._input_channels + features + 3 * self.num_blocks * dense_block + 2 * features
        upsampling = sum((2 * features) << (2 * level) for level in range(1, self.num_upsamplings + 1))
        tail = self.enlargement**2 * (2 * features + features + _IMAGE_CHANNELS)
        return self._per_pixel(trunk + upsampling + tail)

    @property
    def num_parameters(self) -> int:
        """Weights and biases (18.1 million for the paper's net)."""
        features, growth = self.num_features, self.growth_channels
        dense_block = sum((features + index * growth) * growth for index in range(4))
        dense_block += (features + 4 * growth) * features
        tail = (1 + self.num_upsamplings + 1) * features**2  # conv_body, conv_up*, conv_hr
        weights = 3 * self.num_blocks * dense_block + tail + features * (self._input_channels + _IMAGE_CHANNELS)
        biases = 3 * self.num_blocks * (4 * growth + features)
        biases += (3 + self.num_upsamplings) * features + _IMAGE_CHANNELS
        return _KERNEL_AREA * weights + biases

    @property
    def _input_channels(self) -> int:
        return _IMAGE_CHANNELS * self.unshuffle**2

    def _per_pixel(self, per_block: int) -> int:
        """Converts a value per pixel of the network's own input to a value per LR pixel."""
        return -(-per_block // self.unshuffle**2)
