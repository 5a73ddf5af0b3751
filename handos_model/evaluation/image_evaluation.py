"""Evaluation on annotated images (`handos eval samples|rendered`): recall, PCK, 3D errors, calibration."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from tqdm import tqdm

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.evaluation.matching import match_boxes
from handos_model.evaluation.metrics import (
    align_procrustes,
    mean_distance,
    palm_length,
    pck,
    relative_pixel_errors,
)
from handos_model.evaluation.score_calibration import Calibration
from handos_model.geometry.arrays import FloatArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import ROOT_JOINT, WRIST
from handos_model.inference.pipeline import HandPipeline

MEASURES: Final[dict[str, str]] = {
    "pck@.05": "fraction of 2D joints within 5 % of the longest side of the annotated joints' bounds",
    "pck@.1": "within 10 %",
    "pck@.2": "within 20 %",
    "pixel_error": "mean error of 2D joints as a fraction of that side",
    "handedness_accuracy": "fraction of hands with the correct handedness",
    "pa_mpjpe_mm": "mean error of 3D joints, Procrustes-aligned without reflection",
    "pa_mpvpe_mm": "the same of vertices",
    "root_mpjpe_mm": "mean error of 3D joints, aligned at the root joint",
    "palm_error": "mean error of the length from wrist to middle knuckle, as a fraction of that length",
    "mpjpe_mm": "mean error of 3D joints in the camera frame, not aligned",
    "wrist_error_mm": "the same of the wrist alone",
    "wrist_error": "the same as a fraction of the wrist's distance from the camera",
    "joint_score_error": "expected calibration error of joint scores, over ten bins",
    "joint_score_excess": "mean joint score minus fraction of joints within its radius",
    "handedness_score_error": "expected calibration error of handedness scores",
    "handedness_score_excess": "mean handedness score minus handedness accuracy",
}
"""Measures over all pairs of a predicted and an annotated hand."""

_MIN_VISIBLE_JOINTS: Final = 0.6
_MIN_BOX_SIDE: Final = 1 / 8
"""Of a hand in plain sight: minimum fraction of visible joints, and box side relative to the image's longer side."""


@dataclass(frozen=True)
class ImageEvaluation:
    """Summary over a set of images; the names are the keys of the JSON report.

    Predicted and annotated hands match if the boxes around their joints overlap (`matching.MIN_IOU`). The detector's
    boxes are compared separately, because a hand with wrong joints may still be in the right position.
    """

    images: int
    true_hands: int
    recall: float | None
    """Fraction of annotated hands that were matched; ``None`` without annotated hands."""
    false_hands_per_image: float | None
    """Predicted hands without a match; ``None`` without images."""
    box_recall: float | None
    """Fraction of annotated boxes that a predicted box overlaps; ``None`` without annotated hands."""
    box_recall_in_sight: float | None
    """Box recall of hands in plain sight; ``None`` if there are none, or visibility is not annotated."""
    box_precision: float | None
    """Fraction of predicted boxes that overlap an annotated one; ``None`` without predicted hands."""
    measures: dict[str, float]
    """The `MEASURES` that the hands and their annotations allow."""


def evaluate_images(predictions: Iterable[tuple[AnnotatedImage, tuple[Hand, ...]]]) -> ImageEvaluation:
    """Compare predicted hands with annotations.

    Parameters
    ----------
    predictions
        Images and the hands predicted for them. Without intrinsics of an image, its 3D joints have no position in the
        camera frame, and only their shape is compared.

    Raises
    ------
    ValueError
        If a hand or an annotation has numbers that are not finite, or no size.
    """
    counts: Counter[str] = Counter()
    values: defaultdict[str, list[float]] = defaultdict(list)
    calibration = Calibration()
    for number, (image, hands) in enumerate(predictions):
        try:
            pairs = _match_hands(image, hands)
            counts.update(images=1, annotated=len(image.hands), predicted=len(hands), matched=len(pairs))
            counts.update(_count_boxes(image, hands))
            for predicted, target in pairs:
                calibration.add(predicted, target)
                for name, value in _measure(predicted, target, in_camera_frame=image.camera is not None).items():
                    values[name].append(value)
        except ValueError as error:
            raise ValueError(f"image {number} of the evaluation cannot be measured: {error}") from error
    measures = {name: float(np.mean(value)) for name, value in values.items()} | calibration.measures()
    return ImageEvaluation(
        images=counts["images"],
        true_hands=counts["annotated"],
        recall=_fraction(counts["matched"], counts["annotated"]),
        false_hands_per_image=_fraction(counts["predicted"] - counts["matched"], counts["images"]),
        box_recall=_fraction(counts["matched_boxes"], counts["annotated"]),
        box_recall_in_sight=_fraction(counts["matched_boxes_in_sight"], counts["in_sight"]),
        box_precision=_fraction(counts["matched_boxes"], counts["predicted"]),
        measures={name: measures[name] for name in MEASURES if name in measures},
    )


def _count_boxes(image: AnnotatedImage, hands: tuple[Hand, ...]) -> dict[str, int]:
    matches = match_boxes([hand.box for hand in hands], [hand.box for hand in image.hands])
    in_sight = {k for k, hand in enumerate(image.hands) if _is_in_plain_sight(hand, max(image.image.shape))}
    return {
        "matched_boxes": len(matches),
        "in_sight": len(in_sight),
        "matched_boxes_in_sight": len(in_sight & {target for _, target in matches}),
    }


def _is_in_plain_sight(hand: AnnotatedHand, longer_side: int) -> bool:
    if hand.visibility is None or hand.visibility.mean() < _MIN_VISIBLE_JOINTS:
        return False
    return float((hand.box[2:] - hand.box[:2]).max()) >= _MIN_BOX_SIDE * longer_side


def _fraction(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def evaluate_pipeline(
    pipeline: HandPipeline, images: Iterable[AnnotatedImage], field_of_view: float
) -> ImageEvaluation:
    """Run the pipeline over annotated images and compare its hands with the annotations.

    Parameters
    ----------
    pipeline
        The pipeline to evaluate.
    images
        Annotated images; may be read lazily.
    field_of_view
        Degrees along the longer side, assumed for images without intrinsics.
    """

    def predict() -> Iterator[tuple[AnnotatedImage, tuple[Hand, ...]]]:
        for image in tqdm(images, unit=" images", disable=None):
            height, width = image.image.shape[:2]
            camera = image.camera or CameraIntrinsics.from_field_of_view(width, height, field_of_view)
            yield image, pipeline(image.image, camera)

    return evaluate_images(predict())


def _match_hands(image: AnnotatedImage, hands: tuple[Hand, ...]) -> list[tuple[Hand, AnnotatedHand]]:
    height, width = image.image.shape[:2]

    def box(joints_2d: FloatArray) -> FloatArray:
        return box_around_joints(joints_2d, width, height)

    matches = match_boxes([box(hand.joints_2d) for hand in hands], [box(hand.joints_2d) for hand in image.hands])
    return [(hands[i], image.hands[j]) for i, j in matches]


def _measure(predicted: Hand, target: AnnotatedHand, *, in_camera_frame: bool) -> dict[str, float]:
    pixel_errors = relative_pixel_errors(predicted.joints_2d, target.joints_2d)
    measures = {
        "pck@.05": pck(pixel_errors, 0.05),
        "pck@.1": pck(pixel_errors, 0.1),
        "pck@.2": pck(pixel_errors, 0.2),
        "pixel_error": float(pixel_errors.mean()),
        "handedness_accuracy": float(predicted.handedness == target.handedness),
    }
    if predicted.joints_3d is not None and target.joints_3d is not None:
        measures |= _measure_joints(predicted.joints_3d, target.joints_3d, in_camera_frame=in_camera_frame)
    if predicted.vertices is not None and target.vertices is not None:
        aligned = align_procrustes(predicted.vertices, target.vertices)
        measures["pa_mpvpe_mm"] = 1000 * mean_distance(aligned, target.vertices)
    return measures


def _measure_joints(predicted: FloatArray, target: FloatArray, *, in_camera_frame: bool) -> dict[str, float]:
    length, distance = palm_length(target), float(np.linalg.norm(target[WRIST]))
    if length <= 0 or (in_camera_frame and distance <= 0):
        raise ValueError("the annotated wrist is at the middle knuckle or in the camera: correct the annotation")
    measures = {
        "pa_mpjpe_mm": 1000 * mean_distance(align_procrustes(predicted, target), target),
        "root_mpjpe_mm": 1000 * mean_distance(predicted - predicted[ROOT_JOINT], target - target[ROOT_JOINT]),
        "palm_error": abs(palm_length(predicted) / length - 1),
    }
    if in_camera_frame:
        wrist_error = float(np.linalg.norm(predicted[WRIST] - target[WRIST]))
        measures["mpjpe_mm"] = 1000 * mean_distance(predicted, target)
        measures["wrist_error_mm"] = 1000 * wrist_error
        measures["wrist_error"] = wrist_error / distance
    return measures
