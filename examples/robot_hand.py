"""A hand becomes the joints of a robot hand, which is drawn where the hand is.

Run: python examples/robot_hand.py demo/clip.mp4 --robot generic_gripper --out out/robot.mp4
     python examples/robot_hand.py 0 --robot generic_hand         needs '.[retarget]'; Ctrl-C ends it
"""

from contextlib import suppress
from pathlib import Path

from handos_model import hands_in
from handos_model.commands.script import run_script
from handos_model.hand.frames import wrist_orientation
from handos_model.recordings.video_writer import VideoWriter
from handos_model.retargeting.robot_hand import load_robot_hand
from handos_model.teleoperation.robot_drawing import PosedRobot, draw_robots
from handos_model.teleoperation.wrist_motion import WristPose


def main(source: str, robot: str = "generic_gripper", out: Path = Path("out/robot.mp4")) -> None:
    """Print the joints that ROBOT's hands are told, and write a video of them."""
    robots = {side: load_robot_hand(robot, side) for side in ("left", "right")}
    followers = {side: robots[side].retargeter() for side in robots}  # one for each hand: they remember
    with VideoWriter(out, frame_rate=25) as video, suppress(KeyboardInterrupt):
        for result in hands_in(source, field_of_view=60):
            posed = []
            for side, joints in ((hand.handedness, hand.joints_3d) for hand in result.hands):
                if joints is not None:
                    told = followers[side](joints, side).by_name()
                    posed.append(PosedRobot(robots[side], told, WristPose(joints[0], wrist_orientation(joints, side))))
                    print(f"{side}: " + ", ".join(f"{name} {position:.3f}" for name, position in told.items()))
            video.write(draw_robots(result.frame.image, posed, result.camera.intrinsics))
    print(f"-> {out}")


if __name__ == "__main__":
    run_script(main)
