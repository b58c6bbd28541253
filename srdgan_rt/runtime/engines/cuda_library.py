"""The C functions of csrc/cuda/engine_c.h, which run the network on a GPU without PyTorch."""

from __future__ import annotations

import ctypes
from pathlib import Path

import torch

from srdgan_rt.errors import BackendUnavailableError
from srdgan_rt.ops import PackedCudaL2HNet
from srdgan_rt.ops._layers import NEGATIVE_SLOPE

_NO_MEMORY = 1
_TYPES = {torch.uint8: 0, torch.uint16: 1, torch.float32: 2}

_Pointer = ctypes.c_void_p
_Int = ctypes.c_int64


class _Net(ctypes.Structure):
    """SrdganCudaNet."""

    _fields_ = [
        *((name, _Int) for name in ("features", "growth", "num_rrdbs", "num_upsamplings", "unshuffle")),
        ("is_bfloat16", ctypes.c_int32),
        ("half_sums", ctypes.c_int32),
        ("picture_type", ctypes.c_int32),
        ("picture_is_planar", ctypes.c_int32),
        ("result_type", ctypes.c_int32),
        ("result_is_planar", ctypes.c_int32),
        ("negative_slope", ctypes.c_float),
    ]


_FUNCTIONS = {
    "open": (ctypes.c_int, ctypes.POINTER(_Net), _Pointer, _Int, ctypes.POINTER(_Pointer)),
    "device_bytes": (_Pointer, _Int, _Int, ctypes.POINTER(_Int)),
    "prepare": (_Pointer, _Int, _Int),
    "begin": (_Pointer, ctypes.POINTER(_Pointer)),
    "submit_on_device": (_Pointer, _Pointer, _Pointer, _Pointer),
    "run_picture": (_Pointer, _Pointer, _Int, _Int, ctypes.POINTER(_Int), _Int, _Int, _Pointer),
}


class CudaLibrary:
    """The functions of a library, with errors as exceptions.

    Args:
        path: the compiled extension, or the library of the tests, which executes the kernels on the CPU.
    """

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))
        for name, arguments in _FUNCTIONS.items():
            function = getattr(self._library, f"srdgan_cuda_{name}")
            function.argtypes, function.restype = arguments, ctypes.c_int
        self._library.srdgan_cuda_error.restype = ctypes.c_char_p
        self._library.srdgan_cuda_close.argtypes = (_Pointer,)
        self._library.srdgan_cuda_close.restype = None

    def call(self, name: str, *arguments: object) -> None:
        """Calls a function.

        Raises:
            MemoryError: memory does not suffice.
            BackendUnavailableError: another error; the message says which.
        """
        status = getattr(self._library, f"srdgan_cuda_{name}")(*arguments)
        if status == 0:
            return
        reason = self._library.srdgan_cuda_error().decode()
        if status == _NO_MEMORY:
            raise MemoryError(f"the GPU is {reason}")
        raise BackendUnavailableError(f"the cuda engine failed: {reason}")

    def close(self, engine: ctypes.c_void_p) -> None:
        """Frees an engine."""
        self._library.srdgan_cuda_close(engine)


class CudaEngine:
    """A network on a GPU: TileEngine of csrc/cuda/tile_engine.h. One thread at a time.

    Args:
        library: its functions.
        index: number of the GPU.
        net: weights on the CPU.
        samples: type of the pictures' and of the results' samples: uint8, uint16 or float32.
        planar: whether pictures are (3, H, W), not (H, W, 3).

    Raises:
        MemoryError: the weights do not fit into the GPU's memory.
        BackendUnavailableError: CUDA refuses.
    """

    def __init__(
        self, library: CudaLibrary, index: int, net: PackedCudaL2HNet, *, samples: torch.dtype, planar: bool
    ) -> None:
        self._library = library
        self._engine = _Pointer()
        form = (_TYPES[samples], planar)
        facts = _Net(*net.sizes, net.precision == "bf16", net.half_sums, *form, *form, NEGATIVE_SLOPE)
        weights = net.weights
        library.call("open", index, facts, weights.data_ptr(), weights.numel(), ctypes.byref(self._engine))

    def __del__(self) -> None:
        if getattr(self, "_engine", None):
            self._library.close(self._engine)

    def device_bytes(self, height: int, width: int) -> int:
        """Memory on the GPU for tiles of a size, besides the weights."""
        count = _Int()
        self._library.call("device_bytes", self._engine, height, width, ctypes.byref(count))
        return count.value

    def prepare(self, height: int, width: int) -> None:
        """Gets ready for tiles of a size; does nothing if it was the last one.

        Raises:
            MemoryError: memory does not suffice; no tile can be run now.
        """
        self._library.call("prepare", self._engine, height, width)

    def begin(self) -> int:
        """Address of the host's memory to which the samples of the next tile have to be written."""
        address = _Pointer()
        self._library.call("begin", self._engine, ctypes.byref(address))
        return address.value or 0

    def submit(self, picture: int | None, result: int, stream: int) -> None:
        """Queues a tile.

        Args:
            picture: address of its samples on the GPU; None for those in the memory of :meth:`begin`.
            result: address for the result's samples on the GPU.
            stream: CUDA stream of the work that makes the picture and will use the result.
        """
        self._library.call("submit_on_device", self._engine, picture, result, stream)

    def run_picture(self, samples: torch.Tensor, result: torch.Tensor, *, side: int, halo: int, border: int) -> int:
        """Enlarges a whole picture of the host in tiles; smaller ones where memory does not suffice.

        Args:
            samples: dense, on the CPU.
            result: dense, on the CPU; overwritten.
            side: largest side of what a tile reads.
            halo: pixels that a tile reads around its part of the picture.
            border: pixels by which the picture is continued, mirrored.

        Returns:
            The side that was used.

        Raises:
            MemoryError: not even the smallest tile fits.
        """
        planar = samples.shape[0] == 3 and samples.shape[-1] != 3
        height, width = samples.shape[1:] if planar else samples.shape[:2]
        used = _Int(side)
        self._library.call(
            "run_picture",
            self._engine,
            samples.data_ptr(),
            height,
            width,
            ctypes.byref(used),
            halo,
            border,
            result.data_ptr(),
        )
        return used.value
