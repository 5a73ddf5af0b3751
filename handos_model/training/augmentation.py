"""From an annotated image to a training sample: a random view of it, with other colours, at the network's size."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import FloatArray
from handos_model.hand.skeleton import JOINT_COUNT, ROOT_JOINT
from handos_model.inference.camera_geometry import pixels_per_metre, to_ray_frame
from handos_model.io.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.training.colour_variation import vary_colours
from handos_model.training.sample import UNKNOWN_PART, Sample

_PART_STRIDE = 8
_SEEN_JOINTS = 0.35
"""A hand with a smaller share of its joints inside of the view is not asked for."""


@dataclass(frozen=True)
class ViewRange:
    """How a view is drawn from an annotated image."""

    smallest_hand: float = 0.25
    largest_hand: float = 0.9
    """Longest side of a hand's box as a fraction of the view."""
    rotation: float = 35.0
    """Degrees either way in the image plane."""
    any_rotation: float = 0.1
    """Share of views turned by any angle at all."""
    blank: float = 0.06
    """Share of views that look at a random place instead of a hand."""
    smallest_image: float = 0.8
    """A view shows the image no smaller than this, relative to the whole image fitted into the view: small hands are
    rare in photographs, and shrinking makes them of large ones."""


@dataclass(frozen=True)
class _View:
    """A similarity of the image plane, mirrored or not: view = matrix @ (x, y, 1)."""

    matrix: npt.NDArray[np.float64]
    scale: float
    angle: float
    mirrored: bool

    def of_pixels(self, points: FloatArray) -> FloatArray:
        moved = points @ self.matrix[:, :2].T + self.matrix[:, 2]
        return np.asarray(moved, np.float32)

    def of_points(self, points: npt.NDArray[np.floating]) -> FloatArray:
        """Ray-aligned points (..., 3): turning the picture turns the hand about its ray, mirroring mirrors it."""
        turned = points.astype(np.float32)
        turned[..., :2] = points[..., :2] @ (self.matrix[:, :2].T / self.scale)
        return turned


def augment(annotated: AnnotatedImage, size: int, vertices: int, views: ViewRange, rng: np.random.Generator) -> Sample:
    """Draw a view of `size` x `size` pixels and change its colours.

    Parameters
    ----------
    annotated
        The image; it is not changed.
    size
        Side of the view in pixels, a multiple of 8.
    vertices
        Number of vertices of the topology, for the shape of missing meshes.
    views, rng
        What is random, and the source of randomness.
    """
    view = _draw_view(annotated, size, views, rng)
    border = rng.integers(0, 256, 3).tolist() if rng.random() < 0.5 else [114, 114, 114]
    image = cv2.warpAffine(
        annotated.image, view.matrix, (size, size), flags=_interpolation(view.scale), borderValue=border
    )
    hands = [hand for hand in annotated.hands if _is_seen(view.of_pixels(hand.joints_2d), size)]
    labels = [_label(hand, annotated, view, size, vertices) for hand in hands]

    def stacked(index: int, *shape: int) -> FloatArray:
        return np.array([label[index] for label in labels], np.float32).reshape(len(labels), *shape)

    return Sample(
        image=vary_colours(np.asarray(image, np.uint8), rng),
        boxes=stacked(0, 4),
        joints_2d=stacked(1, JOINT_COUNT, 2),
        is_right=np.array([(hand.handedness == "right") != view.mirrored for hand in hands], bool),
        has_3d=np.array([_has_3d(hand, annotated) for hand in hands], bool),
        has_mesh=np.array([_has_3d(hand, annotated) and hand.vertices is not None for hand in hands], bool),
        joints_3d=stacked(2, JOINT_COUNT, 3),
        vertices=stacked(3, vertices, 3),
        camera=stacked(4, 3),
        part_ids=_view_parts(annotated, view, size),
    )


def _draw_view(annotated: AnnotatedImage, size: int, views: ViewRange, rng: np.random.Generator) -> _View:
    height, width = annotated.image.shape[:2]
    if annotated.hands and rng.random() >= views.blank:
        box = annotated.hands[rng.integers(len(annotated.hands))].box
        side = max(float((box[2:] - box[:2]).max()), 4.0)
        centre = (box[:2] + box[2:]) / 2
        fill = np.exp(rng.uniform(np.log(views.smallest_hand), np.log(views.largest_hand)))
        scale = max(fill * size / side, views.smallest_image * size / max(height, width))
        fill = scale * side / size
    else:
        centre = rng.uniform(0.2, 0.8, 2) * (width, height)
        fill, scale = 0.5, size / max(width, height) * np.exp(rng.uniform(0, 0.7))
    angle = rng.uniform(-1, 1) * (180 if rng.random() < views.any_rotation else views.rotation)
    mirrored = bool(rng.random() < 0.5)
    target = size / 2 + rng.uniform(-0.5, 0.5, 2) * size * max(1.05 - fill, 0.1)
    cosine, sine = scale * np.cos(np.radians(angle)), scale * np.sin(np.radians(angle))
    linear = np.array([[cosine, -sine], [sine, cosine]])
    if mirrored:
        linear[:, 0] *= -1
    return _View(np.column_stack([linear, target - linear @ centre]), float(scale), float(angle), mirrored)


def _is_seen(joints: FloatArray, size: int) -> bool:
    inside = ((joints >= 0) & (joints <= size - 1)).all(axis=-1)
    return bool(inside.mean() >= _SEEN_JOINTS)


def _has_3d(hand: AnnotatedHand, annotated: AnnotatedImage) -> bool:
    return hand.joints_3d is not None and annotated.camera is not None


def _label(
    hand: AnnotatedHand, annotated: AnnotatedImage, view: _View, size: int, vertices: int
) -> tuple[FloatArray, ...]:
    """Box, 2D joints, 3D joints, vertices and camera of one hand in the view."""
    joints_2d = view.of_pixels(hand.joints_2d)
    box = box_around_joints(joints_2d, size, size)
    no_mesh = np.zeros((vertices, 3), np.float32)
    if hand.joints_3d is None or annotated.camera is None:
        return box, joints_2d, np.zeros((JOINT_COUNT, 3), np.float32), no_mesh, np.zeros(3, np.float32)
    root = hand.joints_3d[ROOT_JOINT]
    density = view.scale * pixels_per_metre(root, annotated.camera)
    camera = np.array([*joints_2d[ROOT_JOINT], density], np.float32)
    joints = view.of_points(to_ray_frame(hand.joints_3d, root))
    mesh = no_mesh if hand.vertices is None else view.of_points(to_ray_frame(hand.vertices, root))
    return box, joints_2d, joints, mesh, camera


def _interpolation(scale: float) -> int:
    return cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR


def _view_parts(annotated: AnnotatedImage, view: _View, size: int) -> npt.NDArray[np.uint8]:
    cells = size // _PART_STRIDE
    if annotated.part_ids is None:
        # A photograph without hands is background everywhere; one with hands has no part ids.
        return np.full((cells, cells), 0 if not annotated.hands else UNKNOWN_PART, np.uint8)
    to_cells = np.array([[1, 0, -(_PART_STRIDE - 1) / 2], [0, 1, -(_PART_STRIDE - 1) / 2]]) / _PART_STRIDE
    matrix = to_cells[:, :2] @ view.matrix
    matrix[:, 2] += to_cells[:, 2]
    return np.asarray(cv2.warpAffine(annotated.part_ids, matrix, (cells, cells), flags=cv2.INTER_NEAREST), np.uint8)
