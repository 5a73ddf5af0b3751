"""Draws robot hands where the operator's wrists are, as the camera would see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from handos_model.geometry.arrays import Float64Array, ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.quaternions import rotation_matrix
from handos_model.retargeting.robot_hand import RobotHand
from handos_model.retargeting.robot_surface import robot_surface
from handos_model.teleoperation.wrist_motion import WristPose
from handos_model.visualization.triangle_painting import lambert, paint_triangles, visible_triangles

HAND_FRAME_IN_WRIST: Final = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
"""(3, 3) whose columns are the axes of the frame that robot hands are described in (x out of the palm, z to the
fingers) in that of the wrist (x to the fingers, z out of the back)."""


@dataclass(frozen=True)
class PosedRobot:
    """A robot hand at a wrist."""

    robot: RobotHand
    joints: dict[str, float]
    """Radians or metres, by name."""
    wrist: WristPose
    """In the camera's optical frame."""


def draw_robots(image: ImageArray, robots: Sequence[PosedRobot], camera: CameraIntrinsics) -> ImageArray:
    """Draw robot hands over a copy of an image.

    Parameters
    ----------
    image
        (H, W, 3) BGR.
    robots
        Robot hands that are described by boxes, cylinders and spheres.
    camera
        Intrinsics of `image`.
    """
    drawn: ImageArray = image.copy()
    triangles = [_shaded_triangles(robot) for robot in robots]
    if triangles:
        corners, colours = (np.concatenate(parts) for parts in zip(*triangles, strict=True))
        paint_triangles(drawn, corners, colours, camera)
    return drawn


def root_pose(robot: RobotHand, wrist: WristPose) -> tuple[Float64Array, Float64Array]:
    """Rotation (3, 3) and position (3,) in metres of the robot's root link, in the frame of the wrist's pose."""
    return rotation_matrix(wrist.orientation) @ HAND_FRAME_IN_WRIST @ robot.hand_rotation.T, wrist.position


def _shaded_triangles(posed: PosedRobot) -> tuple[Float64Array, Float64Array]:
    """Corners (N, 3, 3) in metres of the camera's frame and BGR colours (N, 3) of the visible triangles."""
    vertices, faces, colours = robot_surface(posed.robot.model, posed.joints)
    rotation, position = root_pose(posed.robot, posed.wrist)
    corners = (vertices @ rotation.T + position)[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    visible = visible_triangles(corners, normals)
    brightness = lambert(normals[visible])[:, None]
    return corners[visible], 255 * brightness * colours[visible, ::-1]
