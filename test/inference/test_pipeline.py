"""`HandPipeline` from image to hands, and its errors."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fixed_answer_graph import metadata, two_hands, write_fixed_answer_graph

from handos_model import CameraIntrinsics, HandPipeline
from handos_model.architecture.contract import WeightsError
from handos_model.hand.topology import HandTopology
from handos_model.inference import pipeline as pipeline_module
from handos_model.inference.tracking import TrackingSettings

TOPOLOGY = HandTopology.load()
CAMERA = CameraIntrinsics(600, 600, 320, 240)
IMAGE = np.full((480, 640, 3), 90, np.uint8)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_fixed_answer_graph(tmp_path / "network.onnx", two_hands(TOPOLOGY), metadata(TOPOLOGY.id))


def test_finds_the_hands_of_an_image(weights: Path) -> None:
    hands = HandPipeline.load(weights)(IMAGE, camera=CAMERA)
    assert [hand.handedness for hand in hands] == ["right", "left"]
    for hand in hands:
        assert hand.joints_2d.shape == (21, 2)
        assert hand.joints_2d.dtype == np.float32
        assert hand.vertices is not None
        assert hand.vertices.shape == (TOPOLOGY.vertex_count, 3)
        assert hand.vertices.dtype == np.float32


def test_another_topology_than_that_of_the_weights_is_refused(weights: Path) -> None:
    engine = HandPipeline.load(weights).engine
    with pytest.raises(WeightsError, match=f"'{TOPOLOGY.id}'.*'another'"):
        HandPipeline(engine, topology=replace(TOPOLOGY, id="another"))


def test_returns_no_hands_if_the_network_finds_none(weights: Path) -> None:
    assert HandPipeline.load(weights)(np.zeros_like(IMAGE), camera=CAMERA) == ()


def test_metres_do_not_depend_on_the_image_size(weights: Path) -> None:
    pipeline = HandPipeline.load(weights)
    small = pipeline(IMAGE, camera=CAMERA)[0].joints_3d
    doubled_camera = CameraIntrinsics(1200, 1200, 640.5, 480.5)
    large = pipeline(cv2.resize(IMAGE, None, fx=2, fy=2), camera=doubled_camera)[0].joints_3d
    np.testing.assert_allclose(large, small, atol=1e-6)


def test_has_the_topology_of_the_weights(weights: Path) -> None:
    assert HandPipeline.load(weights).topology.id == TOPOLOGY.id


def test_score_threshold_and_maximum_number_of_hands_can_be_set(weights: Path) -> None:
    assert len(HandPipeline.load(weights, score_threshold=0.01)(IMAGE)) == 3
    assert len(HandPipeline.load(weights, score_threshold=0.85)(IMAGE)) == 1
    assert len(HandPipeline.load(weights, max_hands=1)(IMAGE)) == 1


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        (IMAGE[..., 0], r"\(480, 640\) uint8"),
        (IMAGE[..., :2], r"\(480, 640, 2\)"),
        (IMAGE.astype(np.float32) / 255, r"float32.*0\.\.255"),
        (IMAGE[:0], "not empty"),
    ],
)
def test_images_of_wrong_shape_or_type_are_refused(weights: Path, image: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        HandPipeline.load(weights)(image)


def test_an_image_that_is_not_an_array_is_refused(weights: Path) -> None:
    with pytest.raises(TypeError, match="NoneType"):
        HandPipeline.load(weights)(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("option", [{"score_threshold": 1.5}, {"max_hands": 0}, {"backend": "abacus"}])
def test_invalid_options_are_refused(weights: Path, option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(option.values())))):
        HandPipeline.load(weights, **option)


def test_weights_for_another_hand_mesh_are_refused(tmp_path: Path) -> None:
    path = write_fixed_answer_graph(tmp_path / "network.onnx", two_hands(TOPOLOGY), metadata("six_fingers"))
    with pytest.raises(WeightsError, match="six_fingers"):
        HandPipeline.load(path)


def test_missing_shipped_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "DEFAULT_WEIGHTS", tmp_path / "handos_edge.onnx")
    with pytest.raises(FileNotFoundError, match=r"handos_edge\.onnx"):
        HandPipeline.load()


def test_running_needs_neither_torch_nor_transformers(weights: Path) -> None:
    program = (
        "import sys, numpy\n"
        "from handos_model import CameraIntrinsics, HandPipeline\n"
        "image = numpy.full((480, 640, 3), 90, numpy.uint8)\n"
        f"assert HandPipeline.load({str(weights)!r})(image, CameraIntrinsics(600, 600, 320, 240))\n"
        "heavy = {'torch', 'transformers', 'numba', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_tracker_gets_weaker_hands_than_single_images_do(weights: Path) -> None:
    pipeline = HandPipeline.load(weights)
    for_tracking, settings = pipeline.for_tracking(TrackingSettings(coast_time=0.1))
    assert settings == TrackingSettings(coast_time=0.1, birth_score=pytest.approx(0.6))
    assert for_tracking._postprocess.score_threshold == pytest.approx(0.6 * 0.7)
    assert pipeline._postprocess.score_threshold == 0.5
    assert pipeline.for_tracking(settings, 0.85)[1].birth_score == 0.85
