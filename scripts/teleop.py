"""The teleoperation demo, without ROS: a video's hands move robot hands, drawn as the camera would see them."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from tqdm import tqdm

from handos_model import CameraIntrinsics, HandPipeline
from handos_model.files.images import write_image
from handos_model.geometry.arrays import ImageArray
from handos_model.geometry.intrinsics import read_intrinsics
from handos_model.hand.frames import wrist_orientation
from handos_model.hand.hand import Hand, Handedness
from handos_model.hand.skeleton import WRIST
from handos_model.inference.plausibility import check_hands
from handos_model.inference.tracking import HandTracker, TrackingSettings
from handos_model.recordings.source import FrameSource, open_source
from handos_model.recordings.video_writer import VideoWriter
from handos_model.retargeting.robot_hand import RobotHand, load_robot_hand
from handos_model.teleoperation.robot_drawing import PosedRobot, draw_robots
from handos_model.teleoperation.robot_side import robot_side
from handos_model.teleoperation.side_teleoperation import SideCommand, SideTeleoperation
from handos_model.teleoperation.wrist_motion import WristPose
from handos_model.visualization.mesh_drawing import draw_meshes

OUT: Final = Path("out/teleop")
SIDES: Final[tuple[Handedness, ...]] = ("left", "right")
ASSUMED_FIELD_OF_VIEW: Final = 60.0
"""Degrees along the longer side of the image: about that of a phone or a webcam."""
CAMERA_RATE: Final = 10.0
"""Images per second of the video of a camera: about what a slow processor manages."""
GAP: Final = 6
"""White pixels between the panels."""
GREY: Final = 60


class Operator:
    """The operator's two hands and the robot hands that follow them."""

    def __init__(self, robot: str) -> None:
        self._robots: dict[Handedness, RobotHand] = {side: _drawable(load_robot_hand(robot, side)) for side in SIDES}
        self._sides = {side: SideTeleoperation(side, robot_side(self._robots[side])) for side in SIDES}

    def follow(self, hands: tuple[Hand, ...], seconds: float) -> list[PosedRobot]:
        """Where the robot hands are after an image; hands that were never followed have none."""
        posed: list[PosedRobot] = []
        for side, motion in self._sides.items():
            motion.see(hands, seconds, _wrist_of)
            posed += self._posed(self._robots[side], motion.step(True, seconds))
        return posed

    def _posed(self, robot: RobotHand, command: SideCommand) -> Iterator[PosedRobot]:
        if command.joints is not None and command.wrist is not None:
            joints = dict(zip(robot.joint_names, command.joints.positions.tolist(), strict=True))
            yield PosedRobot(robot, joints, command.wrist.pose)


def _drawable(robot: RobotHand) -> RobotHand:
    if not robot.model.shapes:
        raise ValueError(
            f"robot '{robot.name}' is described by meshes only ({robot.model.source}), which are not drawn here: see "
            "it in RViz with teleop.launch.py, or choose generic_hand or generic_gripper"
        )
    return robot


def teleop(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Video file or number of a camera.")],
    robot: Annotated[str, typer.Option(metavar="NAME", help="Robot hand: see config/robots.")] = "generic_hand",
) -> None:
    """Let SOURCE's hands move robot hands; out/teleop/ gets teleop.mp4 and, of its middle, teleop.png.

    A camera is recorded until Ctrl-C; teleop.png then is its last image.
    """
    try:
        video = open_source(source)
        panels = _panels(video, _camera_of(source), Operator(robot))
        written = _write(panels, video.frame_rate or CAMERA_RATE, video.frame_count)
    except (OSError, ValueError, ModuleNotFoundError) as error:
        sys.exit(f"handos: {error}")
    typer.echo(f"wrote {', '.join(map(str, written))}")


def _camera_of(source: str) -> CameraIntrinsics | None:
    """Intrinsics beside the video, if there are any."""
    sidecar = Path(source).resolve().with_suffix(".camera.json")
    return read_intrinsics(sidecar) if sidecar.is_file() else None


def _panels(video: FrameSource, camera: CameraIntrinsics | None, operator: Operator) -> Iterator[ImageArray]:
    """Image, image with meshes, and robot hands, side by side, for every frame."""
    pipeline, settings = HandPipeline.load().for_tracking(TrackingSettings())
    tracker = HandTracker()
    for frame in tqdm(video.frames, total=video.frame_count, desc="teleop", unit=" images", disable=None):
        height, width = frame.image.shape[:2]
        known = camera or CameraIntrinsics.from_field_of_view(width, height, ASSUMED_FIELD_OF_VIEW)
        plausible = check_hands(pipeline(frame.image, known), frame.image.shape, known, None).hands
        hands = tracker.update(plausible, frame.stamp, settings)
        empty = np.full_like(frame.image, GREY)
        robots = draw_robots(empty, operator.follow(hands, frame.stamp), known)
        gap = np.full((height, GAP, 3), 255, np.uint8)
        yield np.hstack([frame.image, gap, draw_meshes(frame.image, hands, pipeline.topology, known), gap, robots])


def _write(panels: Iterator[ImageArray], frame_rate: float, count: int | None) -> list[Path]:
    video, image = OUT / "teleop.mp4", OUT / "teleop.png"
    kept: ImageArray | None = None
    with VideoWriter(video, frame_rate) as writer, suppress(KeyboardInterrupt):
        for index, panel in enumerate(panels):
            writer.write(panel)
            if kept is None or count is None or index <= count // 2:
                kept = panel
    if kept is None:
        raise ValueError("the source has no images: nothing is written")
    write_image(image, kept)
    return [video, image]


def _wrist_of(hand: Hand) -> WristPose:
    assert hand.joints_3d is not None, "only hands in metres are followed"
    position = hand.joints_3d[WRIST].astype(np.float64)
    return WristPose(position, wrist_orientation(hand.joints_3d, hand.handedness))


if __name__ == "__main__":
    typer.run(teleop)
