"""HandOS and MediaPipe Hands on the same rendered frames, whose hands are known exactly: no reference favours either.

    scripts/with_ros.sh python benchmarks/accuracy_against_mediapipe.py --data DIR --out FILE.json

DIR is what `handos synth` wrote, with a seed that no training step has seen. On the first run MediaPipe gets a virtual
environment of its own. It knows neither the mesh nor where the hand is: what needs these is measured of HandOS alone.
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
from handos_model.benchmarks.evaluation import Evaluation, evaluate
from handos_model.benchmarks.report import table_of
from handos_model.hand.hand import Hand
from handos_model.io.annotated_folder import AnnotatedFolder
from handos_model.io.annotations import AnnotatedImage, box_around_joints


def compare(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Annotated folder of rendered frames.")],
    count: Annotated[int, typer.Option(min=1, help="Frames at most.")] = 2000,
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Network; default: the shipped.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write the numbers here too.")] = None,
) -> None:
    """Measure both and print a table of each."""
    images = AnnotatedFolder(data)[:count]
    pipeline = HandPipeline.load(weights)
    ours = [pipeline(image.image, image.camera) for image in tqdm(images, desc="HandOS", disable=None)]
    answers = {"HandOS": ours, "MediaPipe Hands": mediapipe_hands(images)}
    evaluations = {name: evaluate(zip(images, hands, strict=True)) for name, hands in answers.items()}
    evaluations["MediaPipe Hands"] = without_unknown(evaluations["MediaPipe Hands"])
    for name, evaluation in evaluations.items():
        typer.echo(f"{name}\n{table_of(evaluation)}\n")
    if out is not None:
        out.write_text(json.dumps({name: asdict(evaluation) for name, evaluation in evaluations.items()}, indent=2))


def without_unknown(evaluation: Evaluation) -> Evaluation:
    """Without measures of what MediaPipe does not say: places in the camera's frame, scores of joints."""
    unknown = ("mpjpe_mm", "wrist_error_mm", "wrist_error", "joint_score_error", "joint_score_excess")
    measures = {name: value for name, value in evaluation.measures.items() if name not in unknown}
    return replace(evaluation, measures=measures)


def mediapipe_hands(images: Sequence[AnnotatedImage]) -> list[tuple[Hand, ...]]:
    """What MediaPipe Hands sees in each frame."""
    with tempfile.TemporaryDirectory() as folder:
        frames, found = Path(folder) / "frames.npy", Path(folder) / "hands.json"
        np.save(frames, np.stack([image.image[..., ::-1] for image in images]))
        subprocess.run([prepare_mediapipe(), HERE / "mediapipe_hands.py", frames, found], check=True)
        entries = json.loads(found.read_text())
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
        joints_3d=np.array(entry["joints_3d"], np.float32),
        joint_sigma=None,
        vertices=None,
    )


if __name__ == "__main__":
    typer.run(compare)
