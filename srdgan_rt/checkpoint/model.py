"""A loaded weight file: the network, its sizes, metadata and digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor, nn

from srdgan_rt.checkpoint.digest import DIGEST_KEY, digest_tensors
from srdgan_rt.errors import CheckpointError, InputError
from srdgan_rt.models import DEFAULT_HALO, H2LNet, L2HNet, ModelSpec
from srdgan_rt.models.h2l import NOISE_SIGMA, check_noise_level


@dataclass(frozen=True)
class Model:
    """A low-to-high network, which enlarges.

    Args:
        net: the network, in fp32 on the CPU and in evaluation mode where :func:`~srdgan_rt.checkpoint.load_model` made
            it.
        spec: its sizes, name, halo and border padding.
        metadata: metadata of the weight file; empty for files of other programs.
        ranges: activation ranges for int8, one tensor (37, F + 4 * G) per dense block, see
            :func:`srdgan_rt.ops.l2h_net_pack`; None where they are not known.
        sharpness: share of the sharp weights in a network between a pair (:mod:`srdgan_rt.checkpoint.pair`); 0 for all
            others.
    """

    net: L2HNet
    spec: ModelSpec
    metadata: Mapping[str, str] = field(default_factory=dict)
    ranges: Sequence[Tensor] | None = None
    sharpness: float = 0.0

    def __repr__(self) -> str:
        spec = self.spec
        sizes = f"{spec.num_blocks} RRDBs, {spec.num_features} features, growth {spec.growth_channels}"
        return f"<Model {spec.name or 'without a name'} x{spec.scale}: {sizes}, halo {spec.halo}>"

    @classmethod
    def from_net(cls, net: L2HNet, *, ranges: Sequence[Tensor] | None = None) -> Model:
        """Describes a network that comes from no file: no name, no metadata, the default halo."""
        spec = ModelSpec(
            net.num_blocks,
            net.num_features,
            net.growth_channels,
            net.scale,
            halo=net.unshuffle * DEFAULT_HALO,
            unshuffle=net.unshuffle,
        )
        return cls(net, spec, ranges=ranges)

    @cached_property
    def digest(self) -> str:
        """sha256 of the weights: as the file states it, or else computed from the network's tensors."""
        return _find_digest(self.net, self.metadata)


@dataclass(frozen=True)
class H2LModel:
    """A high-to-low network, which makes small and noisy pictures.

    Args:
        net: the network, in fp32 on the CPU and in evaluation mode where :func:`~srdgan_rt.checkpoint.load_h2l` made
            it.
        name: name of the model; empty where it has none.
        metadata: metadata of the weight file.
    """

    net: H2LNet
    name: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """sha256 of the weights: as the file states it, or else computed from the network's tensors."""
        return _find_digest(self.net, self.metadata)

    @cached_property
    def noise_levels(self) -> tuple[float, ...]:
        """Standard deviations of N, for pictures in [0, 1], that the network was trained with.

        Raises:
            CheckpointError: the metadata hold something else than such numbers.
        """
        text = self.metadata.get("noise_levels", str(NOISE_SIGMA))
        try:
            return tuple(check_noise_level(float(part)) for part in text.split(","))
        except (InputError, ValueError) as error:
            raise CheckpointError(
                f"noise_levels in the metadata must be numbers of at least 0 with commas between them, got {text!r}"
            ) from error


def _find_digest(net: nn.Module, metadata: Mapping[str, str]) -> str:
    if DIGEST_KEY in metadata:
        return metadata[DIGEST_KEY]
    return digest_tensors({name: tensor.cpu() for name, tensor in net.state_dict().items()})
