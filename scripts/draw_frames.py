"""Draws the frames of docs/teleoperation.md: of the camera, the wrist and the robot hand.

python scripts/draw_frames.py docs/teleoperation_frames.png
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
import typer

from handos_model.files.images import write_image
from handos_model.geometry.arrays import Float64Array, FloatArray, ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import project
from handos_model.geometry.quaternions import Quaternion, quaternions_from_matrices, rotation_matrix
from handos_model.hand.frames import wrist_orientation
from handos_model.hand.hand import Hand, MetricHand
from handos_model.hand.topology import HandTopology
from handos_model.retargeting.hand_frame import joints_in_hand_frame
from handos_model.retargeting.robot_hand import load_robot_hand
from handos_model.teleoperation.robot_drawing import PosedRobot, draw_robots, root_pose
from handos_model.teleoperation.wrist_motion import WristPose
from handos_model.visualization.mesh_drawing import draw_meshes

SIZE: Final = (2400, 1060)
OBSERVER: Final = CameraIntrinsics(2300.0, 2300.0, 1030.0, 520.0)
STANDPOINT: Final = np.array([0.44, -0.34, -0.52])
"""Metres in the camera's frame, as everything here."""
LOOKED_AT: Final = np.array([0.125, 0.0, 0.2])
HAND: Final = np.array([0.04, 0.03, 0.28])
"""Where the operator's wrist is."""
ROBOT: Final = np.array([0.32, 0.03, 0.28])
UPRIGHT: Final = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
"""(3, 3) from the hand frame to the camera's: fingers up, palm to the camera."""
AXES: Final = (("x", (60, 60, 230)), ("y", (70, 170, 60)), ("z", (230, 110, 40)))
WHITE: Final = 250
INK: Final = (50, 50, 50)


@dataclass(frozen=True)
class View:
    """From the camera's frame into that of the observer, who looks at the scene from behind the camera."""

    rotation: Float64Array
    """(3, 3)."""

    @classmethod
    def onto_the_scene(cls) -> "View":
        """Upright in the image: the camera's y axis points down."""
        forward = LOOKED_AT - STANDPOINT
        right = np.cross((0.0, 1.0, 0.0), forward)
        rows = [right, np.cross(forward, right), forward]
        return cls(np.array([row / np.linalg.norm(row) for row in rows]))

    def points(self, points: Float64Array) -> Float64Array:
        """(N, 3) metres in the observer's frame."""
        return (points - STANDPOINT) @ self.rotation.T

    def pixels(self, points: Float64Array) -> list[tuple[int, int]]:
        """Where points (N, 3) are in the image."""
        return [(round(u), round(v)) for u, v in project(self.points(points), OBSERVER).tolist()]


def draw(out: Annotated[Path, typer.Argument(metavar="FILE.png", help="Image to write.")]) -> None:
    """Draw the frames."""
    view, topology = View.onto_the_scene(), HandTopology.load()
    image: ImageArray = np.full((SIZE[1], SIZE[0], 3), WHITE, np.uint8)
    hand = _hand(topology)
    assert hand.joints_3d is not None
    wrist = rotation_matrix(wrist_orientation(hand.joints_3d, "right"))
    seen = _seen_by(view, hand)
    image = draw_meshes(image, [seen], topology, OBSERVER)
    robot, pose = load_robot_hand("generic_hand", "right"), WristPose(ROBOT, _quaternion(wrist))
    turned = WristPose(view.points(ROBOT[None])[0], _quaternion(view.rotation @ wrist))
    image = draw_robots(image, [PosedRobot(robot, {}, turned)], OBSERVER)
    _draw_camera(image, view)
    _draw_axes(image, view, np.zeros(3), np.eye(3), 0.09)
    _draw_axes(image, view, HAND, wrist, 0.13)
    _draw_axes(image, view, ROBOT, root_pose(robot, pose)[0], 0.13)
    _label(image, view, np.array([-0.115, 0.14, 0.0]), "camera", "optical frame of the images")
    _label(image, view, HAND + np.array([-0.075, 0.075, 0.0]), "wrist", "~/right/wrist")
    _label(image, view, ROBOT + np.array([-0.09, 0.155, 0.0]), "robot hand", "hand frame: root of the URDF")
    small: ImageArray = np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    write_image(out, small)


def _hand(topology: HandTopology) -> Hand:
    """The mean right hand at HAND."""
    joints = topology.joint_regressor @ topology.mean_vertices
    in_frame = joints_in_hand_frame(joints, "right")
    # The mesh moves as its joints do.
    centred, moved = joints - joints[0], in_frame @ UPRIGHT.T
    turn = np.linalg.lstsq(centred, moved, rcond=None)[0]
    vertices = (topology.mean_vertices - joints[0]) @ turn + HAND
    return _with_mesh((moved + HAND).astype(np.float32), vertices.astype(np.float32))


def _seen_by(view: View, hand: Hand) -> Hand:
    assert hand.joints_3d is not None
    assert hand.vertices is not None
    joints, vertices = hand.joints_3d.astype(np.float64), hand.vertices.astype(np.float64)
    return _with_mesh(view.points(joints).astype(np.float32), view.points(vertices).astype(np.float32))


def _with_mesh(joints: FloatArray, vertices: FloatArray) -> Hand:
    nothing = np.zeros((21, 2), np.float32)
    metric = MetricHand(joints, np.zeros(21, np.float32), vertices)
    return Hand(1.0, np.zeros(4, np.float32), "right", 1.0, nothing, np.ones(21, np.float32), metric)


def _quaternion(rotation: Float64Array) -> Quaternion:
    x, y, z, w = quaternions_from_matrices(rotation).tolist()
    return x, y, z, w


def _draw_camera(image: ImageArray, view: View) -> None:
    """A pyramid from the camera's centre to its image."""
    corners = np.array([(x, y, 0.09) for x, y in ((-0.06, -0.045), (0.06, -0.045), (0.06, 0.045), (-0.06, 0.045))])
    centre, *ends = view.pixels(np.concatenate([np.zeros((1, 3)), corners]))
    cv2.polylines(image, [np.array(ends)], True, INK, 4, cv2.LINE_AA)
    for end in ends:
        cv2.line(image, centre, end, INK, 4, cv2.LINE_AA)


def _draw_axes(image: ImageArray, view: View, origin: Float64Array, axes: Float64Array, length: float) -> None:
    """Axes (3, 3), in columns, with their names at the ends."""
    for (name, colour), axis in zip(AXES, axes.T, strict=True):
        start, end, text = view.pixels(np.stack([origin, origin + length * axis, origin + 1.14 * length * axis]))
        cv2.arrowedLine(image, start, end, colour, 9, cv2.LINE_AA, tipLength=0.12)
        cv2.putText(image, name, (text[0] - 16, text[1] + 16), cv2.FONT_HERSHEY_SIMPLEX, 1.7, colour, 5, cv2.LINE_AA)


def _label(image: ImageArray, view: View, place: Float64Array, name: str, meaning: str) -> None:
    ((u, v),) = view.pixels(place[None])
    cv2.putText(image, name, (u, v), cv2.FONT_HERSHEY_SIMPLEX, 1.5, INK, 4, cv2.LINE_AA)
    cv2.putText(image, meaning, (u, v + 50), cv2.FONT_HERSHEY_SIMPLEX, 1.1, INK, 2, cv2.LINE_AA)


if __name__ == "__main__":
    typer.run(draw)
