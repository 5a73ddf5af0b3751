"""The files that are written beside each other: never of different networks."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")

from fixed_answer_graph import metadata, two_hands, write_fixed_answer_graph

from handos_model.datasets.annotations import AnnotatedImage
from handos_model.finetuning import network_files
from handos_model.finetuning.network_files import calibration_images, publish, write_int8
from handos_model.geometry.arrays import ImageArray
from handos_model.hand.topology import HandTopology


@pytest.mark.parametrize("with_int8", [True, False])
def test_no_file_of_an_earlier_network_stays(with_int8: bool, tmp_path: Path) -> None:
    trained, out = tmp_path / "state/trained.onnx", tmp_path / "mine.onnx"
    trained.parent.mkdir()
    suffixes = (".onnx", ".safetensors", *([".int8.onnx"] if with_int8 else []))
    for suffix in (".onnx", ".safetensors", ".int8.onnx"):
        out.with_suffix(suffix).write_text("earlier")
    for suffix in suffixes:
        trained.with_suffix(suffix).write_text(f"new{suffix}")
    publish(trained, out)
    assert {path.name: path.read_text() for path in tmp_path.glob("mine*")} == {
        f"mine{suffix}": f"new{suffix}" for suffix in suffixes
    }


def test_int8_is_calibrated_on_images_from_all_parts_of_each_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrated: list[int] = []

    def export_int8(network: Path, inputs: list[ImageArray], path: Path) -> None:
        calibrated.extend(int(image.max()) for image in inputs)
        path.touch()

    monkeypatch.setattr(network_files, "export_int8", export_int8)
    first, second = (
        [AnnotatedImage(np.full((30, 40, 3), value, np.uint8), ()) for value in values]
        for values in (range(200, 250), range(150, 160))
    )
    topology = HandTopology.load()
    network = write_fixed_answer_graph(tmp_path / "n.onnx", two_hands(topology), metadata(topology.id))
    assert write_int8(network, calibration_images((first, second, ()))) == tmp_path / "n.int8.onnx"
    assert calibrated == [200 + 50 * k // 24 for k in range(24)] + list(range(150, 160))
