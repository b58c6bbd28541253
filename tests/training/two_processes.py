"""One of the processes of ``test_engine.py``: two steps of a stage, written down."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import torch

from training.data import DataFolder
from training.engine import start_engine
from training.features import VGGFeatures
from training.samples.sampler import Sampler
from training.samples.sources import Sources
from training.train_joint import JointSampler, JointTrainer
from training.train_l2h import L2HTrainer

name, folder = sys.argv[1], Path(sys.argv[2])
job = torch.load(folder / "job.pt", weights_only=False)
config = dataclasses.replace(job["config"], iterations=2)
features = VGGFeatures(job["vgg"], config.feature_layer)
with start_engine(config.engine) as engine:
    run = folder / os.environ["WORLD_SIZE"]
    if name == "l2h":
        trainer = L2HTrainer(config, run, engine, features)
        sources = Sources(DataFolder(job["root"]), 8, config.seed, engine.batch_device)
        sampler = Sampler(sources, config.batch, config.seed, engine.share)
        batches = [sampler.batch(iteration, 8) for iteration in range(2)]
    else:
        trainer = JointTrainer(config, run, engine, features)
        joint = JointSampler(job["root"], config, engine.batch_device, share=engine.share)
        batches = [joint.batch(iteration) for iteration in range(2)]
    loss = trainer.step(batches[0])
    players = {
        f"{duel.prefix}{role}": player
        for duel in trainer.duels
        for role, player in (("generator", duel.generator), ("discriminator", duel.discriminator))
    }
    gradients = {
        f"{role}.{key}": parameter.grad.clone()
        for role, player in players.items()
        for key, parameter in player.net.named_parameters()
    }
    assert not engine.agree(False)
    assert engine.agree(engine.is_main)
    trainer.step(batches[1])
    weights = {
        f"{role}.{key}": value for role, player in players.items() for key, value in player.net.state_dict().items()
    }
    torch.save(
        {"loss": loss, "gradients": gradients, "weights": weights},
        folder / f"{engine.share.world}_{engine.share.rank}.pt",
    )
