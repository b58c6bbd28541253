"""A tiny training set in the form of the real one, and bursts whose truth is known."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from srdgan_rt.camera import Camera, simulate_capture
from srdgan_rt.checkpoint import save_model
from srdgan_rt.models import H2LNet, L2HNet
from training import config as c
from training.data.batch import DataShard, TensorBatch
from training.data.pictures import DataFolder
from training.loop.engine import Engine
from training.loop.trainer import Trainer
from training.models.features import VGGFeatures
from training.models.initialise import initialise
from training.samples.h2l_sampler import H2LSampler
from training.samples.sampler import Sampler
from training.samples.sources import Sources
from training.stages.h2l import H2LTrainer
from training.stages.joint import JointSampler, JointTrainer
from training.stages.l2h import L2HTrainer

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread: with such small nets, several would mostly wait for each other."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@dataclass(frozen=True)
class Outcome:
    """Exit status and output of a command."""

    status: int
    out: str
    err: str


@pytest.fixture
def run_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs ``python -m MODULE ARGUMENTS`` in this process: loading torch anew takes seconds."""

    def run(module: str, *arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", [module, *map(str, arguments)])
        capsys.readouterr()
        status: Any = 0
        try:
            importlib.import_module(module).main()
        except SystemExit as ended:
            status = ended.code or 0
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def training_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    (root / "train_photos").mkdir()
    for name in ("a", "b"):
        photograph = cv2.resize(rng.integers(0, 256, (12, 16, 3), np.uint8), (240, 180), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(root / "train_photos" / f"{name}.png"), photograph)
    (root / "phone_pairs" / "train").mkdir(parents=True)
    clean = np.broadcast_to(np.linspace(0, 255, 256)[None, :, None], (256, 256, 3))
    noisy = np.clip(np.rint(clean + rng.normal(0, 5 + clean / 16)), 0, 255)
    for kind, image in (("clean", clean), ("noisy", noisy)):
        cv2.imwrite(str(root / "phone_pairs" / "train" / f"0_{kind}.png"), np.rint(image).astype(np.uint8))
    return root


@pytest.fixture(scope="session")
def tiny_vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in the form of VGG16's, of its first two convolutions, with three channels."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("vgg") / "vgg.npz"
    arrays = {f"conv1_{i}.weight": rng.normal(0, 0.3, (3, 3, 3, 3)) for i in (1, 2)}
    np.savez(path, **arrays, **{f"conv1_{i}.bias": np.zeros(3) for i in (1, 2)})
    return path


_L2H_MODEL = c.ModelConfig(num_blocks=1, num_features=8, growth_channels=4)
_H2L_MODEL = c.H2LModelConfig(num_blocks=1, num_features=8)
_PICTURE_DISCRIMINATOR = c.PictureDiscriminatorConfig(num_features=4, num_halvings=2)
_NOISE_DISCRIMINATOR = c.DiscriminatorConfig(num_features=4)
_COMMON: dict[str, Any] = {
    "name": "tiny",
    "iterations": 6,
    "checkpoint_every": 3,
    "learning_rate": 1e-3,
    "feature_layer": "conv1_2",
}


@dataclass(frozen=True)
class Stage:
    """A stage at a tiny size, with all its losses."""

    name: str
    config: Any
    make_trainer: Callable[..., Trainer[Any]]  # (config, folder, engine)
    make_batch: Callable[[int], TensorBatch]

    def trainer(self, folder: Path, config: Any = None, engine: Engine | None = None) -> Trainer[Any]:
        config = config or self.config
        return self.make_trainer(config, folder, engine or Engine(config.engine))


@pytest.fixture(scope="session")
def make_stage(training_root: Path, tiny_vgg: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Stage]:
    """Makes a stage by its name, and the shard of its batches."""
    features = VGGFeatures(tiny_vgg, "conv1_2")
    torch.manual_seed(0)
    h2l_init = tmp_path_factory.mktemp("init") / "h2l.pt"
    torch.save({"params_ema": H2LNet(**vars(_H2L_MODEL), scale=4).state_dict()}, h2l_init)
    net = L2HNet(**vars(_L2H_MODEL))
    initialise(net, 0)
    l2h_init = h2l_init.with_name("l2h.safetensors")
    save_model(l2h_init, net, {}, dtype=torch.float32)

    def make(name: str, shard: DataShard = DataShard()) -> Stage:  # noqa: B008
        if name == "h2l":
            h2l = c.H2LConfig(**_COMMON, batch=4, patch=16, model=_H2L_MODEL, discriminator=_NOISE_DISCRIMINATOR)
            h2l_sampler = H2LSampler(Sources(DataFolder(training_root), 16, 0, CPU), 4, 16, 0, shard)
            return Stage(name, h2l, lambda *a: H2LTrainer(*a, features), h2l_sampler.batch)
        batch = c.BatchConfig({"phone_noise": 2, "phone_pair": 2, "clean_nearest": 1, "clean_bicubic": 1})
        if name == "l2h":
            l2h = c.L2HConfig(
                **_COMMON,
                model=_L2H_MODEL,
                batch=batch,
                discriminator=_PICTURE_DISCRIMINATOR,
                weights=c.L2HWeightsConfig(1.0, 0.1, 0.01, 0.1, 0.1),
                phases=(c.PhaseConfig(patch=8),),
            )
            l2h_sampler = Sampler(Sources(DataFolder(training_root), 8, 0, CPU), batch.counts, 0, shard)
            return Stage(name, l2h, lambda *a: L2HTrainer(*a, features), lambda i: l2h_sampler.batch(i, 8))
        joint = c.JointConfig(
            **_COMMON,
            h2l_init=str(h2l_init),
            l2h_init=str(l2h_init),
            size=4,
            patch=16,
            batch=batch,
            h2l_model=_H2L_MODEL,
            l2h_model=_L2H_MODEL,
            h2l_discriminator=_NOISE_DISCRIMINATOR,
            l2h_discriminator=_PICTURE_DISCRIMINATOR,
            l2h_weights=c.L2HWeightsConfig(1.0, 0.1, 0.01, 0.1, 0.1),
        )
        joint_sampler = JointSampler(training_root, joint, CPU, shard=shard)
        return Stage(name, joint, lambda *a: JointTrainer(*a, features), joint_sampler.batch)

    return make


@pytest.fixture(params=["h2l", "l2h", "joint"])
def stage(request: pytest.FixtureRequest, make_stage: Callable[..., Stage]) -> Stage:
    """Each of the three stages."""
    return make_stage(request.param)


@dataclass(frozen=True)
class TakenBurst:
    """A burst whose truth is known."""

    frames: list[NDArray[np.uint8]]
    truth: NDArray[np.float32]  # frame 0 without noise, 0..255
    motions: list[tuple[NDArray[np.float64], NDArray[np.float64]]]  # where each frame shows the pixels of frame 0: x, y


class Photographer:
    """Captures a scene made of waves with the camera model; the scene is also known between pixels."""

    height, width = 200, 264
    camera = Camera(shot=0.0004, read=0.00001, white_balance=(1.6, 1.5))

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        frequencies = self.rng.normal(0, 0.12, (24, 2))  # radians per pixel: bilinear demosaicing blurs more
        phases = self.rng.uniform(0, 2 * np.pi, 24)
        colours = self.rng.normal(0, 0.03, (24, 3)) + self.rng.normal(0, 0.03, (24, 1))
        self._waves = [values.astype(np.float32) for values in (frequencies, phases, colours)]

    def take(
        self,
        shifts: NDArray[np.float64],  # (N, 2) by which the content of each frame moves
        *,
        degrees: float = 0.0,  # the largest angle
        wobble: float = 0.0,  # pixels, from place to place
        disc: tuple[float, NDArray[np.float64]]
        | None = None,  # how much brighter, and where its centre is in each frame
    ) -> TakenBurst:
        y, x = np.mgrid[: self.height, : self.width].astype(np.float64)
        frames, motions, truth = [], [], np.empty(0, np.float32)
        for index, (dx, dy) in enumerate(shifts):
            angle = np.deg2rad(degrees) * (0 if index == 0 else self.rng.uniform(-1, 1))
            place = (dx, dy, angle, 0.0 if index == 0 else wobble)
            # The way back from frame 0, by fixed-point steps.
            back_x, back_y = x.copy(), y.copy()
            for _ in range(30):
                u, v = _to_scene(back_x, back_y, *place)
                back_x, back_y = back_x + x - u, back_y + y - v
                if max(np.abs(x - u).max(), np.abs(y - v).max()) < 1e-6:
                    break
            motions.append((back_x, back_y))
            clean = self._draw(*_to_scene(x, y, *place))
            if disc is not None:
                contrast, centres = disc
                distance = np.hypot(x - centres[index, 0], y - centres[index, 1])
                clean = clean + (contrast * np.clip(9 - distance, 0, 1))[..., None].astype(np.float32)
            clean = np.clip(clean, 0.1, 0.85).astype(np.float32)
            frames.append(np.rint(simulate_capture(clean, self.camera, self.rng, mosaic=True) * 255).astype(np.uint8))
            if index == 0:
                truth = simulate_capture(clean, replace(self.camera, shot=0, read=0), self.rng, mosaic=True) * 255
        return TakenBurst(frames, truth, motions)

    def _draw(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
        frequencies, phases, colours = self._waves
        places = np.stack([x, y], -1).astype(np.float32)
        return 0.45 + np.cos(places @ frequencies.T + phases) @ colours


def _to_scene(x: Any, y: Any, dx: float, dy: float, angle: float, wobble: float) -> tuple[Any, Any]:
    """The point of frame 0 that a frame shows at its pixel (x, y)."""
    c, s = np.cos(angle), np.sin(angle)
    bend_x, bend_y = wobble * np.sin(y / 60), wobble * np.cos(x / 70)
    x, y = x - dx, y - dy
    return c * x - s * y - bend_x, s * x + c * y - bend_y


@pytest.fixture
def photographer() -> Photographer:
    return Photographer(0)
