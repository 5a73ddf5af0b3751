"""The surface of robots made of primitives."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from generic_hands import generic_hand

from handos_model.retargeting.robot_hand import load_robot_hand
from handos_model.retargeting.robot_model import RobotModel, Shape
from handos_model.retargeting.robot_surface import robot_surface

SHAPES = {
    "box": ((0.1, 0.2, 0.3), 0.1 * 0.2 * 0.3),
    "cylinder": ((0.1, 0.3), np.pi * 0.1**2 * 0.3),
    "sphere": ((0.1,), 4 / 3 * np.pi * 0.1**3),
}


@pytest.mark.parametrize("kind", ["box", "cylinder", "sphere"])
def test_primitives_are_closed_face_outwards_and_have_their_volume(kind: str) -> None:
    size, volume = SHAPES[kind]
    origin = np.eye(4)
    origin[:3, 3] = (0.5, -0.2, 0.1)
    shape = Shape("base", kind, size, origin, (1.0, 0.0, 0.0))  # type: ignore[arg-type]
    vertices, faces, colours = robot_surface(RobotModel("", "", ("base",), (), (shape,)), {})
    a, b, c = (vertices[faces[:, k]] - origin[:3, 3] for k in range(3))
    enclosed = np.einsum("ni,ni->", a, np.cross(b, c)) / 6  # positive: faces are counter-clockwise from outside
    assert 0.88 * volume < enclosed < 1.0001 * volume
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    edges = Counter()
    for face, positions in zip(faces[area > 1e-12], vertices[faces[area > 1e-12]].round(9), strict=True):
        assert len(set(face.tolist())) == 3
        corners = [tuple(position) for position in positions.tolist()]
        edges.update((corners[k], corners[(k + 1) % 3]) for k in range(3))
    assert all(edges[second, first] == count for (first, second), count in edges.items())
    assert (colours == (1.0, 0.0, 0.0)).all()


def test_the_surface_moves_with_the_joints() -> None:
    robot = generic_hand("right")
    open_hand, faces, colours = robot_surface(robot.model, {})
    bent, _, _ = robot_surface(robot.model, {"right_middle_mcp": 1.5})
    assert len(faces) == len(colours)
    assert open_hand[:, 2].max() == pytest.approx(0.187, abs=0.003)  # metres, tip of the middle finger
    assert bent[:, 2].max() < open_hand[:, 2].max() - 0.005


def test_a_robot_of_meshes_has_an_empty_surface() -> None:
    vertices, faces, colours = robot_surface(RobotModel("", "", ("base",), ()), {})
    assert vertices.shape == faces.shape == colours.shape == (0, 3)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_grippers_fingers_touch_but_do_not_overlap_when_closed(side: str) -> None:
    model = load_robot_hand(f"generic_gripper_{side}").model
    thumb, index = (
        robot_surface(replace(model, shapes=tuple(shape for shape in model.shapes if finger in shape.link)), {})[0]
        for finger in ("_thumb_finger", "_index_finger")
    )
    towards_thumb = 1 if side == "right" else -1
    assert (towards_thumb * thumb[:, 1]).min() == pytest.approx(0.0)
    assert (towards_thumb * index[:, 1]).max() == pytest.approx(0.0)
