"""From the network's slots to `Hand`s in image pixels and camera metres."""

from dataclasses import dataclass, replace
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from handos_model.hand.hand import FloatArray, Hand, Handedness
from handos_model.hand.handedness import handedness_of
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.hand.topology import HandTopology
from handos_model.inference import camera_geometry
from handos_model.inference.engine import OUTPUT_NAMES, EngineOutput
from handos_model.inference.preprocessing import Letterbox
from handos_model.inference.translation_fit import fit_root_position
from handos_model.io.frame import CameraIntrinsics

SCORED_RADIUS: Final[float] = 0.1
"""`Hand.joint_scores` are the chances that a joint lies within this part of the box's longest side, per axis."""


class NetworkOutputError(ArithmeticError):
    """The network answered with numbers that cannot describe a hand."""


@dataclass(frozen=True)
class HandReader:
    """Reads hands from the network's answer."""

    topology: HandTopology
    handedness_slope: float
    score_threshold: float
    max_hands: int | None = None
    """Keep at most this many, the best; ``None`` keeps all."""
    fits_translation: bool = False
    """Place hands by a fit to all of their joints instead of by what the network says of their camera."""

    def __call__(self, output: EngineOutput, letterbox: Letterbox, camera: CameraIntrinsics | None) -> tuple[Hand, ...]:
        """Read the hands of one picture.

        Parameters
        ----------
        output
            What the engine said.
        letterbox
            Where the picture lies in the network's input.
        camera
            Intrinsics of the picture; without them the hands carry no metres.

        Returns
        -------
        tuple of Hand
            Best score first.

        Raises
        ------
        NetworkOutputError
            If a number is not finite, or a scale not positive.
        """
        slots = self._used_slots(output)
        hands = self._hands_in_image(slots, letterbox)
        if camera is None or not hands:
            return hands
        input_camera = letterbox.input_intrinsics(camera)
        return _with_metres(hands, slots, input_camera, self._roots(slots, input_camera))

    def _roots(self, slots: EngineOutput, camera: CameraIntrinsics) -> npt.NDArray[np.float64]:
        """(K, 3) metres, optical frame."""
        pixels, scale = slots.camera[:, :2], slots.camera[:, 2]
        roots = camera_geometry.root_position(pixels, scale, camera)
        if self.fits_translation:
            fitted = fit_root_position(slots.joints_2d, slots.joint_spread, slots.joints_3d, pixels, camera)
            # Joints that contradict each other can put a hand behind the camera: nothing can be learnt from those.
            roots = np.where(fitted[:, 2:] > 0, fitted, roots)
        return roots

    def _used_slots(self, output: EngineOutput) -> EngineOutput:
        _require_finite("scores", output.scores)
        best_first = np.argsort(-output.scores, kind="stable")[: self.max_hands]
        used = best_first[output.scores[best_first] >= self.score_threshold]
        slots = EngineOutput(**{name: getattr(output, name)[used] for name in OUTPUT_NAMES})
        for name in OUTPUT_NAMES:
            _require_finite(name, getattr(slots, name))
        _require_positive("joint_spread", slots.joint_spread)
        _require_positive("camera's pixels_per_metre", slots.camera[:, 2])
        return slots

    def _hands_in_image(self, slots: EngineOutput, letterbox: Letterbox) -> tuple[Hand, ...]:
        boxes = _boxes_in_image(slots.boxes, letterbox)
        joints_2d = letterbox.to_image(slots.joints_2d).astype(np.float32)
        joint_scores = _joint_scores(slots)
        sides, side_scores = handedness_of(slots.vertices, self.topology, self.handedness_slope)
        return tuple(
            Hand(
                score=float(slots.scores[k]),
                box=boxes[k],
                handedness=cast(Handedness, str(sides[k])),
                handedness_score=float(side_scores[k]),
                joints_2d=joints_2d[k],
                joint_scores=joint_scores[k],
                joints_3d=None,
                joint_sigma=None,
                vertices=None,
            )
            for k in range(len(slots.scores))
        )


def _with_metres(
    hands: tuple[Hand, ...], slots: EngineOutput, input_camera: CameraIntrinsics, roots: npt.NDArray[np.float64]
) -> tuple[Hand, ...]:
    points = np.concatenate([slots.joints_3d, slots.vertices], axis=1)
    points = camera_geometry.to_camera_frame(points, roots).astype(np.float32)
    joints_3d, vertices = points[:, :JOINT_COUNT], points[:, JOINT_COUNT:]
    # A Laplace distribution of scale b has the standard deviation sqrt(2) b.
    scale = camera_geometry.pixels_per_metre(roots, input_camera)
    joint_sigma = (np.sqrt(2) * slots.joint_spread / scale[:, None]).astype(np.float32)
    return tuple(
        replace(hand, joints_3d=joints_3d[k], joint_sigma=joint_sigma[k], vertices=vertices[k])
        for k, hand in enumerate(hands)
    )


def _boxes_in_image(boxes: FloatArray, letterbox: Letterbox) -> FloatArray:
    corners = letterbox.to_image(boxes.reshape(-1, 2, 2))
    last_pixel = (letterbox.image_width - 1, letterbox.image_height - 1)
    return np.clip(corners, 0, last_pixel).reshape(-1, 4).astype(np.float32)


def _joint_scores(slots: EngineOutput) -> FloatArray:
    """Chance of an error below `SCORED_RADIUS` of the box, under the Laplace distribution the network states."""
    sides = (slots.boxes[:, 2:] - slots.boxes[:, :2]).max(axis=1)
    within = 1 - np.exp(-SCORED_RADIUS * np.maximum(sides, 0)[:, None] / slots.joint_spread)
    return np.asarray(within, np.float32)


def _require_finite(name: str, values: npt.NDArray[np.floating]) -> None:
    if not np.isfinite(values).all():
        raise NetworkOutputError(
            f"the network's {name} are not finite: its weights are damaged, or its precision too low for this model. "
            "Use the shipped weights, or export yours anew in single precision"
        )


def _require_positive(name: str, values: npt.NDArray[np.floating]) -> None:
    if not (values > 0).all():
        raise NetworkOutputError(
            f"the network's {name} must be positive, got {values.min()}: its weights are damaged or hardly trained. "
            "Use the shipped weights, or train longer"
        )
