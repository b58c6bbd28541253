"""Training pairs made on the fly from clean photographs, real phone noise and the camera model.

Every sample is a function of the seed and the iteration alone, so a resumed run sees what an uninterrupted one would.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from srdgan_rt.camera import photograph, random_camera
from srdgan_rt.errors import InputError
from srdgan_rt.image import READABLE_EXTENSIONS, read_picture
from srdgan_rt.image.depth import convert_depth
from srdgan_rt.image.resample import resize_bicubic, shift_half_pixel
from srdgan_rt.metrics import round_to_8_bits
from srdgan_rt.metrics.protocol import PHASE as PHASE
from srdgan_rt.metrics.protocol import SCALE as SCALE
from training.batches import Share, TensorBatch
from training.config import BatchConfig
from training.data_record import note_file
from training.whole_frame import photograph_whole

Bytes = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float32]

MARGIN = 2 * SCALE  # high-resolution pixels around a patch that filters may look at, cut off afterwards
PYRAMID = (1.0, 0.5, 1 / 3)  # photographs are also used smaller: sharper and with denser detail
_NOISY_KINDS = ("phone_noise", "camera_noise", "camera_frame")


def read_rgb(path: Path) -> Bytes:
    """Decodes any picture, upright, as ``(H, W, 3)`` RGB uint8.

    Alpha is dropped, grey becomes RGB, 16 bits are scaled to 8. Raises ImageReadError, which names the file.
    """
    pixels = read_picture(path).pixels
    note_file(path)
    if pixels.ndim == 2 or pixels.shape[2] == 2:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], -1)[..., :1], 3, -1)
    return np.ascontiguousarray(convert_depth(pixels[..., :3], np.uint8))


def find_photographs(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted; InputError when there are none."""
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in READABLE_EXTENSIONS)
    if not paths:
        raise InputError(f"no pictures in {folder}")
    return paths


def load_photographs(folder: Path, smallest_side: int) -> list[Bytes]:
    """Decodes a folder of photographs at several sizes, all kept in memory.

    Args:
        folder: holds the pictures.
        smallest_side: levels with a shorter side are left out.

    Returns:
        ``(H, W, 3)`` uint8 RGB each.
    """
    return [level for path in find_photographs(folder) for level in load_levels(path, smallest_side)]


def load_levels(path: Path, smallest_side: int) -> list[Bytes]:
    """One photograph at the sizes that :func:`load_photographs` gives, ``(H, W, 3)`` each, the largest first."""
    photograph_ = read_rgb(path)
    levels = []
    for factor in PYRAMID:
        height, width = (round(side * factor) for side in photograph_.shape[:2])
        if min(height, width) >= smallest_side:
            level = cv2.resize(photograph_, (width, height), interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(level, np.uint8))
    return levels


class Photographs:
    """The clean pictures of a folder, kept in memory, to take random crops from.

    Args:
        folder: holds the pictures.
        patch: low-resolution pixels a side that will be asked for at most.

    Raises:
        InputError: no picture is there, one cannot be read, or none is large enough.
    """

    def __init__(self, folder: Path, patch: int) -> None:
        self._levels = load_photographs(folder, SCALE * patch + 2 * MARGIN)
        if not self._levels:
            raise InputError(f"no photograph in {folder} is large enough for patches of {patch}")
        areas = np.array([level.shape[0] * level.shape[1] for level in self._levels], np.float64)
        self._odds = np.sqrt(areas) / np.sqrt(areas).sum()

    def crop(self, size: int, rng: np.random.Generator) -> Array:
        """``(size, size, 3)`` in [0, 1] of a random place, turned and mirrored at random."""
        level = self._levels[rng.choice(len(self._levels), p=self._odds)]
        return crop(level, size, rng)


@dataclass(frozen=True)
class PhoneFrame:
    """A real noisy frame and its clean twin at low resolution, with its noise sorted by brightness."""

    clean: Bytes  # (H, W, 3)
    noisy: Bytes  # (H, W, 3)
    brightness: Array  # (H * W,) sorted sum of the clean channels, 0..765
    residual: npt.NDArray[np.int16]  # (H * W, 3) noisy - clean, in the order of brightness

    def resample_noise(self, clean: Array, rng: np.random.Generator) -> Array:
        """Gives a clean picture the noise that this frame has at the same brightness.

        A residual is taken whole from one pixel, so that its three channels keep their correlation, its
        distribution (clipped, skewed, biased as real phone noise is) and its dependence on the signal.

        Args:
            clean: ``(H, W, 3)`` in [0, 1].
            rng: picks the pixels.

        Returns:
            ``(H, W, 3)`` in [0, 1], rounded to 8 bits as a phone would.
        """
        levels = (clean * 255).sum(-1).ravel()
        centre = np.searchsorted(self.brightness, levels + rng.uniform(-1.5, 1.5, levels.shape))
        spread = len(self.brightness) // 256
        picks = np.clip(centre + rng.integers(-spread, spread + 1, levels.shape), 0, len(self.brightness) - 1)
        noisy = clean * 255 + self.residual[picks].reshape(clean.shape)
        return np.asarray(np.clip(np.rint(noisy), 0, 255) / 255, np.float32)


def read_phone_pairs(folder: Path, smallest_side: int = 1) -> list[tuple[Bytes, Bytes]]:
    """Reads pairs ``*_clean.*`` / ``*_noisy.*``.

    Args:
        folder: holds the pairs.
        smallest_side: what a pair must have at least.

    Returns:
        (clean, noisy), ``(H, W, 3)`` each, in the order of the names.

    Raises:
        InputError: a pair does not fit or is too small, a picture cannot be read, or there is none.
    """
    pairs = []
    for path in sorted(folder.glob("*_clean.*")):
        clean, noisy = read_rgb(path), read_rgb(path.with_name(path.name.replace("_clean.", "_noisy.")))
        if clean.shape != noisy.shape:
            raise InputError(f"{path.name} and its noisy twin differ in size: {clean.shape} and {noisy.shape}")
        if min(clean.shape[:2]) < smallest_side:
            raise InputError(f"{path.name} must have at least {smallest_side} pixels a side, has {clean.shape[:2]}")
        pairs.append((clean, noisy))
    if not pairs:
        raise InputError(f"no *_clean.* / *_noisy.* pairs in {folder}")
    return pairs


_FRAME_STEPS = {"phone_pairs": 1, "pairs": SCALE}  # frames sampled down already, and whole ones


def read_frames(root: Path, split: str, smallest_side: int = 1) -> list[tuple[Bytes, Bytes]]:
    """Reads real frames with their clean twins, at low resolution.

    Args:
        root: holds ``phone_pairs/SPLIT``, frames that are sampled down already, or ``pairs/SPLIT``, whole ones as
            ``training.make_pairs`` writes them, or both. Of a whole frame the middle samples are taken.
        split: "train" or "test".
        smallest_side: low-resolution pixels that a frame must have at least.

    Returns:
        (clean, noisy), ``(H, W, 3)`` each.

    Raises:
        InputError: as :func:`read_phone_pairs`, or neither folder is there.
    """
    pairs = []
    for folder, step in _frame_folders(root, split):
        for clean, noisy in read_phone_pairs(folder, step * smallest_side):
            pairs.append((clean[step // 2 :: step, step // 2 :: step], noisy[step // 2 :: step, step // 2 :: step]))
    if not pairs:
        folders = " nor ".join(str(root / name / split) for name in _FRAME_STEPS)
        raise InputError(f"no noisy frames with clean twins: neither {folders} is there")
    return pairs


def has_frames(root: Path, split: str) -> bool:
    """Whether :func:`read_frames` finds a folder."""
    return bool(_frame_folders(root, split))


def _frame_folders(root: Path, split: str) -> list[tuple[Path, int]]:
    """The folders that are there, and how many of their pixels make one at low resolution."""
    folders = [(root / name / split, step) for name, step in _FRAME_STEPS.items()]
    return [(folder, step) for folder, step in folders if folder.is_dir()]


def load_phone_frames(root: Path) -> list[PhoneFrame]:
    """Reads the frames to train on as :func:`read_frames` does and sorts their noise by brightness."""
    frames = []
    for clean, noisy in read_frames(root, "train"):
        brightness = clean.reshape(-1, 3).sum(1, dtype=np.int32)
        order = np.argsort(brightness, kind="stable")
        residual = (noisy.astype(np.int16) - clean).reshape(-1, 3)[order]
        frames.append(PhoneFrame(clean, noisy, brightness[order].astype(np.float32), residual))
    return frames


@dataclass(frozen=True)
class Batch(TensorBatch):
    """Tensors of one step, RGB in [0, 1]."""

    low: Tensor  # (N, 3, P, P)
    high: Tensor  # (N - M, 3, 4P, 4P): what the first N - M samples should become
    low_clean: Tensor  # (M, 3, P, P): for the last M, only the clean value of each low-resolution sample is known


class PairSource(Protocol):
    """Finished pairs, such as those that a high-to-low net made."""

    def crop(self, patch: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """A random place: (low, high), ``(P, P, 3)`` and ``(4P, 4P, 3)`` in [0, 1] on the centred grid."""


class PairSampler:
    """Makes batches from photographs, real frames (:func:`read_frames`) and the camera model.

    Args:
        root: the folder with ``train_photos`` and the frames; only what the kinds asked for need is read.
        batch: how many samples of each kind, and how noisy ones are sampled down.
        seed: with the iteration and the place in the batch, decides every sample.
        largest_patch: low-resolution pixels a side that will be asked for at most.
        gmsr: where samples of the kind ``gmsr`` come from.
        share: the part of the batch that is made.

    Raises:
        InputError: a folder is missing or empty, a picture is too small, samples of ``gmsr`` are asked for without a
            source, or the samples cannot be shared out evenly.
        ImageReadError: a picture cannot be read.
    """

    def __init__(
        self,
        root: Path,
        batch: BatchConfig,
        seed: int,
        largest_patch: int,
        gmsr: PairSource | None = None,
        share: Share = Share(),  # noqa: B008 (immutable)
    ) -> None:
        if batch.gmsr and gmsr is None:
            raise InputError(f"batch.gmsr is {batch.gmsr}, so a folder of generated pairs is needed: give it by --gmsr")
        kinds = [kind for kind in batch.known_kinds for _ in range(getattr(batch, kind))]
        # The place in the whole batch and what is there: where the HR is known, and where it is not.
        self._known = [(place, kinds[place]) for place in share.of(len(kinds), "the samples with a known HR")]
        self._unknown = [len(kinds) + place for place in share.of(batch.phone_pair, "batch.phone_pair")]
        self._sampling = batch.sampling
        self._seed = seed
        self._gmsr = gmsr
        if set(kinds) - {"gmsr"}:
            self._photographs = Photographs(root / "train_photos", largest_patch)
        if batch.phone_noise or batch.phone_pair:
            self._frames = load_phone_frames(root)
            # Noisy frames are where the work is: they are drawn more often.
            spread = np.array([frame.residual.std() for frame in self._frames])
            self._frame_odds = spread / spread.sum()

    def batch(self, iteration: int, patch: int) -> Batch:
        """The batch of an iteration, with low-resolution patches of ``patch`` x ``patch`` pixels."""
        known = [self._make_pair(kind, patch, self._rng(iteration, place)) for place, kind in self._known]
        unknown = [self._crop_phone_pair(patch, self._rng(iteration, place)) for place in self._unknown]
        return Batch(
            stack([low for low, _ in known + unknown], patch),
            stack([high for _, high in known], SCALE * patch),
            stack([clean for _, clean in unknown], patch),
        )

    def _rng(self, iteration: int, place: int) -> np.random.Generator:
        return np.random.default_rng((self._seed, iteration, place))

    def _pick_frame(self, rng: np.random.Generator) -> PhoneFrame:
        return self._frames[rng.choice(len(self._frames), p=self._frame_odds)]

    def _make_pair(self, kind: str, patch: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """One (low, high) pair of a kind, ``(P, P, 3)`` and ``(4P, 4P, 3)``."""
        if kind == "gmsr":
            assert self._gmsr is not None
            return self._gmsr.crop(patch, rng)
        low, high = _downsample(self._draw_clean(kind, patch, rng), self._choose_sampling(kind, rng))
        if kind == "phone_noise":
            low = self._pick_frame(rng).resample_noise(low, rng)
        elif kind == "camera_noise":
            low = photograph(low, random_camera(rng), rng, mosaic=False)
        elif kind == "camera_frame":
            low = photograph_whole(low, rng)
        return trim(round_to_8_bits(low), patch), trim(high, SCALE * patch)

    def _draw_clean(self, kind: str, patch: int, rng: np.random.Generator) -> Array:
        """``(4P + 2 * MARGIN, 4P + 2 * MARGIN, 3)``: the picture that a pair is made from."""
        size = SCALE * patch + 2 * MARGIN
        if rng.random() < 0.03:  # flat fields keep their value: 0 stays 0, 255 stays 255, grey stays grey
            colour = rng.random(3) if rng.random() < 0.4 else np.full(3, rng.choice((0.0, 1.0, rng.random())))
            return np.broadcast_to(colour, (size, size, 3)).astype(np.float32)
        clean = self._photographs.crop(size, rng)
        if kind in _NOISY_KINDS:
            clean = soften_and_darken(clean, rng)
        if rng.random() < 0.05:
            clean = np.repeat(clean.mean(-1, keepdims=True), 3, -1)
        return clean

    def _choose_sampling(self, kind: str, rng: np.random.Generator) -> str:
        if kind == "clean_nearest":
            return "nearest"
        if kind in ("clean_bicubic", "camera_frame"):
            return "area" if rng.random() < 0.2 else "bicubic"
        return self._sampling

    def _crop_phone_pair(self, patch: int, rng: np.random.Generator) -> tuple[Array, Array]:
        frame = self._pick_frame(rng)
        both = crop(np.concatenate([frame.noisy, frame.clean], -1), patch, rng)
        return both[..., :3], both[..., 3:]


def low_samples(high: Tensor) -> Tensor:
    """Reads the value of an enlarged picture where the low-resolution samples lie.

    Args:
        high: ``(N, 3, 4P, 4P)`` on the centred grid.

    Returns:
        ``(N, 3, P, P)``: the middle of each 4x4 block, interpolated.
    """
    return shift_half_pixel(high)[..., PHASE - 1 :: SCALE, PHASE - 1 :: SCALE]


def crop(image: Bytes, size: int, rng: np.random.Generator) -> Array:
    """A random place of a picture ``(H, W, C)``, turned and mirrored at random: ``(size, size, C)`` in [0, 1]."""
    y, x = (int(rng.integers(side - size + 1)) for side in image.shape[:2])
    image = np.rot90(image[y : y + size, x : x + size], int(rng.integers(4)))
    if rng.random() < 0.5:
        image = image[:, ::-1]
    return np.asarray(image / np.float32(255), np.float32)


def soften_and_darken(clean: Array, rng: np.random.Generator) -> Array:
    """Makes a web-sized photograph ``(H, W, 3)`` more like what a phone takes before noise is added."""
    if rng.random() >= 0.3:  # photographs at full resolution are softer
        sigma = float(rng.uniform(0.4, 2.2))
        clean = np.asarray(cv2.GaussianBlur(clean, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101), np.float32)
    if rng.random() < 0.6:  # noise lives in the dark
        clean = clean * np.float32(rng.uniform(0.2, 1.0))
    return clean


def _downsample(clean: Array, sampling: str) -> tuple[Array, Array]:
    """(low, high) of a picture ``(4S, 4S, 3)``, both in [0, 1], on the centred grid; ``sampling`` as in BatchConfig."""
    size = clean.shape[0] // SCALE
    if sampling == "area":
        return np.asarray(cv2.resize(clean, (size, size), interpolation=cv2.INTER_AREA), np.float32), clean
    if sampling == "bicubic":
        return np.clip(as_array(resize_bicubic(as_tensor(clean), size, size)), 0, 1), clean
    return clean[PHASE::SCALE, PHASE::SCALE], centred(clean)


def centred(clean: Array) -> Array:
    """Moves a picture by half a pixel, so that each of its samples ``[4i + 2]`` lies in the middle of its block.

    Args:
        clean: ``(H, W, 3)`` in [0, 1].

    Returns:
        The same shape, in [0, 1]; exact but for four pixels at the borders, which are mirrored.
    """
    return np.clip(as_array(shift_half_pixel(as_tensor(clean))), 0, 1)


def trim(image: Array, size: int) -> Array:
    """The middle ``(size, size, C)`` of a square picture."""
    margin = (image.shape[0] - size) // 2
    return image[margin : margin + size, margin : margin + size]


def as_tensor(image: Array) -> Tensor:
    """``(H, W, C)`` to ``(C, H, W)``."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)


def as_array(image: Tensor) -> Array:
    """``(C, H, W)`` to ``(H, W, C)``."""
    return np.asarray(image.permute(1, 2, 0).numpy(), np.float32)


def stack(images: list[Array], size: int) -> Tensor:  # -> (N, 3, size, size)
    """Makes a batch of pictures ``(size, size, 3)``, of none, too."""
    if not images:
        return torch.empty(0, 3, size, size)
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
