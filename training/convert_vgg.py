"""Makes the file of the feature loss (``--vgg``): ``python -m training.convert_vgg SOURCE -o vgg16.npz``.

SOURCE is torchvision's VGG16 or VGG19 (``vgg16-397923af.pth``, ``vgg19-dcbb9e9d.pth``) or the Caffe model's VGG16 as
``.npz`` with ``conv1_1.weight``, ``conv1_1.bias`` and so on. The file says which of the two it is, because each was
trained with colours of its own: torchvision's with RGB divided by a deviation, Caffe's with BGR minus a mean.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from srdgan_rt.atomic import replace_file
from srdgan_rt.checkpoint.read import read_content
from srdgan_rt.errors import InputError
from srdgan_rt.models.vgg import NET_KEY, PREPROCESSING, PREPROCESSING_KEY, STAGES, list_convolutions
from srdgan_rt.pixels import to_float32
from training.cli.parser import CommandParser, one_line_errors
from training.data.folders import check_folder
from training.data.pictures import as_tensor, read_rgb
from training.models.features import FEATURE_SIZES, SIZE_KEY, VGGFeatures

_CHANNELS = (64, 128, 256, 512, 512)  # of the convolutions of each stage
_PICTURE = Path(__file__).resolve().parents[1] / "examples" / "phone_chart.jpg"  # on which sizes are measured
_SIDE = 192  # pixels of it

Arrays = dict[str, npt.NDArray[np.generic]]


def list_places(net: str) -> dict[str, int]:
    """Places of the convolutions in torchvision's ``features``, where activations and maxima have places, too."""
    places: dict[str, int] = {}
    place = 0
    for name in list_convolutions(net):
        place += name.endswith("_1") and bool(places)  # the maximum between the stages
        places[name] = place
        place += 2
    return places


def convert(source: Path, preprocessing: str | None = None) -> Arrays:
    """Reads a VGG in one of its forms.

    Args:
        source: ``.pth`` in torchvision's form or ``.npz`` in that of the Caffe model.
        preprocessing: ``torchvision`` or ``caffe``, where a file has the form of the one and the values of the other;
            None for that of the form.

    Returns:
        What is to be written: weights and biases, float32, by the names of the Caffe model; the net, its preprocessing,
        and, for torchvision's VGG16, the size of its features.

    Raises:
        InputError: it is no VGG16 or VGG19, a weight is missing, of another shape or not finite.
        CheckpointError: the file cannot be read, or holds more than tensors.
    """
    if source.suffix.lower() not in (".pth", ".npz"):
        raise InputError(f"{source} must be torchvision's .pth or the Caffe model's .npz")
    content = read_content(source).tensors
    tensors = content if isinstance(content, dict) else {}
    is_torchvision = source.suffix.lower() == ".pth"
    net = "vgg19" if {"features.34.weight", "conv5_4.weight"} & tensors.keys() else "vgg16"
    stems = {name: f"features.{place}" if is_torchvision else name for name, place in list_places(net).items()}
    channels = [_CHANNELS[stage] for stage, count in enumerate(STAGES[net]) for _ in range(count)]
    arrays: Arrays = {}
    for (name, stem), inputs, outputs in zip(stems.items(), [3, *channels], channels, strict=False):
        for part, shape in (("weight", (outputs, inputs, 3, 3)), ("bias", (outputs,))):
            arrays[f"{name}.{part}"] = _take(source, tensors, f"{stem}.{part}", shape)
    known = {f"{stem}.{part}" for stem in stems.values() for part in ("weight", "bias")}
    strange = [key for key in tensors if key.startswith(("features.", "conv")) and key not in known]
    if strange:
        raise InputError(f"{source} is no plain {net.upper()}: it has {strange[0]}, too")
    arrays[NET_KEY] = np.array(net)
    arrays[PREPROCESSING_KEY] = np.array(preprocessing or ("torchvision" if is_torchvision else "caffe"))
    return arrays


def _take(
    source: Path, tensors: Mapping[str, torch.Tensor], key: str, shape: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    if not isinstance(tensors.get(key), torch.Tensor):
        raise InputError(f"{source} is no VGG16 or VGG19: {key} is missing")
    array = np.asarray(tensors[key].float().numpy(), np.float32)
    if array.shape != shape:
        raise InputError(f"{source}: {key} must be of shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise InputError(f"{source}: {key} holds values that are not finite")
    return array


def write(arrays: Arrays, output: Path) -> None:
    """Writes the file, whole or not at all.

    The sizes of the features, which the feature loss divides by, are known of the Caffe model's VGG16. Those of
    torchvision's are measured on the example picture and written, too.
    """
    if str(arrays[NET_KEY]) == "vgg16" and str(arrays[PREPROCESSING_KEY]) != "caffe":
        arrays = arrays | measure_sizes(arrays)
    _save(arrays, output)


def _save(arrays: Arrays, path: Path) -> None:
    with replace_file(path) as file:  # which names the file where the disk is full; savez alone does not
        np.savez(file, **arrays)  # type: ignore[arg-type]


@torch.no_grad()
def measure_sizes(arrays: Arrays) -> Arrays:
    """The mean absolute value of the features of each layer on offer, by its key in the file."""
    picture = as_tensor(to_float32(read_rgb(_PICTURE)))[None, :, :_SIDE, :_SIDE]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vgg16.npz"
        _save(arrays, file)
        means = {layer: float(VGGFeatures(file, layer)(picture).abs().mean()) for layer in FEATURE_SIZES}
    return {f"{layer}.{SIZE_KEY}": np.array(mean * FEATURE_SIZES[layer]) for layer, mean in means.items()}


def main() -> None:
    """Command line."""
    parser = CommandParser(__doc__)
    parser.add_argument("source", type=Path, metavar="SOURCE", help="torchvision's .pth, or the Caffe model's .npz")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file to write (.npz)")
    parser.add_argument(
        "--preprocessing",
        choices=sorted(PREPROCESSING),
        help="colours that the weights expect, if the file form does not imply them (Caffe's weights as .pth)",
    )
    arguments = parser.parse_args()
    with one_line_errors(parser):
        if arguments.output.suffix != ".npz":
            raise InputError(f"the output must end in .npz, got {arguments.output}")
        check_folder(arguments.output.parent)
        write(convert(arguments.source, arguments.preprocessing), arguments.output)
    print(arguments.output)


if __name__ == "__main__":
    main()
