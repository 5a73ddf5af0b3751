"""Renders the clip that `make demo` plays: a person's two hands going through gestures, with exact intrinsics."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from tqdm import tqdm

from handos_model.hand.hand import FloatArray, Handedness
from handos_model.io.frame import CameraIntrinsics, ImageArray
from handos_model.io.video_writer import VideoWriter
from handos_model.synthesis.arms import Arm, ArmBuilder, Sleeve
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.backgrounds import Backgrounds
from handos_model.synthesis.gestures import GESTURES
from handos_model.synthesis.labels import SceneHand
from handos_model.synthesis.posing import HandAngles, HandPoser, angles_of_gesture
from handos_model.synthesis.renderer import SceneRenderer
from handos_model.synthesis.rotations import turn_about
from handos_model.synthesis.scene import Scene
from handos_model.synthesis.shading import Lighting
from handos_model.synthesis.viewpoint import FACING

WIDTH, HEIGHT, FRAME_RATE = 640, 480, 25
FIELD_OF_VIEW: Final = 60.0
"""Degrees along the longer side."""
SECONDS_PER_GESTURE: Final = 1.2
MOVING_SHARE: Final = 0.6
"""Of that time a hand moves, then it rests."""
TRUTH_PERIOD: Final = 15
"""Every so many frames the hands are written down."""
SEED: Final = 11
SKIN: Final = 4


@dataclass(frozen=True)
class Performer:
    """One of the two hands, and what it does."""

    side: Handedness
    gestures: tuple[str, ...]
    centre: tuple[float, float, float]
    """Metres, camera frame: where the hand's joints are on average."""
    turn: float
    """Degrees about the forearm: 0 shows the palm."""
    phase: float
    """Of its swaying, radians."""


PERFORMERS: Final = (
    Performer("right", ("open", "pinch", "open", "point", "victory", "fist", "open"), (-0.13, 0.01, 0.56), 12.0, 0.0),
    Performer("left", ("relaxed", "flat", "fist", "open", "ok", "three", "relaxed"), (0.14, 0.03, 0.62), 160.0, 2.0),
)


class ClipRenderer:
    """Renders the frames of the clip one by one."""

    def __init__(self, assets: Path) -> None:
        rng = np.random.default_rng(SEED)
        hand = Assets.load(assets).hand
        self._regressor = hand.joint_regressor
        self._arms, self._poser = ArmBuilder(hand), HandPoser(hand)
        self._shape = self._arms.sample_shape(rng)
        self._renderer = SceneRenderer(assets, None, WIDTH)
        self._background = Backgrounds(None, WIDTH).sample(rng)[(WIDTH - HEIGHT) // 2 :][:HEIGHT]
        library = self._renderer.library
        self._materials = [library.skin(rng, SKIN, 0)[0], library.cloth(rng, 0)]
        self._lighting = Lighting(
            directions=np.array([[-0.4, -0.7, -0.6]], np.float32) / np.float32(1.005),
            colours=np.full((1, 3), 0.85, np.float32),
            sky=np.full(3, 0.5, np.float32),
            ground=np.full(3, 0.3, np.float32),
            shadow=0.8,
        )
        self.camera = CameraIntrinsics.from_field_of_view(WIDTH, HEIGHT, FIELD_OF_VIEW)

    def frame(self, seconds: float) -> tuple[ImageArray, list[SceneHand]]:
        """(HEIGHT, WIDTH, 3) BGR at a time of the clip, and its hands."""
        scene = Scene(self.camera, self._lighting, materials=list(self._materials))
        for performer in PERFORMERS:
            self._add_arm(scene, performer, seconds)
        return self._renderer.draw(scene, self._background).image, scene.hands

    def joints(self, hand: SceneHand) -> FloatArray:
        """(21, 3) metres, camera frame."""
        return np.asarray(self._regressor @ hand.vertices, np.float32)

    def _add_arm(self, scene: Scene, performer: Performer, seconds: float) -> None:
        rotations = self._poser.rotations(_angles_at(performer.gestures, seconds))
        arm = self._arms.pose(self._shape, rotations, performer.side)
        placed = self._placed(arm, performer, seconds)
        owner = scene.add_hand(placed, performer.side)
        bare = np.ones_like(placed)
        mesh = self._arms.skin_mesh(arm, placed, self._arms.forearm_direction(placed), bare, 0, owner)
        scene.meshes += [mesh, self._arms.sleeve_mesh(arm, mesh, Sleeve(start=0.05, thickness=0.004), 1)]

    def _placed(self, arm: Arm, performer: Performer, seconds: float) -> FloatArray:
        """(V, 3) the arm's vertices in the camera frame: upright, swaying."""
        sway = np.sin(1.7 * seconds + performer.phase + np.array([0.0, 1.0, 2.0]))
        rotation = turn_about(2, 14 * sway[0]) @ turn_about(0, 10 * sway[1]) @ FACING @ turn_about(1, performer.turn)
        turned = arm.vertices @ rotation.T
        centre = np.array(performer.centre) + 0.03 * sway
        return np.asarray(turned - (self._regressor @ turned).mean(axis=0) + centre, np.float32)


def _angles_at(gestures: tuple[str, ...], seconds: float) -> HandAngles:
    """From gesture to gesture, each move starting and ending at rest."""
    position = min(seconds / SECONDS_PER_GESTURE, len(gestures) - 1.001)
    number = int(position)
    t = min((position - number) / MOVING_SHARE, 1.0)
    eased = t * t * (3 - 2 * t)
    start, end = (angles_of_gesture(GESTURES[gestures[k]]) for k in (number, number + 1))
    fingers = start.fingers + eased * (end.fingers - start.fingers)
    return HandAngles(fingers, start.thumb + eased * (end.thumb - start.thumb), start.wrist)


def render(
    assets: Annotated[Path, typer.Option(metavar="DIR", help="Folder with the hand and the person.")],
    out: Annotated[Path, typer.Option(metavar="FILE.mp4", help="The clip; its intrinsics are written beside it.")],
    truth: Annotated[Path, typer.Option(metavar="FILE.json", help="Where the hands are in some of its frames.")],
) -> None:
    """Render the clip, write its intrinsics to NAME.camera.json and its hands to FILE.json."""
    renderer = ClipRenderer(assets)
    seconds = SECONDS_PER_GESTURE * (len(PERFORMERS[0].gestures) - 1)
    known = {}
    with VideoWriter(out, FRAME_RATE) as video:
        for number in tqdm(range(round(seconds * FRAME_RATE)), unit="frame"):
            image, hands = renderer.frame(number / FRAME_RATE)
            video.write(image)
            if number % TRUTH_PERIOD == 0:
                known[number] = {hand.side: renderer.joints(hand).round(4).tolist() for hand in hands}
    camera = renderer.camera
    values = {"fx": camera.fx, "fy": camera.fy, "cx": camera.cx, "cy": camera.cy}
    out.with_suffix(".camera.json").write_text(json.dumps(values) + "\n")
    truth.write_text(json.dumps(known) + "\n")


if __name__ == "__main__":
    typer.run(render)
