"""report.html: scores as one self-contained page with tables, PCK curves and images of the worst cases."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from handos_model.datasets.annotations import AnnotatedImage
from handos_model.datasets.dataset import Dataset
from handos_model.evaluation.ground_truth_crop import crop_around
from handos_model.evaluation.prediction_log import Prediction
from handos_model.evaluation.running_statistics import PckCurve
from handos_model.evaluation.scores import Scores, meaning_of
from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import Float64Array, ImageArray
from handos_model.geometry.projection import project
from handos_model.hand.skeleton import BONES
from handos_model.visualization.triangle_painting import MAX_PIXEL

TARGET_COLOUR: Final = (60, 200, 60)
PREDICTED_COLOUR: Final = (40, 120, 250)
"""BGR."""
_IMAGE_SIDE: Final = 240

_STYLE: Final = """
body { font: 15px/1.4 sans-serif; max-width: 1080px; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; } td, th { padding: .2em .8em; text-align: left; border-bottom: 1px solid #ddd; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { display: inline-block; margin: 0 1em 1em 0; width: 240px; vertical-align: top; }
figcaption { font-size: 12px; overflow-wrap: anywhere; }
"""


def write_html_report(
    path: Path,
    scores: Scores,
    comparison: Sequence[Sequence[str]],
    dataset: Dataset,
    predictions: Iterable[Prediction],
) -> None:
    """Write the report.

    Parameters
    ----------
    path
        HTML file to write.
    scores
        Measures and PCK curves.
    comparison
        Comparison with published results: see `comparison_table`.
    dataset, predictions
        Source of the worst cases.
    """
    parts = [
        f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>{escape(scores.title)}</title>",
        f"<style>{_STYLE}</style></head><body><h1>{escape(scores.title)}</h1>",
        f"<p>{scores.images} images with an annotated hand.</p>",
        _measures_table(scores),
        *(f"<p>{escape(note)}</p>" for note in scores.notes),
        "<h2>Published results</h2>",
        _text_table(comparison),
        f"<h2>Fraction of keypoints by error</h2>{_curves_svg(scores.curves, scores.error_unit)}",
        "<h2>Worst cases</h2><p>Annotation in green, prediction in orange.</p>",
        *_worst_cases(scores, dataset, predictions),
        "</body></html>\n",
    ]
    with atomic_write(path) as temporary:
        temporary.write_text("".join(parts), encoding="utf-8")


def _measures_table(scores: Scores) -> str:
    cells = [(name, f"{value:.3f}", meaning_of(name)) for name, value in scores.measures.items()]
    cells += [(name, "-", f"not measured: {reason}") for name, reason in scores.not_measured.items()]
    rows = (
        f"<tr><td>{escape(name)}</td><td class='number'>{value}</td><td>{escape(meaning)}</td></tr>"
        for name, value, meaning in cells
    )
    return f"<table>{''.join(rows)}</table>"


def _text_table(rows: Sequence[Sequence[str]]) -> str:
    def line(row: Sequence[str]) -> str:
        numbers = "".join(f"<td class='number'>{escape(cell)}</td>" for cell in row[1:])
        return f"<tr><td>{escape(row[0])}</td>{numbers}</tr>"

    return f"<table>{''.join(map(line, rows))}</table>"


def _curves_svg(curves: Mapping[str, PckCurve], unit: str) -> str:
    # Not pyplot, which needs a display.
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for name, curve in curves.items():
        axes.plot(curve.thresholds, curve.fractions, label=f"{name}, AUC {curve.area:.3f}")
    axes.set(xlabel=f"error, {unit}", ylabel="fraction of keypoints (PCK)", ylim=(0, 1), xlim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def _worst_cases(scores: Scores, dataset: Dataset, predictions: Iterable[Prediction]) -> list[str]:
    selected = {index for _, index in scores.worst}
    by_index = {prediction.index: prediction for prediction in predictions if prediction.index in selected}
    return [
        _figure(
            _draw_case(dataset[index], by_index[index]),
            f"{dataset.image_name(index)}: {error:.3g} {scores.error_unit}",
        )
        for error, index in scores.worst
    ]


def _figure(image: ImageArray, caption: str) -> str:
    encoded = base64.b64encode(cv2.imencode(".jpg", image)[1].tobytes()).decode("ascii")
    return (
        f"<figure><img alt='' width='{_IMAGE_SIDE}' src='data:image/jpeg;base64,{encoded}'>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _draw_case(annotated: AnnotatedImage, prediction: Prediction) -> ImageArray:
    """Crop around the annotated hand, with both skeletons."""
    target = annotated.hands[0]
    crop = crop_around(annotated.image, target.box, None)
    scale = _IMAGE_SIDE / len(crop.image)
    resized = cv2.resize(crop.image, (_IMAGE_SIDE, _IMAGE_SIDE), interpolation=cv2.INTER_AREA)
    drawing = np.asarray(resized, np.uint8)
    predicted = _predicted_pixels(annotated, prediction)
    shown = np.ones(len(predicted), bool) if target.annotated_joints is None else target.annotated_joints
    _draw_bones(drawing, (target.joints_2d - crop.offset + 0.5) * scale - 0.5, TARGET_COLOUR, shown)
    _draw_bones(drawing, (predicted - crop.offset + 0.5) * scale - 0.5, PREDICTED_COLOUR, np.ones_like(shown))
    return drawing


def _predicted_pixels(annotated: AnnotatedImage, prediction: Prediction) -> Float64Array:
    if prediction.joints_2d is not None:
        return prediction.joints_2d
    assert prediction.joints_3d is not None
    assert annotated.camera is not None
    return project(prediction.joints_3d, annotated.camera)


def _draw_bones(
    image: ImageArray, joints: Float64Array, colour: tuple[int, int, int], shown: npt.NDArray[np.bool_]
) -> None:
    # Joints behind the camera project to NaN; OpenCV limits coordinates.
    finite = np.nan_to_num(joints, nan=MAX_PIXEL)
    pixels = np.clip(np.round(finite), -MAX_PIXEL, MAX_PIXEL).astype(int).tolist()
    for parent, joint in [bone for bone in BONES if shown[list(bone)].all()]:
        cv2.line(image, pixels[parent], pixels[joint], colour, 2, cv2.LINE_AA)
