"""Renders the clip that `make demo` plays: two hands going through gestures, with known intrinsics."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from tqdm import tqdm

from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import FloatArray, ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Handedness
from handos_model.recordings.video_writer import VideoWriter
from handos_model.synthesis.arms import Arm, ArmBuilder, Sleeve
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.backgrounds import Backgrounds
from handos_model.synthesis.gestures import GESTURES
from handos_model.synthesis.labels import SceneHand
from handos_model.synthesis.lighting import Lighting
from handos_model.synthesis.posing import HandAngles, HandPoser, gesture_angles
from handos_model.synthesis.renderer import SceneRenderer
from handos_model.synthesis.rotations import axis_rotation
from handos_model.synthesis.scene import Scene
from handos_model.synthesis.viewpoint import FACING_CAMERA

WIDTH, HEIGHT, FRAME_RATE = 640, 480, 25
FIELD_OF_VIEW: Final = 60.0
"""Degrees along the longer side."""
SECONDS_PER_GESTURE: Final = 1.2
MOVING_FRACTION: Final = 0.6
"""Fraction of that time in which the hand moves; then it rests."""
TRUTH_PERIOD: Final = 15
"""Every so many frames there is ground truth."""
SEED: Final = 11
SKIN: Final = 4


@dataclass(frozen=True)
class HandMotion:
    """One of the two hands and its motion."""

    side: Handedness
    gestures: tuple[str, ...]
    centre: tuple[float, float, float]
    """Metres, camera frame: mean position of the hand's joints."""
    rotation: float
    """Degrees about the forearm; 0 shows the palm."""
    phase: float
    """Radians, of the swaying."""


MOTIONS: Final = (
    HandMotion("right", ("open", "pinch", "open", "point", "victory", "fist", "open"), (-0.13, 0.01, 0.56), 12.0, 0.0),
    HandMotion("left", ("relaxed", "flat", "fist", "open", "ok", "three", "relaxed"), (0.14, 0.03, 0.62), 160.0, 2.0),
)


class ClipRenderer:
    """Renders single frames of the clip."""

    def __init__(self, assets: Path) -> None:
        rng = np.random.default_rng(SEED)
        hand = Assets.load(assets).hand
        self._regressor = hand.joint_regressor
        self._arms, self._poser = ArmBuilder(hand), HandPoser(hand)
        self._shape = self._arms.sample_shape(rng)
        self._renderer = SceneRenderer(assets, None, WIDTH)
        self._background = Backgrounds(None, WIDTH).sample(rng)[(WIDTH - HEIGHT) // 2 :][:HEIGHT]
        library = self._renderer.materials
        self._materials = [library.sample_skin(rng, SKIN, 0)[0], library.sample_cloth(rng, 0)]
        self._lighting = Lighting(
            directions=np.array([[-0.4, -0.7, -0.6]], np.float32) / np.float32(1.005),
            colours=np.full((1, 3), 0.85, np.float32),
            sky=np.full(3, 0.5, np.float32),
            ground=np.full(3, 0.3, np.float32),
            shadow_strength=0.8,
        )
        self.camera = CameraIntrinsics.from_field_of_view(WIDTH, HEIGHT, FIELD_OF_VIEW)

    def frame(self, seconds: float) -> tuple[ImageArray, list[SceneHand]]:
        """(HEIGHT, WIDTH, 3) BGR and the hands at a time of the clip."""
        scene = Scene(self.camera, self._lighting, materials=list(self._materials))
        for motion in MOTIONS:
            self._add_arm(scene, motion, seconds)
        return self._renderer.render_scene(scene, self._background).image, scene.hands

    def joints(self, hand: SceneHand) -> FloatArray:
        """(21, 3) metres, camera frame."""
        return np.asarray(self._regressor @ hand.vertices, np.float32)

    def _add_arm(self, scene: Scene, motion: HandMotion, seconds: float) -> None:
        rotations = self._poser.rotations(_angles_at(motion.gestures, seconds))
        arm = self._arms.pose(self._shape, rotations, motion.side)
        vertices = self._camera_vertices(arm, motion, seconds)
        hand_id = scene.add_hand(vertices, motion.side)
        bare_skin = np.ones_like(vertices)
        mesh = self._arms.skin_mesh(arm, vertices, self._arms.forearm_direction(vertices), bare_skin, 0, hand_id)
        scene.meshes += [mesh, self._arms.sleeve_mesh(arm, mesh, Sleeve(start=0.05, thickness=0.004), 1)]

    def _camera_vertices(self, arm: Arm, motion: HandMotion, seconds: float) -> FloatArray:
        """(V, 3) the arm's vertices in the camera frame: upright, swaying."""
        sway = np.sin(1.7 * seconds + motion.phase + np.array([0.0, 1.0, 2.0]))
        rotation = (
            axis_rotation(2, 14 * sway[0])
            @ axis_rotation(0, 10 * sway[1])
            @ FACING_CAMERA
            @ axis_rotation(1, motion.rotation)
        )
        rotated = arm.vertices @ rotation.T
        centre = np.array(motion.centre) + 0.03 * sway
        return np.asarray(rotated - (self._regressor @ rotated).mean(axis=0) + centre, np.float32)


def _angles_at(gestures: tuple[str, ...], seconds: float) -> HandAngles:
    """Joint angles between two gestures, with smooth acceleration."""
    position = min(seconds / SECONDS_PER_GESTURE, len(gestures) - 1.001)
    number = int(position)
    t = min((position - number) / MOVING_FRACTION, 1.0)
    eased = t * t * (3 - 2 * t)
    start, end = (gesture_angles(GESTURES[gestures[k]]) for k in (number, number + 1))
    fingers = start.fingers + eased * (end.fingers - start.fingers)
    return HandAngles(fingers, start.thumb + eased * (end.thumb - start.thumb), start.wrist)


def render(
    assets: Annotated[Path, typer.Option(metavar="DIR", help="Folder with hand_cc0 and person_cc0.")],
    out: Annotated[Path, typer.Option(metavar="FILE.mp4", help="The clip; its intrinsics are written next to it.")],
    truth: Annotated[Path, typer.Option(metavar="FILE.json", help="Ground truth: the joints in every 15th frame.")],
) -> None:
    """Render the clip and write its intrinsics to NAME.camera.json and its joints to FILE.json."""
    renderer = ClipRenderer(assets)
    seconds = SECONDS_PER_GESTURE * (len(MOTIONS[0].gestures) - 1)
    joints = {}
    with VideoWriter(out, FRAME_RATE) as video:
        for number in tqdm(range(round(seconds * FRAME_RATE)), unit="frame"):
            image, hands = renderer.frame(number / FRAME_RATE)
            video.write(image)
            if number % TRUTH_PERIOD == 0:
                joints[number] = {hand.side: renderer.joints(hand).round(4).tolist() for hand in hands}
    camera = renderer.camera
    values = {"fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy}
    for path, contents in ((out.with_suffix(".camera.json"), values), (truth, joints)):
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(contents) + "\n")


if __name__ == "__main__":
    typer.run(render)
