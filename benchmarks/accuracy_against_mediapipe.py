"""Accuracy of HandOS and MediaPipe Hands on the same rendered frames, whose ground truth is exact and favours neither.

    scripts/with_ros.sh python benchmarks/accuracy_against_mediapipe.py --data DIR --out FILE.json

DIR is written by `handos synth`, with a seed that was not used for training. On the first run MediaPipe is installed
into its own virtual environment. It has no mesh and no position in the camera's frame: metrics of these are computed
for HandOS only.
"""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from against_mediapipe import HERE, prepare_mediapipe
from tqdm import tqdm

from handos_model import HandPipeline
from handos_model.datasets.annotated_folder import AnnotatedFolder
from handos_model.datasets.annotations import AnnotatedImage, box_around_joints
from handos_model.evaluation.image_evaluation import ImageEvaluation, evaluate_images
from handos_model.evaluation.report import format_image_evaluation
from handos_model.files.atomic_write import atomic_write
from handos_model.hand.hand import Hand, MetricHand


def compare(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Annotated folder of rendered frames.")],
    count: Annotated[int, typer.Option(min=1, help="Maximum number of frames.")] = 2000,
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Default: the shipped network.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Also write the results here.")] = None,
) -> None:
    """Measure both and print a table of each."""
    images = AnnotatedFolder(data)[:count]
    pipeline = HandPipeline.load(weights)
    ours = [pipeline(image.image, image.camera) for image in tqdm(images, desc="HandOS", disable=None)]
    detections = {"HandOS": ours, "MediaPipe Hands": mediapipe_hands(images)}
    evaluations = {name: evaluate_images(zip(images, hands, strict=True)) for name, hands in detections.items()}
    evaluations["MediaPipe Hands"] = without_unknown(evaluations["MediaPipe Hands"])
    for name, evaluation in evaluations.items():
        typer.echo(f"{name}\n{format_image_evaluation(evaluation)}\n")
    if out is not None:
        with atomic_write(out) as temporary:
            temporary.write_text(json.dumps({name: asdict(value) for name, value in evaluations.items()}, indent=2))


def without_unknown(evaluation: ImageEvaluation) -> ImageEvaluation:
    """Remove metrics of what MediaPipe does not estimate: positions in the camera's frame, scores of joints."""
    unknown = ("mpjpe_mm", "wrist_error_mm", "wrist_error", "joint_score_error", "joint_score_excess")
    measures = {name: value for name, value in evaluation.measures.items() if name not in unknown}
    return replace(evaluation, measures=measures)


def mediapipe_hands(images: Sequence[AnnotatedImage]) -> list[tuple[Hand, ...]]:
    """The hands that MediaPipe Hands finds in each frame."""
    with tempfile.TemporaryDirectory() as folder:
        frames, out = Path(folder) / "frames.npy", Path(folder) / "hands.json"
        np.save(frames, np.stack([image.image[..., ::-1] for image in images]))
        subprocess.run([prepare_mediapipe(), HERE / "mediapipe_hands.py", frames, out], check=True)
        entries = json.loads(out.read_text())
    height, width = images[0].image.shape[:2]
    return [tuple(_hand(entry, width, height) for entry in hands) for hands in entries]


def _hand(entry: dict[str, Any], width: int, height: int) -> Hand:
    joints_2d = np.array(entry["joints_2d"], np.float32)
    return Hand(
        score=entry["score"],
        box=box_around_joints(joints_2d, width, height),
        handedness=entry["handedness"],
        handedness_score=entry["score"],
        joints_2d=joints_2d,
        joint_scores=np.ones(len(joints_2d), np.float32),
        metric=MetricHand(
            joints_3d=np.array(entry["joints_3d"], np.float32),
            joint_sigma=np.full(len(joints_2d), np.nan, np.float32),
            vertices=np.zeros((0, 3), np.float32),
        ),
    )


if __name__ == "__main__":
    typer.run(compare)
