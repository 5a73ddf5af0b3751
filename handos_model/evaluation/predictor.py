"""`Predictor`: runs the network over a published data set and logs one predicted hand per image."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.datasets.dataset import Dataset
from handos_model.evaluation.ground_truth_crop import Crop, CropProtocol, crop_around
from handos_model.evaluation.matching import MIN_IOU, pairwise_iou
from handos_model.evaluation.prediction_log import Prediction, PredictionLog
from handos_model.geometry.arrays import Float64Array, FloatArray
from handos_model.hand.hand import Hand
from handos_model.hand.mano_conventions import MANO_TOPOLOGY_ID
from handos_model.hand.skeleton import FINGERTIPS
from handos_model.inference.pipeline import HandPipeline


@dataclass(frozen=True)
class Predictor:
    """Predicts one hand for every image.

    The official protocols require a hand in every image: it is the one with the best score, even if that is below the
    recommended threshold. Where images show hands that are not annotated, and in ground-truth crops, it is the best one
    that overlaps the annotated hand, or the best of all if none does.
    """

    pipeline: HandPipeline
    """With a score threshold of 0."""
    crop_protocol: CropProtocol | None = None
    """What the network sees of each image (`--gt-box`); ``None`` for all of it, as methods with a detector do."""
    tip_vertices: tuple[int, ...] | None = None
    """Vertices that the data set annotates as fingertips, thumb to pinky; used if the weights' mesh is MANO's."""

    def predict(self, dataset: Dataset, log: PredictionLog) -> None:
        """Predict all images that are not in `log` yet."""
        images = range(len(log), len(dataset))
        for index in tqdm(
            images, initial=len(log), total=len(dataset), desc=dataset.title, unit=" images", disable=None
        ):
            log.append(self._predict(dataset, index))

    def _predict(self, dataset: Dataset, index: int) -> Prediction:
        annotated = dataset[index]
        target = annotated.hands[0] if annotated.hands else None
        crop = self._crop(annotated, dataset.image_name(index))
        hands = [_to_image(hand, crop) for hand in self.pipeline(crop.image, crop.camera)]
        if not hands:
            raise ValueError(
                f"the network has no hand slots, but {dataset.image_name(index)} needs one: export it again"
            )
        overlaps = _overlap_target(hands, target, annotated.image.shape[1], annotated.image.shape[0])
        must_overlap = self.crop_protocol is not None or not dataset.annotates_every_hand
        best = int(overlaps.argmax()) if must_overlap else 0
        threshold = self.pipeline.engine.properties.score_threshold
        return Prediction(
            index=index,
            joints_3d=self._joints_3d(hands[best]),
            vertices=self._vertices(hands[best]),
            joints_2d=_to_float64(hands[best].joints_2d),
            handedness=hands[best].handedness,
            score=round(hands[best].score, 4),
            found=None if target is None else _is_found(hands, overlaps, threshold),
        )

    def _crop(self, annotated: AnnotatedImage, name: str) -> Crop:
        whole = Crop(annotated.image, annotated.camera, np.zeros(2))
        if self.crop_protocol is None or self.crop_protocol.whole_images:
            return whole
        if annotated.hands:
            return crop_around(annotated.image, annotated.hands[0].box, annotated.camera)
        if annotated.published_box is not None:
            return crop_around(annotated.image, annotated.published_box, annotated.camera)
        # Images without annotation do not count, but the result file has a line for each.
        return whole

    def _vertices(self, hand: Hand) -> Float64Array | None:
        vertices, topology = _to_float64(hand.vertices), self.pipeline.topology
        if vertices is None or topology.id == MANO_TOPOLOGY_ID:
            return vertices
        # The official scripts compare any mesh of 778 vertices with MANO's, vertex by vertex. The centre of the open
        # wrist as an additional vertex prevents that.
        return np.vstack([vertices, vertices[topology.wrist_loop].mean(axis=0)])

    def _joints_3d(self, hand: Hand) -> Float64Array | None:
        joints = _to_float64(hand.joints_3d)
        is_mano = self.pipeline.topology.id == MANO_TOPOLOGY_ID
        if joints is not None and hand.vertices is not None and self.tip_vertices is not None and is_mano:
            joints[list(FINGERTIPS)] = hand.vertices[list(self.tip_vertices)]
        return joints


def _is_found(hands: list[Hand], overlaps: npt.NDArray[np.bool_], threshold: float) -> bool:
    return any(hand.score >= threshold for hand, fits in zip(hands, overlaps, strict=True) if fits)


def _to_image(hand: Hand, crop: Crop) -> Hand:
    """Convert the 2D joints of a hand from pixels of the crop to pixels of the image; metres are the same in both."""
    return replace(hand, joints_2d=(hand.joints_2d + crop.offset).astype(np.float32))


def _overlap_target(hands: list[Hand], target: AnnotatedHand | None, width: int, height: int) -> npt.NDArray[np.bool_]:
    """(N,) whether the hands overlap the annotated one: boxes around the joints that are annotated."""
    if target is None:
        return np.zeros(len(hands), bool)
    compared = slice(None) if target.annotated_joints is None else target.annotated_joints
    predicted = [box_around_joints(hand.joints_2d[compared], width, height) for hand in hands]
    annotated = box_around_joints(target.joints_2d[compared], width, height)
    if target.annotated_joints is not None and target.annotated_joints.sum() == 1:
        # One joint has no box: the data set's own is compared with the whole hand.
        predicted = [box_around_joints(hand.joints_2d, width, height) for hand in hands]
        annotated = target.box
    return np.asarray(pairwise_iou(predicted, [annotated])[:, 0] >= MIN_IOU)


def _to_float64(points: FloatArray | None) -> Float64Array | None:
    return None if points is None else points.astype(np.float64)
