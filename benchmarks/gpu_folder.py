"""Fills the folder that `gpu.py` needs on a machine without network: networks, packages, TensorRT for RTX.

    python benchmarks/gpu_folder.py FOLDER --python 3.12

Run it where `pip install '.[train,tensorrt-rtx]'` has been run. The library is compressed to a quarter, 62 MB.
"""

import lzma
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from handos_model.architecture.handos import build_model
from handos_model.architecture.onnx_export import export_onnx
from handos_model.architecture.presets import preset_named
from handos_model.architecture.trained_weights import read_trained_properties, read_trained_weights
from handos_model.files.atomic_write import atomic_write
from handos_model.hand.topology import HandTopology
from handos_model.inference.pipeline import shipped_weights

HANDS: Final = (1, 12)
"""Hand slots of the networks: all of them are decoded, whatever the image shows."""
PACKAGES: Final = (
    "numpy",
    "opencv-python-headless",
    "onnxruntime",
    "flatbuffers",
    "onnx",
    "protobuf",
    "ml-dtypes",
    "typing-extensions",
    "tqdm",
)
PACKAGES_OF_TORCH: Final = (
    "transformers",
    "tokenizers",
    "huggingface-hub",
    "safetensors",
    "regex",
    "packaging",
    "pyyaml",
    "httpx2",
    "httpcore2",
    "h11",
    "idna",
    "truststore",
)
PACKAGES_OF_TENSORRT: Final = ("cuda-bindings", "cuda-pathfinder", "tensorrt-rtx-cu13-bindings")
CONSTRAINTS: Final = Path(__file__).parents[1] / "constraints.txt"
_PLATFORMS: Final = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def main(
    folder: Path,
    python: Annotated[str, typer.Option(help="Python of the machine with the GPU.")] = "3.12",
    packages: Annotated[bool, typer.Option(help="Download packages; torch has to be there already.")] = True,
    cuda: Annotated[bool, typer.Option(help="Also ONNX Runtime for GPUs with CUDA and cuDNN: 1.5 GB.")] = False,
) -> None:
    """Fill FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    for hands in HANDS:
        write_network(hands, folder / f"hands_{hands}.onnx")
    if packages:
        names = [*PACKAGES, *PACKAGES_OF_TORCH, *PACKAGES_OF_TENSORRT]
        download(names, folder, python, "--no-deps", "--constraint", str(CONSTRAINTS))
        compress_tensorrt(folder)
    if cuda:
        download(["onnxruntime-gpu[cuda,cudnn]"], folder / "cuda", python, "--constraint", str(CONSTRAINTS))


def write_network(hands: int, path: Path) -> None:
    """Export the shipped weights with another number of hand slots, which changes no weight."""
    weights, topology = shipped_weights("torch"), HandTopology.load()
    properties = read_trained_properties(weights)
    model = build_model(replace(preset_named(properties.preset), hand_slots=hands), topology)
    model.load_state_dict(read_trained_weights(weights))
    export_onnx(model.eval(), properties, path)


def download(names: list[str], folder: Path, python: str, *options: str) -> None:
    """Download wheels for a Python version, on x86-64."""
    platforms = [argument for platform in _PLATFORMS for argument in ("--platform", platform)]
    target = ["--only-binary=:all:", "--python-version", python, "--implementation", "cp", *platforms]
    command = [sys.executable, "-m", "pip", "download", "--quiet", *options, *target, "--dest", str(folder), *names]
    subprocess.run(command, check=True)


def compress_tensorrt(folder: Path) -> None:
    """Write the libraries of TensorRT for RTX, as they are installed here, for Python to find them there."""
    import tensorrt_rtx_libs  # type: ignore[import-not-found, import-untyped, unused-ignore]

    source = Path(tensorrt_rtx_libs.__file__).parent
    target = folder / source.name
    target.mkdir(exist_ok=True)
    filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 9}]
    for file in sorted(path for path in source.iterdir() if path.is_file()):
        content = file.read_bytes()
        packed = file.suffix != ".py"
        with atomic_write(target / (file.name + ".xz" if packed else file.name)) as temporary:
            temporary.write_bytes(lzma.compress(content, filters=filters) if packed else content)


if __name__ == "__main__":
    typer.run(main)
