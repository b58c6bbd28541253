"""The engines that run a network, one module each, and the registry that chooses one."""

from srdgan_rt.runtime.engines.registry import (
    ENGINES,
    EngineChoice,
    EngineStatus,
    choose_engine,
    create_backend,
    list_engines,
    open_engines,
)

__all__ = ["ENGINES", "EngineChoice", "EngineStatus", "choose_engine", "create_backend", "list_engines", "open_engines"]
