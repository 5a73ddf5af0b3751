"""The files of a trained network: to run, to run in int8 on CPUs, and to train further."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import onnx

from handos_model.architecture.contract import TRAINED_WEIGHTS_SUFFIX, NetworkProperties, int8_beside
from handos_model.architecture.onnx_export import write_network
from handos_model.architecture.onnx_int8 import export_int8
from handos_model.datasets.annotations import AnnotatedImage
from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import ImageArray
from handos_model.inference.backends.onnxruntime_engine import read_properties
from handos_model.inference.preprocessing import letterbox

_CALIBRATION_IMAGES: Final = 24
"""Of each image set: ranges of activations change little with more, and each takes as long as ten predictions."""


def set_properties(network: Path, properties: NetworkProperties) -> None:
    """Give a network other properties: exporting it again would take as long as measuring it."""
    graph = onnx.load(network)
    onnx.helper.set_model_props(graph, properties.to_metadata())
    write_network(graph, network)


def write_int8(network: Path, images: Iterable[ImageArray]) -> Path:
    """Write the file with convolutions in int8 beside a network, calibrated on images (H, W, 3) BGR."""
    sizes, path = read_properties(network).input_sizes, int8_beside(network)
    inputs = (letterbox(image, sizes.for_image(image.shape[1], image.shape[0]))[0] for image in images)
    export_int8(network, inputs, path)
    return path


def calibration_images(image_sets: Sequence[Sequence[AnnotatedImage]]) -> Iterator[ImageArray]:
    """Some images of each set."""
    for images in image_sets:
        count = min(_CALIBRATION_IMAGES, len(images))
        for number in range(count):
            yield images[number * len(images) // count].image


def publish(network: Path, out: Path) -> None:
    """Copy a network and what lies beside it to where the user wants it; none of an earlier network stays there."""
    int8_beside(out).unlink(missing_ok=True)
    _copy(network.with_suffix(TRAINED_WEIGHTS_SUFFIX), out.with_suffix(TRAINED_WEIGHTS_SUFFIX))
    _copy(network, out)
    if int8_beside(network).is_file():
        _copy(int8_beside(network), int8_beside(out))


def _copy(source: Path, path: Path) -> None:
    with atomic_write(path) as temporary:
        shutil.copyfile(source, temporary)
