"""Prediction files in the official formats: pred.json of FreiHAND and HO3D, DexYCB's text file, HInt's JSON.

What is read is checked: the number of samples, shapes, and that every coordinate is a number.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from handos_model.datasets.dataset import Dataset
from handos_model.datasets.ho3d import from_ho3d_joints, from_ho3d_points, to_ho3d_joints, to_ho3d_points
from handos_model.datasets.json_matrices import JsonMatrices
from handos_model.evaluation.prediction_archive import unpacked, write_archive
from handos_model.evaluation.prediction_log import Prediction
from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import Float64Array
from handos_model.hand.skeleton import JOINT_COUNT

_METRE_DECIMALS: Final = 6
_HINT_FORMAT: Final = "{image path: 21 pixels (x, y)}"
_DEXYCB_COLUMNS: Final = 1 + 3 * JOINT_COUNT
_MAX_COORDINATE: Final = 1e9
"""In any unit: larger numbers are no positions, and their squares overflow."""


class PredictionFile(Protocol):
    """Reads and writes the file format of a published data set."""

    def write(self, path: Path, predictions: Iterable[Prediction], dataset: Dataset) -> Path:
        """Write predictions of all images, in order, and return the file that the official script or server takes.

        `predictions` may be iterated several times.
        """

    def read(self, path: Path, dataset: Dataset) -> Iterator[Prediction]:
        """Read predictions, in order."""


class PredJson:
    """``pred.json`` of FreiHAND and HO3D: [N joints (21, 3), N meshes (V, 3)], metres; or an archive of it.

    Beside pred.json, pred.zip is written, which the servers take.

    Parameters
    ----------
    encode_joints, encode_points
        Convert our joints and vertices to the order and axes of the file.
    decode_joints, decode_points
        Inverse of these.
    """

    def __init__(
        self,
        encode_joints: Callable[[npt.ArrayLike], Float64Array] = np.asarray,
        encode_points: Callable[[npt.ArrayLike], Float64Array] = np.asarray,
        decode_joints: Callable[[npt.ArrayLike], Float64Array] = np.asarray,
        decode_points: Callable[[npt.ArrayLike], Float64Array] = np.asarray,
    ) -> None:
        self._encode_joints, self._encode_points = encode_joints, encode_points
        self._decode_joints, self._decode_points = decode_joints, decode_points

    def write(self, path: Path, predictions: Iterable[Prediction], dataset: Dataset) -> Path:
        def matrices(points_of: Callable[[Prediction], Float64Array]) -> Iterator[str]:
            for prediction in predictions:
                separator = ", " if prediction.index else ""
                yield separator + json.dumps(np.round(points_of(prediction), _METRE_DECIMALS).tolist(), allow_nan=False)

        def parts() -> Iterator[str]:
            yield "[["
            yield from matrices(lambda prediction: self._encode_joints(_required(prediction.joints_3d)))
            yield "], ["
            yield from matrices(lambda prediction: self._encode_points(_required(prediction.vertices)))
            yield "]]\n"

        _write_text(path, parts())
        return write_archive(path)

    def read(self, path: Path, dataset: Dataset) -> Iterator[Prediction]:
        with unpacked(path) as file:
            matrices = JsonMatrices(file, str(path), "write the predictions again")
            count = len(dataset)
            if len(matrices) != 2 * count:
                raise ValueError(
                    f"{path} contains {len(matrices)} matrices; {dataset.title} needs {count} of joints (21, 3) "
                    f"followed by {count} of vertices (V, 3), one for each image"
                )
            vertex_count: int | None = None
            for index in range(count):
                sample = f"sample {index} ({dataset.image_name(index)})"
                joints = _read_points(matrices, index, JOINT_COUNT, f"{sample}, joints")
                vertices = _read_points(matrices, count + index, vertex_count, f"{sample}, vertices")
                vertex_count = len(vertices)
                yield Prediction(index, joints_3d=self._decode_joints(joints), vertices=self._decode_points(vertices))


HO3D_PRED_JSON: Final = PredJson(to_ho3d_joints, to_ho3d_points, from_ho3d_joints, from_ho3d_points)
FREIHAND_PRED_JSON: Final = PredJson()


class DexYcbResults:
    """DexYCB's result file: per line an image index and 21 joints in millimetres, separated by commas."""

    def write(self, path: Path, predictions: Iterable[Prediction], dataset: Dataset) -> Path:
        def lines() -> Iterator[str]:
            for prediction in predictions:
                millimetres = (1000 * _required(prediction.joints_3d)).ravel().tolist()
                yield f"{prediction.index}," + ",".join(f"{value:.3f}" for value in millimetres) + "\n"

        return _write_text(path, lines())

    def read(self, path: Path, dataset: Dataset) -> Iterator[Prediction]:
        with path.open(encoding="utf-8", errors="replace") as file:
            joints_of = dict(_parse_dexycb_line(line, f"{path}, line {number}") for number, line in enumerate(file, 1))
        beyond = max(joints_of, default=0)
        if beyond >= len(dataset) or min(joints_of, default=0) < 0:
            raise ValueError(
                f"{path} has lines for images {min(joints_of)} to {beyond}, but {dataset.title} has the images 0 to "
                f"{len(dataset) - 1}: give the results of this setup"
            )
        for index in range(len(dataset)):
            if index in joints_of:
                yield Prediction(index, joints_3d=joints_of[index])
            elif dataset.hands(index):
                raise ValueError(f"{path} has no line for image {index}, {dataset.image_name(index)}")


class HintJson:
    """2D joints for HInt, which has no official format: {image path: 21 pixels (x, y)}."""

    def write(self, path: Path, predictions: Iterable[Prediction], dataset: Dataset) -> Path:
        def parts() -> Iterator[str]:
            for prediction in predictions:
                opening = ",\n" if prediction.index else "{\n"
                joints = json.dumps(np.round(_required(prediction.joints_2d), 2).tolist(), allow_nan=False)
                yield f"{opening}{json.dumps(dataset.image_name(prediction.index))}: {joints}"
            yield "\n}\n"

        return _write_text(path, parts())

    def read(self, path: Path, dataset: Dataset) -> Iterator[Prediction]:
        joints_of = self._load(path)
        for index in range(len(dataset)):
            name = dataset.image_name(index)
            if name not in joints_of:
                raise ValueError(f"{path} has no joints for the image {name}: every image needs a prediction")
            try:
                joints = np.array(joints_of[name], np.float64)
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path}, {name}: expected 21 pixels (x, y) ({error})") from error
            _require_coordinates(joints, JOINT_COUNT, 2, f"{path}, {name}")
            yield Prediction(index, joints_2d=joints)

    @staticmethod
    def _load(path: Path) -> dict[str, Any]:
        try:
            joints_of = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path} is not a file of 2D joints ({error}): write {_HINT_FORMAT}") from error
        if not isinstance(joints_of, dict):
            raise ValueError(
                f"{path} is not a file of 2D joints: it is a {type(joints_of).__name__}, not {_HINT_FORMAT}"
            )
        return joints_of


def _required(points: Float64Array | None) -> Float64Array:
    assert points is not None, "hands have metres because the pipeline was given intrinsics"
    return points


def _parse_dexycb_line(line: str, source: str) -> tuple[int, Float64Array]:
    values = line.split(",")
    try:
        index, millimetres = int(values[0]), np.array(values[1:], np.float64).reshape(JOINT_COUNT, 3)
    except ValueError as error:
        raise ValueError(
            f"{source}: expected an index and 63 numbers in millimetres ({_DEXYCB_COLUMNS} values), got {len(values)} "
            f"({error})"
        ) from error
    _require_coordinates(millimetres, JOINT_COUNT, 3, f"{source}, image {index}")
    return index, millimetres / 1000


def _read_points(matrices: JsonMatrices, position: int, count: int | None, name: str) -> Float64Array:
    try:
        points = matrices[position]
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    _require_coordinates(points, count, 3, f"{matrices.name}, {name}")
    return points


def _require_coordinates(points: Float64Array, count: int | None, dimensions: int, source: str) -> None:
    """Raise `ValueError` unless `points` are `count` positions; ``None`` allows any number of them."""
    if points.shape != (len(points) if count is None else count, dimensions):
        raise ValueError(
            f"{source}: expected {'' if count is None else f'{count} '}points of {dimensions} coordinates, got the "
            f"shape {points.shape}; all samples need the same number"
        )
    # Written so that NaN is wrong too.
    is_wrong = ~(np.abs(points) <= _MAX_COORDINATE).all(axis=1)
    if is_wrong.any():
        row = int(np.flatnonzero(is_wrong)[0])
        raise ValueError(
            f"{source}: point {row} is {points[row].tolist()}, which is no position: every image needs a prediction"
        )


def _write_text(path: Path, parts: Iterable[str]) -> Path:
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(parts)
    return path
