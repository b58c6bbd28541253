"""One process of the test that two processes train like one: writes the results of two steps of each stage."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from training.data.pictures import DataFolder
from training.loop.engine import Engine, start_engine
from training.loop.trainer import Trainer
from training.models.features import VGGFeatures
from training.samples.sampler import Sampler
from training.samples.sources import Sources
from training.stages.joint import JointSampler, JointTrainer
from training.stages.l2h import L2HTrainer


def make_run(
    job: Mapping[str, Any], name: str, folder: Path, engine: Engine, features: VGGFeatures
) -> tuple[Trainer[Any], list[Any]]:
    """The trainer of a stage and its first two batches."""
    config = dataclasses.replace(job["configs"][name], iterations=2)
    if name == "l2h":
        sources = Sources(DataFolder(job["root"]), 8, config.seed, engine.batch_device)
        sampler = Sampler(sources, config.batch.counts, config.seed, engine.shard)
        return L2HTrainer(config, folder, engine, features), [sampler.batch(iteration, 8) for iteration in range(2)]
    joint = JointSampler(job["root"], config, engine.batch_device, shard=engine.shard)
    return JointTrainer(config, folder, engine, features), [joint.batch(iteration) for iteration in range(2)]


def train(folder: Path) -> None:
    """Trains the stages of ``job.pt``, in the processes that the environment variables of ``torchrun`` describe."""
    job = torch.load(folder / "job.pt", weights_only=False)
    first, *_ = job["configs"].values()
    features = VGGFeatures(job["vgg"], first.feature_layer)
    with start_engine(first.engine) as engine:
        for name in job["configs"]:
            trainer, batches = make_run(job, name, folder / f"{name}_{engine.shard.world}", engine, features)
            loss = trainer.step(batches[0])
            nets = {
                f"{gan.prefix}{role}": trained_net.net
                for gan in trainer.gans
                for role, trained_net in (("generator", gan.generator), ("discriminator", gan.discriminator))
            }
            gradients = {
                f"{role}.{key}": parameter.grad.clone()
                for role, net in nets.items()
                for key, parameter in net.named_parameters()
            }
            assert not engine.agree(False)
            assert engine.agree(engine.is_main)
            trainer.step(batches[1])
            weights = {f"{role}.{key}": value for role, net in nets.items() for key, value in net.state_dict().items()}
            torch.save(
                {"loss": loss, "gradients": gradients, "weights": weights},
                folder / f"{name}_{engine.shard.world}_{engine.shard.rank}.pt",
            )


if __name__ == "__main__":
    train(Path(sys.argv[1]))
