"""How MediaPipe's joints differ from the mesh's: fits `STEPS` of `handos_model/datasets/joint_convention.py`.

    scripts/with_ros.sh python benchmarks/joint_conventions.py --data DIR --photographs DIR --out FILE.json

DIR is written by `handos synth`: the mesh's joints are known there. On the first run MediaPipe is installed into its
own virtual environment. Errors are those of hands that the fit has not seen (five folds). With photographs, the
proportions of the hands that a network finds there are compared with the mesh's.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from accuracy_against_mediapipe import mediapipe_hands

from handos_model import HandPipeline
from handos_model.datasets.annotated_folder import AnnotatedFolder
from handos_model.datasets.annotations import AnnotatedImage
from handos_model.datasets.joint_convention import STEPS
from handos_model.datasets.photographs import Photographs
from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import Float64Array, FloatArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.skeleton import JOINT_NAMES

SAME_HAND: Final = 0.35
"""No joint is farther from its annotation, as a fraction of the hand's side: otherwise MediaPipe has misjudged it."""
FIELD_OF_VIEW: Final = 60.0
FOLDS: Final = 5
ROUNDS: Final = 30
SMALLEST_ERROR: Final = 0.01
"""Of the hand's side; smaller errors weigh no more in the fit."""
INDEX: Final = {name: number for number, name in enumerate(JOINT_NAMES)}


def compare(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Annotated folder of rendered frames.")],
    photographs: Annotated[Path | None, typer.Option(metavar="DIR", help="images/ and labels.json.")] = None,
    source: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only these sources of them.")] = None,
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Default: the shipped network.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Maximum number of frames.")] = 4000,
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Also write the results here.")] = None,
) -> None:
    """Fit, and print the fractions with the errors before and after."""
    frames = AnnotatedFolder(data)[:count]
    theirs, ours = same_hands(frames)
    before, after = errors(theirs, ours), errors(moved_unseen(theirs, ours), ours)
    fractions = fit(theirs, ours)
    medians = {name: (np.median(before[:, k]), np.median(after[:, k])) for k, name in enumerate(JOINT_NAMES)}
    typer.echo(f"{len(ours)} hands; medians of the error, as a fraction of the hand's side")
    for name, (error_before, error_after) in medians.items():
        steps = ", ".join(
            f"{fraction:+.2f} of {start} to {end}"
            for fraction, (_, start, end) in zip(fractions[name], STEPS.get(name, ()), strict=True)
        )
        typer.echo(f"{name:<12}{error_before:8.3f}{error_after:8.3f}  {steps}")
    within = {f"within {limit}": [float((each < limit).mean()) for each in (before, after)] for limit in (0.05, 0.1)}
    typer.echo(f"joints before and after: {within}")
    proportions = {"mesh": median_proportion(hand.joints_3d for frame in frames for hand in frame.hands)}
    if photographs is not None:
        images = Photographs(photographs / "images", photographs / "labels.json", only=source or ())
        proportions["network on photographs"] = median_proportion(found_joints(images, weights))
    typer.echo(f"length of the palm / of the middle finger: {proportions}")
    if out is not None:
        joints = {
            name: {"before": medians[name][0], "after": medians[name][1], "fractions": list(fractions[name])}
            for name in JOINT_NAMES
        }
        content = {"hands": len(ours)} | within | {"proportions": proportions, "joints": joints}
        with atomic_write(out) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n")


def same_hands(images: Sequence[AnnotatedImage]) -> tuple[Float64Array, Float64Array]:
    """MediaPipe's and the mesh's joints (N, 21, 2) of the hands that both have, in units of the hand's side."""
    pairs = []
    for image, hands in zip(images, mediapipe_hands(images), strict=True):
        for annotated in image.hands:
            true = np.asarray(annotated.joints_2d, np.float64)
            side = np.ptp(true, axis=0).max()
            for hand in hands:
                found = np.asarray(hand.joints_2d, np.float64)
                if hand.handedness == annotated.handedness and np.abs(found - true).max() < SAME_HAND * side:
                    pairs.append(((found - true[0]) / side, (true - true[0]) / side))
                    break
    theirs, ours = np.array(pairs).swapaxes(0, 1)
    return theirs, ours


def found_joints(images: Sequence[AnnotatedImage], weights: Path | None) -> Iterator[FloatArray | None]:
    """Joints in metres of the hands that a network finds; the field of view, which is unknown, does not matter here."""
    pipeline = HandPipeline.load(weights)
    for image in images:
        height, width = image.image.shape[:2]
        for hand in pipeline(image.image, CameraIntrinsics.from_field_of_view(width, height, FIELD_OF_VIEW)):
            yield hand.joints_3d


def median_proportion(hands: Iterable[FloatArray | None]) -> float:
    """Median length from the wrist to the middle knuckle, relative to that of the middle finger."""
    chain = [INDEX[name] for name in ("wrist", "middle_mcp", "middle_pip", "middle_dip", "middle_tip")]
    bones = [np.linalg.norm(np.diff(joints[chain], axis=0), axis=1) for joints in hands if joints is not None]
    return float(np.median([palm / sum(finger) for palm, *finger in bones]))


def fit(theirs: Float64Array, ours: Float64Array) -> dict[str, Float64Array]:
    """The fractions of each joint's steps that make the distances smallest, by reweighted least squares."""
    fractions = {}
    for name in JOINT_NAMES:
        steps = steps_of(theirs, name)
        missing = (ours - theirs)[:, INDEX[name]].reshape(-1)
        weights: Float64Array = np.ones(len(missing))
        solution: Float64Array = np.zeros(steps.shape[1])
        for _ in range(ROUNDS if steps.shape[1] else 0):
            root = np.sqrt(weights)
            solution = np.asarray(np.linalg.lstsq(steps * root[:, None], missing * root, rcond=None)[0], np.float64)
            distance = np.linalg.norm((missing - steps @ solution).reshape(-1, 2), axis=1)
            weights = np.asarray(np.repeat(1 / np.maximum(distance, SMALLEST_ERROR), 2), np.float64)
        fractions[name] = solution
    return fractions


def steps_of(joints: Float64Array, name: str) -> Float64Array:
    """(2 N, S) the S ways along which a joint moves, x and y of each hand in turn."""
    ways = [joints[:, INDEX[end]] - joints[:, INDEX[start]] for _, start, end in STEPS.get(name, ())]
    return np.stack([way.reshape(-1) for way in ways], axis=1) if ways else np.zeros((2 * len(joints), 0))


def moved_unseen(theirs: Float64Array, ours: Float64Array) -> Float64Array:
    """The joints of each hand moved by what the other folds' hands say."""
    fold, moved = np.arange(len(theirs)) % FOLDS, theirs.copy()
    for number in range(FOLDS):
        fractions = fit(theirs[fold != number], ours[fold != number])
        for name, solution in fractions.items():
            step = (steps_of(theirs, name) @ solution).reshape(-1, 2)
            moved[fold == number, INDEX[name]] += step[fold == number]
    return moved


def errors(joints: Float64Array, ours: Float64Array) -> Float64Array:
    """(N, 21) distances, in units of the hand's side."""
    return np.linalg.norm(joints - ours, axis=-1)


if __name__ == "__main__":
    typer.run(compare)
