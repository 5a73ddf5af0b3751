"""Runs the pipeline over a benchmark and writes down one hand per image."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from handos_model.benchmarks.matching import LEAST_OVERLAP, box_overlaps
from handos_model.benchmarks.predictions import Points, Prediction, PredictionLog
from handos_model.benchmarks.readers.dataset import Dataset
from handos_model.benchmarks.true_box_crop import Crop, crop_around
from handos_model.hand.hand import FloatArray, Hand
from handos_model.hand.mano_conventions import MANO_TOPOLOGY_ID, TIP_JOINTS
from handos_model.inference.pipeline import HandPipeline
from handos_model.io.annotations import AnnotatedHand, box_around_joints


@dataclass(frozen=True)
class Predictor:
    """Predicts one hand for every image.

    The benchmarks ask for a hand in every image, however unsure one is: it is the one with the best score, also below
    the score from which on it counts as found. Where images show hands that are not annotated, and in crops, it is the
    best one that overlaps the true hand, if there is any such.
    """

    pipeline: HandPipeline
    """With a score threshold of 0."""
    crop_to_true_box: bool = False
    """Show the network a square around the true hand only, as methods without a detector are evaluated."""
    tip_vertices: tuple[int, ...] | None = None
    """Vertices that the benchmark takes for the finger tips, thumb to pinky, where the weights' mesh is MANO's."""

    def predict(self, dataset: Dataset, log: PredictionLog) -> None:
        """Predict all images that are not in `log` yet."""
        images = range(len(log), len(dataset))
        for index in tqdm(
            images, initial=len(log), total=len(dataset), desc=dataset.title, unit=" images", disable=None
        ):
            log.append(self._predict(dataset, index))

    def _predict(self, dataset: Dataset, index: int) -> Prediction:
        annotated = dataset[index]
        true = annotated.hands[0] if annotated.hands else None
        crop = Crop(annotated.image, annotated.camera, np.zeros(2))
        if self.crop_to_true_box and true is not None:
            crop = crop_around(annotated.image, true.box, annotated.camera)
        hands = [_in_image(hand, crop) for hand in self.pipeline(crop.image, crop.camera)]
        if not hands:
            raise ValueError(
                f"the network has no slots for hands, {dataset.image_name(index)} needs one: export it anew"
            )
        is_true = _overlap_truth(hands, true, annotated.image.shape[1], annotated.image.shape[0])
        by_place = self.crop_to_true_box or not dataset.annotates_every_hand
        best = int(is_true.argmax()) if by_place else 0
        recommended = self.pipeline.engine.properties.score_threshold
        return Prediction(
            index=index,
            joints_3d=self._joints_3d(hands[best]),
            vertices=self._vertices(hands[best]),
            joints_2d=_float64(hands[best].joints_2d),
            handedness=hands[best].handedness,
            score=round(hands[best].score, 4),
            found=any(hand.score >= recommended for hand, fits in zip(hands, is_true, strict=True) if fits),
        )

    def _vertices(self, hand: Hand) -> Points | None:
        vertices, topology = _float64(hand.vertices), self.pipeline.topology
        if vertices is None or topology.id == MANO_TOPOLOGY_ID:
            return vertices
        # The official scripts take any mesh of 778 vertices for MANO's and compare it vertex by vertex. The middle of
        # the open wrist makes another number of them.
        return np.vstack([vertices, vertices[topology.wrist_loop].mean(axis=0)])

    def _joints_3d(self, hand: Hand) -> Points | None:
        joints = _float64(hand.joints_3d)
        is_mano = self.pipeline.topology.id == MANO_TOPOLOGY_ID
        if joints is not None and hand.vertices is not None and self.tip_vertices is not None and is_mano:
            joints[list(TIP_JOINTS)] = hand.vertices[list(self.tip_vertices)]
        return joints


def _in_image(hand: Hand, crop: Crop) -> Hand:
    """A hand of the part, in pixels of the whole image; its metres are the same."""
    return replace(hand, joints_2d=(hand.joints_2d + crop.offset).astype(np.float32))


def _overlap_truth(hands: list[Hand], true: AnnotatedHand | None, width: int, height: int) -> npt.NDArray[np.bool_]:
    """(N,) whether hands are where the true one is."""
    if true is None:
        return np.zeros(len(hands), bool)
    boxes = [
        box_around_joints(joints, width, height) for joints in (*(hand.joints_2d for hand in hands), true.joints_2d)
    ]
    return np.asarray(box_overlaps(boxes[:-1], boxes[-1:])[:, 0] >= LEAST_OVERLAP)


def _float64(points: FloatArray | None) -> Points | None:
    return None if points is None else points.astype(np.float64)
