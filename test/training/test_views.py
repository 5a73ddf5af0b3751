"""Cropped, scaled, mirrored views of one scene: labels stay correct and metres the same."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch", reason="training needs the train extra")
import torch

from handos_model.architecture.heads import CameraHead
from handos_model.architecture.input_size import InputSize
from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import pixels_per_metre, project, root_position, to_camera_frame
from handos_model.hand.handedness import signed_volume
from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.hand.topology import HandTopology
from handos_model.inference.preprocessing import Letterbox
from handos_model.training.batch import UNKNOWN_PART, Batch
from handos_model.training.image_batch import MAX_IMAGE_SIDE, stack_images
from handos_model.training.jpeg import compress
from handos_model.training.photometric_augmentation import augment_colours
from handos_model.training.views import ViewRange, sample_views

TOPOLOGY = HandTopology.load()
WIDTH, HEIGHT, SIZE = 320, 240, 128
DISC_RADIUS = 24
"""Pixels."""
LEVEL = ViewRange(rotation=0, any_rotation=0, blank=0)


@dataclass(frozen=True)
class Scene:
    vertices: npt.NDArray[np.float64]
    joints: npt.NDArray[np.float64]

    def photograph(self, camera: CameraIntrinsics) -> AnnotatedImage:
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


@dataclass(frozen=True)
class View:
    """The only hand of a view, as arrays."""

    image: npt.NDArray[np.uint8]
    part_ids: npt.NDArray[np.uint8]
    joints_2d: npt.NDArray[np.float32]
    joints_3d: npt.NDArray[np.float32]
    vertices: npt.NDArray[np.float32]
    camera: npt.NDArray[np.float32]
    is_right: bool


def draw(image: AnnotatedImage, seed: int, views: ViewRange) -> View:
    batch = draw_batch([image], seed, views)
    assert batch.is_hand.all()
    return View(
        batch.image[0].permute(1, 2, 0).numpy(),
        batch.part_ids[0].numpy(),
        *(getattr(batch, name)[0, 0].numpy() for name in ("joints_2d", "joints_3d", "vertices", "camera")),
        bool(batch.is_right),
    )


def draw_batch(images: list[AnnotatedImage], seed: int, views: ViewRange) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return sample_views(stack_images(images, TOPOLOGY.vertex_count), InputSize(SIZE, SIZE), views, generator)


def view_of(image: AnnotatedImage, sample: View) -> tuple[npt.NDArray[np.float64], CameraIntrinsics]:
    """The affine map from image to view, fitted to the joints, and the camera of the view."""
    pixels = np.column_stack([image.hands[0].joints_2d, np.ones(21)])
    linear = np.linalg.lstsq(pixels, sample.joints_2d, rcond=None)[0].T
    camera = image.camera
    assert camera is not None
    scale_x, scale_y = abs(linear[0, 0]), abs(linear[1, 1])
    centre = linear @ (camera.cx, camera.cy, 1)
    return linear, CameraIntrinsics(camera.fx * scale_x, camera.fy * scale_y, *centre.tolist())


@pytest.mark.parametrize("focal", [200.0, 300.0, 420.0])
@pytest.mark.parametrize("seed", range(8))
def test_metres_do_not_depend_on_crop_size_or_focal_length(scene: Scene, focal: float, seed: int) -> None:
    image = scene.photograph(CameraIntrinsics(focal, focal, 150.0, 115.0))
    sample = draw(image, seed, LEVEL)
    linear, camera = view_of(image, sample)
    mirror = np.array([np.sign(linear[0, 0]), 1, 1])
    root = root_position(sample.camera[:2], sample.camera[2], camera)
    np.testing.assert_allclose(root, scene.joints[ROOT_JOINT] * mirror, atol=2e-4)
    np.testing.assert_allclose(to_camera_frame(sample.vertices, root), scene.vertices * mirror, atol=3e-4)


@pytest.mark.parametrize("seed", range(8))
def test_projected_3d_joints_equal_the_2d_labels(scene: Scene, seed: int) -> None:
    image = scene.photograph(CameraIntrinsics(300, 300, 150, 115))
    sample = draw(image, seed, LEVEL)
    _, camera = view_of(image, sample)
    root = root_position(sample.camera[:2], sample.camera[2], camera)
    projected = project(to_camera_frame(sample.joints_3d, root), camera)
    np.testing.assert_allclose(projected, sample.joints_2d, atol=0.1)


def test_mirrored_views_have_the_other_handedness_and_a_mirrored_mesh(scene: Scene) -> None:
    image = scene.photograph(CameraIntrinsics(300, 300, 150, 115))
    seen = set()
    for seed in range(12):
        sample = draw(image, seed, ViewRange(blank=0))
        assert (signed_volume(sample.vertices, TOPOLOGY) > 0) == sample.is_right
        seen.add(sample.is_right)
    assert seen == {True, False}


@pytest.mark.parametrize("rotation", [20.0, 120.0])
def test_rotated_views_rotate_the_hand_about_its_viewing_ray(scene: Scene, rotation: float) -> None:
    image = scene.photograph(CameraIntrinsics(300, 300, 150, 115))
    sample = draw(image, 1, ViewRange(rotation=rotation, any_rotation=0, blank=0))
    level = draw(image, 1, LEVEL)
    np.testing.assert_allclose(sample.vertices[:, 2], level.vertices[:, 2], atol=1e-5)
    radius = np.linalg.norm(sample.vertices[:, :2], axis=1)
    np.testing.assert_allclose(radius, np.linalg.norm(level.vertices[:, :2], axis=1), atol=1e-5)


def with_marker(image: AnnotatedImage) -> AnnotatedImage:
    """Add a bright disc, which is also a part, at the root of the middle finger."""
    position = image.hands[0].joints_2d[9].round().astype(int).tolist()
    pixels, parts = image.image.copy(), np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(pixels, position, DISC_RADIUS, (255, 255, 255), -1)
    cv2.circle(parts, position, DISC_RADIUS, 3, -1)
    return replace(image, image=pixels, part_ids=parts)


@pytest.mark.parametrize("smallest_image", [0.1, 1.0], ids=["shrunk", "enlarged"])
@pytest.mark.parametrize("seed", range(4))
def test_image_and_part_ids_move_with_the_joints(scene: Scene, seed: int, smallest_image: float) -> None:
    image = with_marker(scene.photograph(CameraIntrinsics(300, 300, 150, 115)))
    views = ViewRange(smallest_hand=0.3, largest_hand=0.5, blank=0, smallest_image=smallest_image)
    sample = draw(image, seed, views)
    linear, _ = view_of(image, sample)
    radius = DISC_RADIUS * np.sqrt(abs(np.linalg.det(linear[:, :2])))
    rows, columns = np.nonzero(sample.part_ids == 3)
    centre = 8 * np.array([columns.mean(), rows.mean()]) + 3.5
    np.testing.assert_allclose(centre, sample.joints_2d[9], atol=5)
    x, y = sample.joints_2d[9].round().astype(int)
    assert sample.image[y, x].min() > 90
    ring = [sample.joints_2d[9] + 2 * radius * np.array(d) for d in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    around = [sample.image[int(v), int(u)].max() for u, v in ring if 0 <= u < SIZE and 0 <= v < SIZE]
    assert max(around, default=0) < sample.image[y, x].min()


def test_photographs_of_hands_have_unknown_parts_and_those_without_are_background(scene: Scene) -> None:
    photograph = scene.photograph(CameraIntrinsics(300, 300, 150, 115))
    batch = draw_batch([photograph, replace(photograph, hands=())], 0, LEVEL)
    assert (batch.part_ids[0] == UNKNOWN_PART).all()
    assert (batch.part_ids[1] == 0).all()
    assert batch.is_hand.tolist() == [[True], [False]]


def test_views_are_padded_with_images_without_hands_and_never_with_images_of_hands(scene: Scene) -> None:
    photograph = scene.photograph(CameraIntrinsics(300, 300, 150, 115))
    red, blue = np.zeros_like(photograph.image), np.zeros_like(photograph.image)
    red[..., 2], blue[..., 0] = 255, 255
    images = [replace(photograph, image=red), replace(photograph, image=blue, hands=())]
    views = ViewRange(smallest_hand=0.1, largest_hand=0.1, smallest_image=0.1, blank=0)
    drawn = torch.cat([draw_batch(images * 8, seed, views).image for seed in range(4)]).float()
    corners = drawn[:, :, :: SIZE - 1, :: SIZE - 1].flatten(2)
    is_blue = (corners[:, 0] > 2 * corners[:, 2] + 20) & (corners[:, 1] < 20)
    is_red = (corners[:, 2] > 2 * corners[:, 0] + 20) & (corners[:, 1] < 20)
    of_hands = is_blue[::2]
    assert 0.2 < of_hands.float().mean() < 0.8
    assert is_red[1::2].float().mean() < 0.1


def test_large_images_are_shrunk_and_their_labels_with_them(scene: Scene) -> None:
    image = scene.photograph(CameraIntrinsics(300, 300, 150, 115))
    large = cv2.resize(image.image, None, fx=4, fy=4)
    hand = replace(image.hands[0], joints_2d=4 * (image.hands[0].joints_2d + 0.5) - 0.5)
    enlarged = AnnotatedImage(np.asarray(large, np.uint8), (hand,), CameraIntrinsics(1200, 1200, 601.5, 461.5))
    small, shrunk = (stack_images([each], TOPOLOGY.vertex_count) for each in (image, enlarged))
    assert max(shrunk.size[0].tolist()) == MAX_IMAGE_SIDE
    np.testing.assert_allclose(shrunk.joints_2d, 2 * (small.joints_2d + 0.5) - 0.5, atol=1e-3)
    np.testing.assert_allclose(shrunk.pixels_per_metre, 2 * small.pixels_per_metre, rtol=1e-6)


@pytest.mark.parametrize("quality", [25, 50, 75])
def test_jpeg_compression_agrees_with_opencv(quality: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    image = np.asarray(cv2.resize(image, (128, 128), interpolation=cv2.INTER_CUBIC), np.uint8)
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    expected = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.float32)
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    compressed = 255 * compress(tensor, torch.tensor([float(quality)]))[0].permute(1, 2, 0).numpy()
    assert np.abs(compressed - expected).mean() < 0.5 * np.abs(image - expected).mean()


def test_augmentation_changes_colours_but_not_shapes() -> None:
    images = torch.linspace(0.2, 0.8, 64).expand(16, 3, 64, 64).contiguous()
    augmented = augment_colours(images, torch.Generator().manual_seed(0))
    assert augmented.shape == images.shape
    assert augmented.min() >= 0
    assert augmented.max() <= 1
    assert (augmented - images).abs().mean(dim=(1, 2, 3)).min() > 0.002
    # Every image is still brighter on the right.
    assert (augmented[..., 48:].mean(dim=(1, 2, 3)) > augmented[..., :16].mean(dim=(1, 2, 3))).all()


@torch.no_grad()
def test_camera_head_is_equivariant_to_crops_and_sizes() -> None:
    torch.manual_seed(0)
    head = CameraHead(16)
    query = torch.randn(2, 16)
    boxes = torch.tensor([[0.4, 0.5, 0.2, 0.3], [0.6, 0.3, 0.25, 0.1]])
    shift, scale = torch.tensor([0.1, -0.2]), 1.7
    moved = torch.cat([scale * boxes[:, :2] + shift, scale * boxes[:, 2:]], dim=-1)
    expected = head(query, boxes) * scale + torch.tensor([*shift.tolist(), 0])
    torch.testing.assert_close(head(query, moved), expected)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (333, 512)])
def test_letterboxed_predictions_give_the_metres_of_the_scene(scene: Scene, width: int, height: int) -> None:
    camera = CameraIntrinsics(0.8 * width, 0.82 * width, 0.49 * width, 0.52 * height)
    geometry = Letterbox.of_image(width, height, InputSize(SIZE, SIZE))
    root = scene.joints[ROOT_JOINT]
    pixel = geometry.to_input(project(root, camera))
    inside = geometry.input_intrinsics(camera)
    np.testing.assert_allclose(root_position(pixel, pixels_per_metre(root, inside), inside), root, atol=1e-9)
