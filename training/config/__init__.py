"""Training configurations: strict dataclasses that are read from TOML."""

from training.config.batch import BatchConfig
from training.config.engine import EngineConfig
from training.config.nets import DiscriminatorConfig, H2LModelConfig, ModelConfig, PictureDiscriminatorConfig
from training.config.stage import H2LConfig, JointConfig, L2HConfig, PhaseConfig, RestorationConfig, StageConfig
from training.config.toml import build_config, read_config, read_table
from training.config.weights import H2LWeightsConfig, L2HWeightsConfig

__all__ = [
    "BatchConfig",
    "DiscriminatorConfig",
    "EngineConfig",
    "H2LConfig",
    "H2LModelConfig",
    "H2LWeightsConfig",
    "JointConfig",
    "L2HConfig",
    "L2HWeightsConfig",
    "ModelConfig",
    "PhaseConfig",
    "PictureDiscriminatorConfig",
    "RestorationConfig",
    "StageConfig",
    "build_config",
    "read_config",
    "read_table",
]
