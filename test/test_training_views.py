"""Cropped, scaled, mirrored views of one scene: labels stay true, and the metres stay the same."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch", reason="training needs the train extra")
import torch

from handos_model.architecture.heads import CameraHead
from handos_model.hand.handedness import signed_volume
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.hand.topology import HandTopology
from handos_model.inference.camera_geometry import pixels_per_metre, project, root_position, to_camera_frame
from handos_model.inference.preprocessing import Letterbox
from handos_model.io.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.io.frame import CameraIntrinsics
from handos_model.training.augmentation import ViewRange, augment
from handos_model.training.sample import Sample

TOPOLOGY = HandTopology.load()
WIDTH, HEIGHT, SIZE = 320, 240, 128
LEVEL = ViewRange(rotation=0, any_rotation=0, blank=0)


@dataclass(frozen=True)
class Scene:
    vertices: npt.NDArray[np.float64]
    joints: npt.NDArray[np.float64]

    def photographed(self, camera: CameraIntrinsics) -> AnnotatedImage:
        joints_2d = project(self.joints, camera).astype(np.float32)
        hand = AnnotatedHand(
            box=box_around_joints(joints_2d, WIDTH, HEIGHT),
            joints_2d=joints_2d,
            handedness="right",
            joints_3d=self.joints.astype(np.float32),
            vertices=self.vertices.astype(np.float32),
        )
        return AnnotatedImage(np.zeros((HEIGHT, WIDTH, 3), np.uint8), (hand,), camera=camera)


@pytest.fixture
def scene() -> Scene:
    """The mean hand, palm to the camera, 0.6 m away and off the optical axis."""
    vertices = TOPOLOGY.mean_vertices * np.array([1, -1, -1]) + np.array([0.08, 0.03, 0.6])
    return Scene(vertices, TOPOLOGY.joint_regressor @ vertices)


def view_of(image: AnnotatedImage, sample: Sample) -> tuple[npt.NDArray[np.float64], CameraIntrinsics]:
    """The map from picture to view, found from the joints alone, and the camera that took the view."""
    pixels = np.column_stack([image.hands[0].joints_2d, np.ones(21)])
    linear = np.linalg.lstsq(pixels, sample.joints_2d[0], rcond=None)[0].T
    camera = image.camera
    assert camera is not None
    scale_x, scale_y = abs(linear[0, 0]), abs(linear[1, 1])
    centre = linear @ (camera.cx, camera.cy, 1)
    return linear, CameraIntrinsics(camera.fx * scale_x, camera.fy * scale_y, *centre.tolist())


@pytest.mark.parametrize("focal", [200.0, 300.0, 420.0])
@pytest.mark.parametrize("seed", range(8))
def test_every_crop_and_size_and_focal_length_gives_the_same_metres(scene: Scene, focal: float, seed: int) -> None:
    image = scene.photographed(CameraIntrinsics(focal, focal, 150.0, 115.0))
    sample = augment(image, SIZE, TOPOLOGY.vertex_count, LEVEL, np.random.default_rng(seed))
    linear, camera = view_of(image, sample)
    mirror = np.array([np.sign(linear[0, 0]), 1, 1])
    root = root_position(sample.camera[0, :2], sample.camera[0, 2], camera)
    np.testing.assert_allclose(root, scene.joints[ROOT_JOINT] * mirror, atol=2e-4)
    np.testing.assert_allclose(to_camera_frame(sample.vertices[0], root), scene.vertices * mirror, atol=3e-4)


@pytest.mark.parametrize("seed", range(8))
def test_projected_mesh_and_joints_fall_on_the_2d_labels(scene: Scene, seed: int) -> None:
    image = scene.photographed(CameraIntrinsics(300, 300, 150, 115))
    sample = augment(image, SIZE, TOPOLOGY.vertex_count, LEVEL, np.random.default_rng(seed))
    _, camera = view_of(image, sample)
    root = root_position(sample.camera[0, :2], sample.camera[0, 2], camera)
    seen = project(to_camera_frame(sample.joints_3d[0], root), camera)
    np.testing.assert_allclose(seen, sample.joints_2d[0], atol=0.1)


def test_mirrored_views_have_the_other_side_and_a_mesh_turned_inside_out(scene: Scene) -> None:
    image = scene.photographed(CameraIntrinsics(300, 300, 150, 115))
    seen = set()
    for seed in range(12):
        sample = augment(image, SIZE, TOPOLOGY.vertex_count, ViewRange(blank=0), np.random.default_rng(seed))
        (right,) = sample.is_right
        assert (signed_volume(sample.vertices[0], TOPOLOGY) > 0) == right
        seen.add(bool(right))
    assert seen == {True, False}


@pytest.mark.parametrize("turn", [20.0, 120.0])
def test_turned_views_turn_the_hand_about_its_ray(scene: Scene, turn: float) -> None:
    image = scene.photographed(CameraIntrinsics(300, 300, 150, 115))
    rng = np.random.default_rng(1)
    sample = augment(image, SIZE, TOPOLOGY.vertex_count, ViewRange(rotation=turn, any_rotation=0, blank=0), rng)
    level = augment(image, SIZE, TOPOLOGY.vertex_count, LEVEL, np.random.default_rng(1))
    np.testing.assert_allclose(sample.vertices[0, :, 2], level.vertices[0, :, 2], atol=1e-5)
    reach = np.linalg.norm(sample.vertices[0, :, :2], axis=1)
    np.testing.assert_allclose(reach, np.linalg.norm(level.vertices[0, :, :2], axis=1), atol=1e-5)


@torch.no_grad()
def test_camera_head_follows_the_box_through_crops_and_sizes() -> None:
    torch.manual_seed(0)
    head = CameraHead(16)
    query = torch.randn(2, 16)
    boxes = torch.tensor([[0.4, 0.5, 0.2, 0.3], [0.6, 0.3, 0.25, 0.1]])
    shift, scale = torch.tensor([0.1, -0.2]), 1.7
    moved = torch.cat([scale * boxes[:, :2] + shift, scale * boxes[:, 2:]], dim=-1)
    wanted = head(query, boxes) * scale + torch.tensor([*shift.tolist(), 0])
    torch.testing.assert_close(head(query, moved), wanted)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (333, 512)])
def test_letterboxed_answers_give_the_metres_of_the_scene(scene: Scene, width: int, height: int) -> None:
    camera = CameraIntrinsics(0.8 * width, 0.82 * width, 0.49 * width, 0.52 * height)
    geometry = Letterbox.of_image(width, height, SIZE)
    root = scene.joints[ROOT_JOINT]
    pixel = geometry.to_input(project(root, camera))
    inside = geometry.input_intrinsics(camera)
    np.testing.assert_allclose(root_position(pixel, pixels_per_metre(root, inside), inside), root, atol=1e-9)
