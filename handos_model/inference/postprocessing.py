"""From the network's output to `Hand`s in image pixels and camera metres."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, cast

import numpy as np

from handos_model.architecture.contract import OUTPUT_NAMES, NetworkOutput
from handos_model.geometry.arrays import Float64Array, FloatArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import pixels_per_metre, root_position, to_camera_frame
from handos_model.geometry.translation_fit import fit_root_position
from handos_model.hand.hand import Hand, Handedness, MetricHand
from handos_model.hand.handedness import handedness_from_mesh
from handos_model.hand.skeleton import JOINT_COUNT
from handos_model.hand.topology import HandTopology
from handos_model.inference.output_check import OutputCheck
from handos_model.inference.preprocessing import Letterbox

SCORED_RADIUS: Final[float] = 0.1
"""`Hand.joint_scores`: probability of an error below this fraction of the box's longest side, per axis."""


@dataclass(frozen=True)
class Postprocessor:
    """Converts the network's output to hands."""

    topology: HandTopology
    handedness_slope: float
    score_threshold: float
    max_hands: int | None = None
    """Maximum number of hands, best first; ``None`` keeps all."""
    fit_translation: bool = False
    """Place hands by a fit to all of their joints instead of the camera head's output."""
    backend: str = "an unnamed backend"
    """Description of the engine, for messages."""

    def __call__(
        self, output: NetworkOutput, letterbox: Letterbox, camera: CameraIntrinsics | None
    ) -> tuple[Hand, ...]:
        """Extract the hands of one image.

        Parameters
        ----------
        output
            Output of the engine.
        letterbox
            Position of the image in the network's input.
        camera
            Intrinsics of the image; without them the hands have no metres.

        Returns
        -------
        tuple of Hand
            Best score first.

        Raises
        ------
        NetworkOutputError
            If the output does not keep to `NetworkOutput`: another shape, a score outside 0..1, a number that is not
            finite, or a scale that is not positive.
        """
        slots = self._select_slots(output)
        hands = self._hands_in_image(slots, letterbox)
        if camera is None or not hands:
            return hands
        input_camera = letterbox.input_intrinsics(camera)
        return _add_metres(hands, slots, input_camera, self._root_positions(slots, input_camera))

    @cached_property
    def _check(self) -> OutputCheck:
        return OutputCheck(self.topology.vertex_count, self.backend)

    def _root_positions(self, slots: NetworkOutput, camera: CameraIntrinsics) -> Float64Array:
        """(K, 3) metres, optical frame."""
        pixels, scale = slots.camera[:, :2], slots.camera[:, 2]
        roots = root_position(pixels, scale, camera)
        if self.fit_translation:
            fitted = fit_root_position(slots.joints_2d, slots.joint_spread, slots.joints_3d, pixels, camera)
            # Inconsistent joints can put a hand behind the camera: the fit is then meaningless.
            roots = np.where(fitted[:, 2:] > 0, fitted, roots)
        return roots

    def _select_slots(self, output: NetworkOutput) -> NetworkOutput:
        """The slots above the threshold, best first."""
        self._check.require_complete(output)
        best_first = np.argsort(-output.scores, kind="stable")[: self.max_hands]
        selected = best_first[output.scores[best_first] >= self.score_threshold]
        slots = NetworkOutput(**{name: getattr(output, name)[selected] for name in OUTPUT_NAMES})
        self._check.require_usable(slots)
        return slots

    def _hands_in_image(self, slots: NetworkOutput, letterbox: Letterbox) -> tuple[Hand, ...]:
        boxes = _boxes_in_image(slots.boxes, letterbox)
        joints_2d = letterbox.to_image(slots.joints_2d).astype(np.float32)
        joint_scores = _joint_scores(slots)
        sides, handedness_scores = handedness_from_mesh(slots.vertices, self.topology, self.handedness_slope)
        return tuple(
            Hand(
                score=float(slots.scores[k]),
                box=boxes[k],
                handedness=cast(Handedness, str(sides[k])),
                handedness_score=float(handedness_scores[k]),
                joints_2d=joints_2d[k],
                joint_scores=joint_scores[k],
            )
            for k in range(len(slots.scores))
        )


def _add_metres(
    hands: tuple[Hand, ...], slots: NetworkOutput, input_camera: CameraIntrinsics, roots: Float64Array
) -> tuple[Hand, ...]:
    points = np.concatenate([slots.joints_3d, slots.vertices], axis=1)
    points = to_camera_frame(points, roots).astype(np.float32)
    joints_3d, vertices = points[:, :JOINT_COUNT], points[:, JOINT_COUNT:]
    # A Laplace distribution of scale b has standard deviation sqrt(2) b.
    scale = pixels_per_metre(roots, input_camera)
    joint_sigma = (np.sqrt(2) * slots.joint_spread / scale[:, None]).astype(np.float32)
    return tuple(
        replace(hand, metric=MetricHand(joints_3d[k], joint_sigma[k], vertices[k])) for k, hand in enumerate(hands)
    )


def _boxes_in_image(boxes: FloatArray, letterbox: Letterbox) -> FloatArray:
    corners = letterbox.to_image(boxes.reshape(-1, 2, 2))
    last_pixel = (letterbox.image_width - 1, letterbox.image_height - 1)
    return np.clip(corners, 0, last_pixel).reshape(-1, 4).astype(np.float32)


def _joint_scores(slots: NetworkOutput) -> FloatArray:
    """Probability of an error below `SCORED_RADIUS` under the network's Laplace distribution."""
    sides = (slots.boxes[:, 2:] - slots.boxes[:, :2]).max(axis=1)
    scores = 1 - np.exp(-SCORED_RADIUS * np.maximum(sides, 0)[:, None] / slots.joint_spread)
    return np.asarray(scores, np.float32)
