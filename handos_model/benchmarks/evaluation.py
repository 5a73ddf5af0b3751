"""Compares found hands with true ones over many images."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from tqdm import tqdm

from handos_model.benchmarks.calibration import Calibration
from handos_model.benchmarks.matching import match_boxes
from handos_model.benchmarks.metrics import (
    aligned,
    mean_distance,
    palm_length,
    percentage_correct,
    relative_pixel_errors,
)
from handos_model.hand.hand import FloatArray, Hand
from handos_model.hand.skeleton import ROOT_JOINT, WRIST
from handos_model.inference.pipeline import HandPipeline
from handos_model.io.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.io.frame import CameraIntrinsics

MEASURES: Final[dict[str, str]] = {
    "pck@.05": "share of 2D joints within 5 % of the longest side of the true joints' bounds",
    "pck@.1": "within 10 %",
    "pck@.2": "within 20 %",
    "pixel_error": "mean error of 2D joints as a fraction of that side",
    "side_accuracy": "share of hands whose side is right",
    "pa_mpjpe_mm": "mean error of 3D joints after moving, turning and scaling them, without mirroring",
    "pa_mpvpe_mm": "the same of the mesh's vertices",
    "root_mpjpe_mm": "mean error of 3D joints after moving the root joint to its place",
    "palm_error": "mean error of the length from wrist to middle knuckle, as a fraction of it",
    "mpjpe_mm": "mean error of 3D joints in the camera's frame, nothing aligned",
    "wrist_error_mm": "the same of the wrist alone",
    "wrist_error": "the same as a fraction of the wrist's distance from the camera",
    "joint_score_error": "calibration error of the joints' scores, mean over ten bins",
    "joint_score_excess": "by how much they are too high on the whole",
    "side_score_error": "calibration error of the sides' scores",
    "side_score_excess": "by how much they are too high on the whole",
}
"""What is measured of each pair of a found and a true hand; scores are measured over all of them together."""

_SEEN_JOINTS: Final = 0.6
_LEAST_SIDE: Final = 1 / 8
"""Least shares of a hand in plain sight: of its joints that are seen, and of the picture's longer side."""


@dataclass(frozen=True)
class Evaluation:
    """Summary over a set of images.

    Found and true hands belong together when the boxes around their joints overlap: `matching.LEAST_OVERLAP`. The
    boxes that the detector draws are compared by themselves: hands whose joints are wrong may be in the right place.
    """

    images: int
    true_hands: int
    recall: float
    """Share of the true hands that were found; NaN without true hands."""
    false_hands_per_image: float
    """Found hands that belong to no true one."""
    box_recall: float
    """Share of the true boxes that a found box overlaps; NaN without true hands."""
    box_recall_in_sight: float
    """The same of hands in plain sight; NaN where visibility is not annotated."""
    box_precision: float
    """Share of the found boxes that overlap a true one; NaN without found hands."""
    measures: dict[str, float]
    """Those `MEASURES` that the annotations allow, over all pairs."""


def evaluate(answers: Iterable[tuple[AnnotatedImage, tuple[Hand, ...]]]) -> Evaluation:
    """Compare hands with annotations.

    Parameters
    ----------
    answers
        Images and the hands found in them. Where an image comes without intrinsics, its 3D joints have no place in the
        camera's frame and only their shape is compared.
    """
    counts: Counter[str] = Counter()
    values: defaultdict[str, list[float]] = defaultdict(list)
    calibration = Calibration()
    for image, hands in answers:
        pairs = _pairs(image, hands)
        counts.update(images=1, true=len(image.hands), found=len(hands), matched=len(pairs))
        counts.update(_count_boxes(image, hands))
        for found, true in pairs:
            calibration.add(found, true)
            for name, value in _measure(found, true, in_camera_frame=image.camera is not None).items():
                values[name].append(value)
    measures = {name: float(np.mean(value)) for name, value in values.items()} | calibration.measures()
    return Evaluation(
        images=counts["images"],
        true_hands=counts["true"],
        recall=_share(counts["matched"], counts["true"]),
        false_hands_per_image=(counts["found"] - counts["matched"]) / max(counts["images"], 1),
        box_recall=_share(counts["matched_boxes"], counts["true"]),
        box_recall_in_sight=_share(counts["matched_boxes_in_sight"], counts["in_sight"]),
        box_precision=_share(counts["matched_boxes"], counts["found"]),
        measures={name: measures[name] for name in MEASURES if name in measures},
    )


def _count_boxes(image: AnnotatedImage, hands: tuple[Hand, ...]) -> dict[str, int]:
    matches = match_boxes([hand.box for hand in hands], [hand.box for hand in image.hands])
    in_sight = {k for k, hand in enumerate(image.hands) if _is_in_plain_sight(hand, max(image.image.shape))}
    return {
        "matched_boxes": len(matches),
        "in_sight": len(in_sight),
        "matched_boxes_in_sight": len(in_sight & {true for _, true in matches}),
    }


def _is_in_plain_sight(hand: AnnotatedHand, longer_side: int) -> bool:
    if hand.visibility is None or hand.visibility.mean() < _SEEN_JOINTS:
        return False
    return float((hand.box[2:] - hand.box[:2]).max()) >= _LEAST_SIDE * longer_side


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def evaluate_pipeline(pipeline: HandPipeline, images: Iterable[AnnotatedImage], field_of_view: float) -> Evaluation:
    """Run the pipeline over annotated images and compare.

    Parameters
    ----------
    pipeline
        What is evaluated.
    images
        Annotated images, read while they are iterated over.
    field_of_view
        Degrees along the longer side, assumed for images whose intrinsics are not known.
    """

    def answers() -> Iterator[tuple[AnnotatedImage, tuple[Hand, ...]]]:
        for image in tqdm(images, unit=" images", disable=None):
            height, width = image.image.shape[:2]
            camera = image.camera or CameraIntrinsics.from_field_of_view(width, height, field_of_view)
            yield image, pipeline(image.image, camera)

    return evaluate(answers())


def _pairs(image: AnnotatedImage, hands: tuple[Hand, ...]) -> list[tuple[Hand, AnnotatedHand]]:
    height, width = image.image.shape[:2]

    def box(joints_2d: FloatArray) -> FloatArray:
        return box_around_joints(joints_2d, width, height)

    matches = match_boxes([box(hand.joints_2d) for hand in hands], [box(hand.joints_2d) for hand in image.hands])
    return [(hands[i], image.hands[j]) for i, j in matches]


def _measure(found: Hand, true: AnnotatedHand, *, in_camera_frame: bool) -> dict[str, float]:
    pixel_errors = relative_pixel_errors(found.joints_2d, true.joints_2d)
    measures = {
        "pck@.05": percentage_correct(pixel_errors, 0.05),
        "pck@.1": percentage_correct(pixel_errors, 0.1),
        "pck@.2": percentage_correct(pixel_errors, 0.2),
        "pixel_error": float(pixel_errors.mean()),
        "side_accuracy": float(found.handedness == true.handedness),
    }
    if found.joints_3d is not None and true.joints_3d is not None:
        measures |= _measure_joints(found.joints_3d, true.joints_3d, in_camera_frame=in_camera_frame)
    if found.vertices is not None and true.vertices is not None:
        measures["pa_mpvpe_mm"] = 1000 * mean_distance(aligned(found.vertices, true.vertices), true.vertices)
    return measures


def _measure_joints(found: FloatArray, true: FloatArray, *, in_camera_frame: bool) -> dict[str, float]:
    measures = {
        "pa_mpjpe_mm": 1000 * mean_distance(aligned(found, true), true),
        "root_mpjpe_mm": 1000 * mean_distance(found - found[ROOT_JOINT], true - true[ROOT_JOINT]),
        "palm_error": abs(palm_length(found) / palm_length(true) - 1),
    }
    if in_camera_frame:
        wrist_error = float(np.linalg.norm(found[WRIST] - true[WRIST]))
        measures["mpjpe_mm"] = 1000 * mean_distance(found, true)
        measures["wrist_error_mm"] = 1000 * wrist_error
        measures["wrist_error"] = wrist_error / float(np.linalg.norm(true[WRIST]))
    return measures
