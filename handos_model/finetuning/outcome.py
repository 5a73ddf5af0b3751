"""What came of training: both networks on the same images, and the files of the new one if it is better."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from handos_model.architecture.contract import TRAINED_WEIGHTS_SUFFIX
from handos_model.architecture.onnx_export import export_onnx
from handos_model.architecture.presets import preset_named
from handos_model.architecture.trained_weights import read_trained_model, write_trained_weights
from handos_model.datasets.annotations import AnnotatedImage
from handos_model.finetuning.comparison import TOLERANCE, Comparison, Seen, measure, predict, reasons_against
from handos_model.finetuning.network_files import calibration_images, publish, set_properties, write_int8
from handos_model.finetuning.recipe import START, move_halfway_back
from handos_model.finetuning.request import Request
from handos_model.finetuning.score_threshold import same_strictness
from handos_model.finetuning.shipped_quality import ShippedQuality
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends.int8_instructions import int8_unavailable
from handos_model.training.decoder_stage import load_model

_WRITING_IMAGES: Final = 2400
"""To write a network in both precisions takes as long as to see this many images, on two cores."""


@dataclass(frozen=True)
class Int8Result:
    """Both networks in int8, as processors that are made for it run them."""

    own: Comparison
    """On the images that were held back."""
    speed_up: float
    """How many times as fast as in single precision the new one is on this machine."""

    @property
    def is_written(self) -> bool:
        """Whether the new one is not worse."""
        return not self.own.losses(TOLERANCE)


@dataclass(frozen=True)
class Result:
    """What came of a run."""

    own: Comparison
    """On the images that were held back."""
    guard: Comparison | None
    """On rendered frames that were not trained on, if there are any."""
    reasons_against: tuple[str, ...]
    """Why the trained network was not written to `Request.out`; empty if it was."""
    int8: Int8Result | None = None
    """``None``: it was not measured, because this processor is not made for it, or nothing was written."""


def closing_seconds(before: ShippedQuality) -> float:
    """How long `compare` will take, judging by how fast this machine sees images."""
    images = 3 * before.own.images + before.guard.images  # the user's own also by both networks in int8
    return before.seconds_per_image * (images + _WRITING_IMAGES)


def compare(
    request: Request,
    held_back: Sequence[AnnotatedImage],
    guard: Sequence[AnnotatedImage],
    before: ShippedQuality,
    calibration: Sequence[Sequence[AnnotatedImage]],
) -> Result:
    """Measure the trained network on the same images, and write it if nothing speaks against it.

    Parameters
    ----------
    request
        Names the files.
    held_back, guard, before
        What the shipped network was measured on, and how well it sees it.
    calibration
        Image sets that were trained on, for the file in int8.
    """
    trained = request.state / "trained.onnx"
    shipped, start = read_trained_model(START, HandTopology.load())
    model = load_model(preset_named(start.preset), HandTopology.load(), request.state / "decoder.pt")
    move_halfway_back(model, shipped)
    export_onnx(model, start, trained)
    own, others = predict(trained, held_back, "held back, after"), predict(trained, guard, "rendered, after")
    threshold = same_strictness(before.guard_scores, start.score_threshold, others.scores)
    properties = replace(start, score_threshold=threshold)
    set_properties(trained, properties)
    write_trained_weights(model, properties, trained.with_suffix(TRAINED_WEIGHTS_SUFFIX))
    of_own = Comparison(before.own, measure(own.predictions, threshold))
    of_guard = Comparison(before.guard, measure(others.predictions, threshold)) if guard else None
    reasons = reasons_against(of_own, of_guard)
    if reasons:
        return Result(of_own, of_guard, tuple(reasons))
    int8 = _quantise(trained, calibration, own, start.score_threshold, threshold)
    publish(trained, request.out)
    return Result(of_own, of_guard, (), int8)


def _quantise(
    network: Path,
    calibration: Sequence[Sequence[AnnotatedImage]],
    own: Seen,
    threshold_before: float,
    threshold: float,
) -> Int8Result | None:
    """Write the network in int8 beside it, and delete it if it sees the held-back images worse than the shipped one."""
    path = write_int8(network, calibration_images(calibration))
    if int8_unavailable() is not None:
        return None
    images = [image for image, _ in own.predictions]
    before, after = (
        predict(weights, images, f"held back, {name}, in int8", "onnxruntime-int8")
        for name, weights in (("before", None), ("after", path))
    )
    qualities = measure(before.predictions, threshold_before), measure(after.predictions, threshold)
    result = Int8Result(Comparison(*qualities), own.seconds_per_image / after.seconds_per_image)
    if not result.is_written:
        path.unlink()
    return result
