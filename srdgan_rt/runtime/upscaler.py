"""``Upscaler``, the public interface: enlarges pictures of any size, depth and layout."""

from __future__ import annotations

import copy
import os
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from srdgan_rt._fork import note_threads
from srdgan_rt.checkpoint import DEFAULT_MODEL, Model, load_model
from srdgan_rt.checkpoint.locate import find_only_weights, pin_model
from srdgan_rt.checkpoint.pair import check_sharpness
from srdgan_rt.checks import check_whole
from srdgan_rt.errors import InputError
from srdgan_rt.models import L2HNet
from srdgan_rt.pixels import Pixels, check_pixels
from srdgan_rt.runtime.backend import Backend
from srdgan_rt.runtime.engines import choose_engine, open_engines
from srdgan_rt.runtime.enlarge import enlarge_picture, enlarge_tensor
from srdgan_rt.runtime.grid import OutputGrid, check_outscale
from srdgan_rt.runtime.noise_level import check_denoise, choose_denoise
from srdgan_rt.runtime.pixels import check_batch
from srdgan_rt.runtime.progress import ProgressCallback
from srdgan_rt.runtime.realesrgan import enhance
from srdgan_rt.runtime.runner import Runner, open_runner
from srdgan_rt.runtime.self_ensemble import SelfEnsemble
from srdgan_rt.runtime.source import Source
from srdgan_rt.tiling import Box, check_roi


class Upscaler:
    """Enlarges and denoises pictures with one network.

    One object may be used by several threads at once: a call changes only the counter ``fp32_fallbacks`` and, with
    ``engine="auto"`` on a CUDA device, the engine; both are locked. Results are deterministic on the same machine, with
    the same engine and tile size.

    An object can be pickled and copied. It is then made anew with the same arguments: weights are read from their file
    again, but a network that was passed as an object is itself pickled. A process that is forked after use computes on
    one thread; a process that is spawned computes on all.

    Args:
        model: name of a shipped model, path of a weight file, or a network or
            :class:`~srdgan_rt.checkpoint.Model`, which is copied.
        sharpness: for a model with sharp weights beside its own (:mod:`srdgan_rt.checkpoint.pair`): 0 is the most
            faithful, 1 the sharpest, numbers between mix the two. None is the model's default; 0 for other models.
        device: ``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:N``.
        engine: ``auto``, ``native`` (this package's kernels), ``torch`` (the reference), ``onnxruntime``, ``tensorrt``
            (CUDA) or ``cuda`` (this package's CUDA kernels; docs/cuda.md). ``auto`` takes ``native`` on the CPU, and on
            a CUDA device ``cuda`` where it was timed (compute capability 9.0), else ``torch``. With TensorRT it changes
            to ``tensorrt`` between two pictures once that is built and proves to be right and not slower;
            docs/tensorrt.md.
        precision: ``auto`` (fp16 on CUDA; on the CPU fp32 or, where the engine ``native`` has AMX for it, bf16, whose
            8-bit results differ by at most 1), ``fp32``, ``fp16``, ``bf16``, ``int8`` (engine ``native`` on processors
            with VNNI or ARM's dotprod, or ``tensorrt``) or ``fp8`` (``tensorrt``). In all but fp32, and bf16 and int8
            of ``native``, a tile that is black or not finite is recomputed in fp32. PyTorch computes fp32 without TF32,
            which it would use on a GPU by default.
        tile: largest side of a tile in LR pixels; None chooses by free memory, 0 disables tiling. The engine ``native``
            works in strips of about this many rows, and its result does not depend on the value. With ``tta``, tiles
            are used.
        halo: LR pixels read around a tile or region; None is the model's own, measured value.
        border_padding: LR pixels by which the picture is continued, mirrored, before the network sees it. They are
            cropped afterwards. None is the model's own value, which is 0 for weights of other programs.
        tta: takes the mean of the results for all flips and turns of the picture: better, in eight times the time
            (test-time augmentation, :mod:`srdgan_rt.runtime.self_ensemble`).

    Raises:
        CheckpointError: the model cannot be loaded, or has no sharp weights and ``sharpness`` is above 0.
        BackendUnavailableError: the engine, device or precision cannot be used here; the message says why.
        InputError: an argument is out of range.

    Attributes:
        spec: sizes of the network; halo and border padding are those in use.
        metadata: metadata of the weight file.
        sharpness: sharpness in use.
        scale: enlargement of the network.
        device: device that the network runs on.
        engine: name of the engine that serves now; with ``auto`` it may change, see above.
        precision: precision that was chosen.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | L2HNet | Model = DEFAULT_MODEL,
        *,
        sharpness: float | None = None,
        device: str | torch.device = "auto",
        engine: str = "auto",
        precision: str = "auto",
        tile: int | None = None,
        halo: int | None = None,
        border_padding: int | None = None,
        tta: bool = False,
    ) -> None:
        for name, value in (("tile", tile), ("halo", halo), ("border_padding", border_padding)):
            if value is not None:
                check_whole(name, value, 0)
        if sharpness is not None and check_sharpness(sharpness) > 0 and isinstance(model, L2HNet | Model):
            raise InputError(f"sharpness needs a model by name or path, for a network it must be 0, got {sharpness:g}")
        choice = choose_engine(engine, device, precision)  # before large weights are read
        note_threads()
        # What pickle makes the same object from in another process.
        self._source = copy.deepcopy(model) if isinstance(model, L2HNet | Model) else pin_model(model)
        self._options: dict[str, Any] = {
            "sharpness": sharpness,
            "device": device,
            "engine": engine,
            "precision": precision,
            "tile": tile,
            "halo": halo,
            "border_padding": border_padding,
            "tta": tta,
        }
        if isinstance(model, L2HNet):
            model = Model.from_net(model)
        elif not isinstance(model, Model):
            with_ranges = (choice.name, choice.precision) == ("native", "int8")
            model = load_model(model, sharpness=sharpness, with_ranges=with_ranges)
        self.spec = replace(
            model.spec,
            halo=model.spec.halo if halo is None else halo,
            border_padding=model.spec.border_padding if border_padding is None else border_padding,
        )
        self.metadata = model.metadata
        self.sharpness = model.sharpness
        self._engines = open_engines(model, choice, halo=self.spec.halo)
        self._tile = tile
        self._tta = tta
        self.scale = self.spec.scale
        self.device = choice.device
        self.precision = choice.precision

    def __reduce__(self) -> tuple[partial[Upscaler], tuple[object]]:
        return partial(type(self), **self._options), (self._source,)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str], **options: Any) -> Upscaler:
        """Opens the model of a local folder, such as a downloaded repository; nothing is fetched.

        Args:
            folder: holds one weight file, beside which sharp weights and int8 ranges may lie.
            options: further arguments of :class:`Upscaler`.

        Raises:
            CheckpointError: there is no such folder, or it holds no weight file or several; or see :class:`Upscaler`.
        """
        return cls(find_only_weights(folder), **options)

    def __repr__(self) -> str:
        name = self.spec.name or f"{self.spec.num_blocks} RRDBs"
        return f"<Upscaler {name} x{self.scale}, {self.engine} {self.precision} on {self.device}>"

    @property
    def name(self) -> str:
        """Name of the model, as in tables: with "tta" where that is in use. Empty for a network that has none."""
        return f"{self.spec.name}, tta" if self._tta and self.spec.name else self.spec.name

    @property
    def engine(self) -> str:
        """Name of the engine that runs the network. With ``auto`` it may change between two pictures."""
        return self._engines.current.name

    @property
    def fp32_fallbacks(self) -> int:
        """Number of tiles recomputed in fp32 since this object was created."""
        return self._engines.fp32_fallbacks

    def upscale(
        self,
        image: Pixels,
        *,
        outscale: float | None = None,
        roi: tuple[int, int, int, int] | None = None,
        denoise: float | str = 1.0,
        progress: ProgressCallback | None = None,
    ) -> Pixels:
        """Enlarges a picture.

        Args:
            image: ``(H, W)`` or ``(H, W, 1)`` grey, ``(H, W, 2)`` grey and alpha, ``(H, W, 3)`` RGB, ``(H, W, 4)`` RGBA
                with straight alpha; uint8, uint16, or float32 in [0, 1].
            outscale: enlargement of the result, any positive number; None is the network's own. For other factors the
                network's float result is resampled (bicubic with antialiasing).
            roi: ``(x, y, width, height)`` in pixels of ``image``: compute only this region. Its result is a crop of the
                whole result, beginning at ``round(x * outscale), round(y * outscale)``, but for the error that a halo
                leaves at a seam: below 1/255 with ``srdgan-x4-fast`` (docs/design/seams.md).
            denoise: share of the noise that is removed, 0..1. The rest is put back, enlarged by bicubic interpolation;
                with 0 and ``outscale=1`` the result is the picture itself. ``"auto"`` measures the noise of the whole
                picture, and removes none from a clean one.
            progress: called as ``progress(done, total)`` in pixels of ``image`` after each strip or tile.

        Returns:
            Same layout and dtype, ``round(H * outscale)`` x ``round(W * outscale)``, at least 1 x 1. Rounded to
            nearest and clipped. Grey stays grey; an opaque alpha channel stays opaque.

        Raises:
            InputError: an argument is of the wrong type, shape or range, or the result does not fit into memory.
            BackendUnavailableError: not even the smallest tile fits into memory.
        """
        picture = check_pixels(image)
        height, width = picture.shape[:2]
        factor = check_outscale(outscale, self.scale)
        grid = OutputGrid.plan(height, width, check_roi(roi, height, width), self.scale, factor)
        strength = check_denoise(denoise)
        if strength is None:
            strength, _ = choose_denoise(picture)
        return enlarge_picture(picture, grid, self._open_runner, progress, denoise=strength)

    def __call__(self, x: Tensor) -> Tensor:
        """Enlarges a batch of tensors; tiled only where memory demands it. Not differentiable.

        Args:
            x: ``(N, 3, H, W)`` RGB, float16, bfloat16, float32 or float64, in [0, 1], dense, on any device.

        Returns:
            ``(N, 3, scale * H, scale * W)`` RGB, clamped to [0, 1], type and device of ``x``.

        Raises:
            InputError: ``x`` is of the wrong type or shape, not finite, or beyond [0, 1] by more than a thousandth.
            BackendUnavailableError: not even the smallest tile fits into memory.
        """
        return enlarge_tensor(check_batch(x), self.scale, self._open_runner)

    def enhance(
        self, bgr: Pixels, outscale: float | None = None, alpha_upsampler: str = "realesrgan"
    ) -> tuple[Pixels, str]:
        """Drop-in for ``RealESRGANer.enhance``; see :func:`srdgan_rt.runtime.realesrgan.enhance`."""
        return enhance(self.upscale, bgr, outscale, alpha_upsampler)

    def _open_runner(self, source: Source, needed: Box, outscale: float) -> Runner:
        backend: Backend = self._engines.choose()
        if self._tta:
            backend = SelfEnsemble(backend, self.scale)
        return open_runner(backend, source, self.spec, needed, tile=self._tile, outscale=outscale)
