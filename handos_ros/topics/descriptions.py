"""What the topics and services of the nodes are for. docs/reference/topics.md is made of this and of the running nodes.

Names are those before remapping; `~` is the node's name, SIDE is left or right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Descriptions:
    """Of one node, by name."""

    subscribed: Mapping[str, str]
    published: Mapping[str, str]
    services: Mapping[str, str]


NODES: Final[Mapping[str, Descriptions]] = {
    "handos": Descriptions(
        subscribed={
            "image": "With `image_transport: raw`.",
            "image/compressed": "With `image_transport: compressed`: JPEG or PNG.",
            "camera_info": "Beside the image topic after its remapping, unless it is remapped itself.",
            "depth": "With `depth: true`: 16UC1 (millimetres) or 32FC1 (metres, REP 118), same size as the image and "
            "aligned with it.",
            "/tf": "With `target_frame`.",
            "/tf_static": "With `target_frame`.",
        },
        published={
            "~/hands": "One for each image that is processed, even without hands.",
            "~/topology": "Once, latched: faces, joint names and tree.",
            "~/markers": "Mesh, bones, joints and label of every hand, blue for left, orange for right; needs metres.",
            "~/SIDE/wrist": "The wrist to follow of each side; needs metres.",
            "~/fingertips": "Five poses for each hand, thumb to pinky, hands in the order of HandArray; x points out "
            "of the fingertip; needs metres.",
            "~/detections_2d": "Boxes in pixels; class_id left_hand or right_hand, the score, the hand's id; without "
            "COASTING hands; needs vision_msgs 4.",
            "~/detections_3d": "The same hands in metres: the pose is the wrist's, the box is the smallest along the "
            "wrist's axes that holds the mesh; needs vision_msgs 4.",
            "~/overlay": "The image with boxes, skeletons, labels and, without lens distortion, meshes.",
            "/tf": "`handos/left_wrist`, `handos/right_wrist` of the best hand of each side, `handos/right_wrist_2` "
            "and so on of the next ones; needs tf2_ros.",
            "/diagnostics": "Once per second.",
        },
        services={"~/calibrate": "Measures the hands of the `operator` by depth, and keeps their size."},
    ),
    "retarget": Descriptions(
        subscribed={
            "hands": "Remap it to `/handos/hands`; the newest counts.",
            "~/dead_man": "With `engage: topic`.",
            "~/SIDE/joint_states": "Where the robot hand really is: motion starts from there. Optional.",
            "~/SIDE/robot_description": "Latched; compared with the URDF that is commanded. Optional.",
            "/tf": "With `target_frame`.",
            "/tf_static": "With `target_frame`.",
        },
        published={
            "~/SIDE/joint_command": "Positions and velocities in the robot's joint order.",
            "~/SIDE/joint_trajectory": "The same as one point, to be reached in `trajectory_time`; stamp 0: from now "
            "on.",
            "~/SIDE/wrist": "Where the wrist is to be.",
            "~/SIDE/twist": "How it is to move.",
            "~/SIDE/grip": "Aperture in metres and its uncertainty, closing 0..1, whether it grips, which finger "
            "pinches; of every image in which the hand is followed.",
            "~/SIDE/openxr": "The 26 joints of XR_EXT_hand_tracking in the camera's frame.",
            "~/openxr_joints": "Latched: their names, and which of them are inferred.",
            "~/SIDE/state": "State, reason, limited joints, the hand's id and stamp.",
            "/tf": "With `tf: true`: `retarget/SIDE/ROOT_LINK` at the wrist's command; needs tf2_ros.",
            "/diagnostics": "Once per second: of the node, the grip, and each side.",
        },
        services={
            "~/engage": "With `engage: service`: true lets the robot follow, false stops it.",
            "~/calibrate_grip": "Answers at once; the result is in the log and in `/diagnostics`.",
        },
    ),
}
"""By the node's name."""
