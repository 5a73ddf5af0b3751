"""Error of the wrist's position with and without the operator's hand size, on rendered hands with exact truth.

    scripts/with_ros.sh python benchmarks/operator_hand_size.py --frames FRAMES --sequences SEQUENCES \
        --out benchmarks/operator_hand_size.json

FRAMES is written by `handos synth --count 1500 --size 320 --seed 2026`, SEQUENCES by `handos synth --sequences 4`, with
seeds that were not used for training. Every frame shows other people. All errors are fractions of the wrist's distance.

The known size is the palm length of the true joints. Depth images are rendered from the true mesh of each hand. In the
sequences, of which only joints are known, a depth camera is simulated by the true distance of the middle knuckle with
1 % of noise; the size is learned from it in the first half of a sequence and used in the second.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from placed_hands import (
    DEPTH_NOISE,
    Pair,
    joints_of,
    pairs_of,
    scaled,
    with_depth,
    with_fit,
    with_known_length,
    with_known_size,
    with_known_size_per_image,
    with_true_pixels,
    with_true_shape,
    wrist_error,
)
from tqdm import tqdm

from handos_model import HandPipeline
from handos_model.datasets.annotated_folder import AnnotatedFolder
from handos_model.datasets.annotations import AnnotatedImage
from handos_model.datasets.hand_sequences import HandSequence, read_sequences
from handos_model.files.atomic_write import atomic_write
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import JOINT_NAMES, ROOT_JOINT, WRIST
from handos_model.hand.topology import HandTopology
from handos_model.hand_size.depth_evidence import DepthEvidence, size_factors
from handos_model.hand_size.palm import ASSUMED_PALM_LENGTH, palm_length
from handos_model.hand_size.size_monitor import MAX_DEVIATION
from handos_model.inference.tracking import HandTracker, TrackingSettings

MIDDLE_FINGER: Final = [JOINT_NAMES.index(f"middle_{part}") for part in ("mcp", "pip", "dip", "tip")]
STILL: Final = "still"
"""Scenario in which jitter is measured."""

Summary = dict[str, float]


def summary(errors: Sequence[float]) -> Summary:
    """Of errors."""
    return {
        "hands": len(errors),
        "median": round(float(np.median(errors)), 4),
        "mean": round(float(np.mean(errors)), 4),
        "p90": round(float(np.quantile(errors, 0.9)), 4),
    }


def frame_pairs(folder: Path, pipeline: HandPipeline) -> list[Pair]:
    """All pairs of a folder of single frames."""
    images = AnnotatedFolder(folder)
    return [
        pair
        for image in tqdm(images, desc="frames", disable=None)
        for pair in pairs_of(image, pipeline(image.image, image.camera))
    ]


def measure_frames(pairs: Sequence[Pair], topology: HandTopology) -> dict[str, Any]:
    """Errors of all ways to use a known size."""
    ways: dict[str, Callable[[Pair], Hand]] = {
        "size unknown": lambda pair: pair.hand,
        "size known": with_known_size,
        "size known, depth": with_depth(with_known_size, topology),
        "size unknown, depth": with_depth(lambda pair: pair.hand, topology),
        "compared: the palm of each image scaled to its size": with_known_size_per_image,
        "compared: wrist to middle knuckle known": with_known_length([(WRIST, ROOT_JOINT)], pairs),
        "compared: wrist to fingertip known": with_known_length(list(pairwise([WRIST, *MIDDLE_FINGER])), pairs),
        "compared: size known, fitted to the 2D joints": with_fit(with_known_size),
        "limit: true shape fitted to the estimated 2D joints": with_true_shape,
        "limit: estimated shape in its size fitted to the true 2D joints": with_true_pixels,
    }
    seen = [pair for pair in pairs if pair.in_sight]
    return {
        "all hands": {name: errors_of(pairs, way) for name, way in ways.items()},
        "hands in plain sight": {name: errors_of(seen, way) for name, way in ways.items()},
    }


def errors_of(pairs: Sequence[Pair], way: Callable[[Pair], Hand]) -> Summary:
    """Summary of the errors of one way."""
    return summary([wrist_error(way(pair), pair.truth) for pair in pairs])


def assumed_palm_length(pairs: Sequence[Pair]) -> float:
    """Metres: the palm length with which hands in plain sight would be where they are estimated."""
    lengths = [
        float(palm_length(pair.true_joints)) * joints_of(pair.hand)[ROOT_JOINT, 2] / pair.true_joints[ROOT_JOINT, 2]
        for pair in pairs
        if pair.in_sight
    ]
    return round(float(np.median(lengths)), 4)


def people_of(sequence: HandSequence, pipeline: HandPipeline) -> Iterator[list[Pair]]:
    """The hands of each person of a sequence."""
    people: dict[int, list[Pair]] = {}
    for image, hands, seconds in zip(sequence.images(), sequence.frames, sequence.stamps, strict=True):
        annotated = AnnotatedImage(image, tuple(hand.annotation for hand in hands), sequence.camera)
        person = {id(hand.annotation): hand.person for hand in hands}
        for pair in pairs_of(annotated, pipeline(image, sequence.camera), seconds):
            people.setdefault(person[id(pair.truth)], []).append(pair)
    yield from people.values()


def seen_by_depth(pair: Pair, rng: np.random.Generator) -> Hand:
    """The hand, moved to where a simulated depth camera sees its root joint."""
    assert pair.hand.metric is not None
    root = joints_of(pair.hand)[ROOT_JOINT]
    residual = float(pair.true_joints[ROOT_JOINT, 2] * (1 + DEPTH_NOISE * rng.standard_normal()) - root[2])
    metric = replace(pair.hand.metric.translated(root * residual / root[2]), depth_residual=residual)
    return replace(pair.hand, metric=metric)


def learned_scale(pairs: Sequence[Pair]) -> float | None:
    """Scale learned from simulated depth; ``None`` with too few measurements."""
    evidence, rng = DepthEvidence(), np.random.default_rng(0)
    for pair in pairs:
        evidence.add(size_factors([seen_by_depth(pair, rng)], pair.shape, 1.0), pair.seconds)
    estimate = evidence.estimate()
    return None if estimate is None else estimate.factor


def measure_people(people: Sequence[list[Pair]]) -> dict[str, Any]:
    """Errors in the second half of each sequence, and how far a learned size is from the true one."""
    errors: dict[str, list[float]] = {name: [] for name in ("size unknown", "size known", "size learned from depth")}
    deviations = []
    for pairs in people:
        middle = (pairs[0].seconds + pairs[-1].seconds) / 2
        whole, learned = learned_scale(pairs), learned_scale([pair for pair in pairs if pair.seconds < middle])
        if whole is not None:
            deviations.append(abs(math.log(whole / float(np.mean([pair.known_scale for pair in pairs])))))
        for pair in pairs:
            if learned is not None and pair.seconds >= middle and pair.in_sight:
                hands = (pair.hand, with_known_size(pair), scaled(pair.hand, learned))
                for name, hand in zip(errors, hands, strict=True):
                    errors[name].append(wrist_error(hand, pair.truth))
    return {
        "people": len(people),
        "hands in plain sight": {name: summary(values) for name, values in errors.items()},
        "size learned in a whole sequence against the true one": summary(deviations),
        "of these beyond the monitor's limit": round(float(np.mean(np.array(deviations) > MAX_DEVIATION)), 4),
    }


def jumps(images: Sequence[Sequence[Hand]], stamps: Sequence[float], settings: TrackingSettings) -> Iterator[float]:
    """Millimetres from image to image by which the tracked wrist's distance jumps."""
    tracker, last = HandTracker(), dict[int, float]()
    for hands, seconds in zip(images, stamps, strict=True):
        for hand in tracker.update(hands, seconds, settings):
            if hand.id is None or hand.coasting:
                continue
            distance = float(joints_of(hand)[WRIST, 2])
            if hand.id in last:
                yield 1000 * abs(distance - last[hand.id])
            last[hand.id] = distance


def measure_jitter(sequences: Sequence[HandSequence], pipeline: HandPipeline) -> dict[str, float]:
    """Mean jump of the tracked wrist's distance in scenes at rest, millimetres, for an operator of average size."""

    def unchanged(hand: Hand) -> Hand:
        return hand

    def per_image(hand: Hand) -> Hand:
        return scaled(hand, float(ASSUMED_PALM_LENGTH / palm_length(joints_of(hand))))

    pipeline, settings = pipeline.for_tracking(TrackingSettings())
    measured: dict[str, list[float]] = {"one factor": [], "compared: the palm of each image scaled to its size": []}
    for sequence in (sequence for sequence in sequences if sequence.scenario == STILL):
        raw = [pipeline(image, sequence.camera) for image in sequence.images()]
        for name, change in zip(measured, (unchanged, per_image), strict=True):
            changed = [[change(hand) for hand in hands] for hands in raw]
            measured[name] += jumps(changed, sequence.stamps, settings)
    return {name: round(float(np.mean(values)), 3) for name, values in measured.items()}


def main(
    frames: Annotated[Path, typer.Option(metavar="DIR", help="Single frames.")],
    sequences: Annotated[list[Path], typer.Option(metavar="DIR", help="Image sequences; may be given again.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="File for the results.")],
    weights: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="Default: the shipped network.")] = None,
) -> None:
    """Measure the error of the wrist with and without the operator's hand size."""
    pipeline, all_sequences = HandPipeline.load(weights), [s for folder in sequences for s in read_sequences(folder)]
    pairs = frame_pairs(frames, pipeline)
    people = [p for s in tqdm(all_sequences, desc="sequences", disable=None) for p in people_of(s, pipeline)]
    report = {
        "palm length that the network assumes [m]": assumed_palm_length(pairs),
        "single frames": measure_frames(pairs, pipeline.topology),
        "sequences": measure_people(people),
        "jumps of the wrist's distance at rest [mm]": measure_jitter(all_sequences, pipeline),
    }
    text = json.dumps(report, indent=1, allow_nan=False)
    typer.echo(text)
    with atomic_write(out) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
