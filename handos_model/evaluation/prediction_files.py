"""Prediction files in the official formats: pred.json of FreiHAND and HO3D, DexYCB's text file, HInt's JSON."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from handos_model.datasets.dataset import Dataset
from handos_model.datasets.ho3d import from_ho3d_joints, from_ho3d_points, to_ho3d_joints, to_ho3d_points
from handos_model.datasets.json_matrices import JsonMatrices
from handos_model.evaluation.prediction_log import Prediction
from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import Float64Array
from handos_model.hand.skeleton import JOINT_COUNT

_METRE_DECIMALS: Final = 6
_DEXYCB_COLUMNS: Final = 1 + 3 * JOINT_COUNT


class PredictionFile(Protocol):
    """Reads and writes the file format of a published data set."""

    def write(self, path: Path, predictions: Iterable[Prediction], dataset: Dataset) -> None:
        """Write predictions of all images, in order; `predictions` may be iterated several times."""

    def read(self, path: Path, dataset: Dataset) -> Iterator[Prediction]:
        """Read predictions, in order."""


class PredJson:
    """``pred.json`` of FreiHAND and HO3D: [N joints (21, 3), N meshes (V, 3)], metres.

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

    def write(self, path: Path, predictions: Iterable[Prediction], dataset: Dataset) -> None:
        def matrices(points_of: Callable[[Prediction], Float64Array]) -> Iterator[str]:
            for prediction in predictions:
                separator = ", " if prediction.index else ""
                yield separator + json.dumps(np.round(points_of(prediction), _METRE_DECIMALS).tolist())

        def parts() -> Iterator[str]:
            yield "[["
            yield from matrices(lambda prediction: self._encode_joints(_required(prediction.joints_3d)))
            yield "], ["
            yield from matrices(lambda prediction: self._encode_points(_required(prediction.vertices)))
            yield "]]\n"

        _write_text(path, parts())

    def read(self, path: Path, dataset: Dataset) -> Iterator[Prediction]:
        matrices = JsonMatrices(path)
        count = len(dataset)
        if len(matrices) != 2 * count or matrices[0].shape != (JOINT_COUNT, 3) or matrices[-1].shape[1:] != (3,):
            raise ValueError(
                f"{path} contains {len(matrices)} matrices, the first {matrices[0].shape} and the last "
                f"{matrices[-1].shape}; {dataset.title} needs {count} of joints (21, 3) followed by {count} of "
                "vertices (V, 3)"
            )
        for index in range(count):
            joints, vertices = matrices[index], matrices[count + index]
            yield Prediction(index, joints_3d=self._decode_joints(joints), vertices=self._decode_points(vertices))


HO3D_PRED_JSON: Final = PredJson(to_ho3d_joints, to_ho3d_points, from_ho3d_joints, from_ho3d_points)
FREIHAND_PRED_JSON: Final = PredJson()


class DexYcbResults:
    """DexYCB's result file: per line an image index and 21 joints in millimetres, separated by commas."""

    def write(self, path: Path, predictions: Iterable[Prediction], dataset: Dataset) -> None:
        def lines() -> Iterator[str]:
            for prediction in predictions:
                millimetres = (1000 * _required(prediction.joints_3d)).ravel().tolist()
                yield f"{prediction.index}," + ",".join(f"{value:.3f}" for value in millimetres) + "\n"

        _write_text(path, lines())

    def read(self, path: Path, dataset: Dataset) -> Iterator[Prediction]:
        with path.open(encoding="utf-8") as file:
            joints_of = dict(_parse_dexycb_line(line, f"{path}, line {number}") for number, line in enumerate(file, 1))
        for index in range(len(dataset)):
            if index in joints_of:
                yield Prediction(index, joints_3d=joints_of[index])
            elif dataset.hands(index):
                raise ValueError(f"{path} has no line for image {index}, {dataset.image_name(index)}")


class HintJson:
    """2D joints for HInt, which has no official format: {image path: 21 pixels (x, y)}."""

    def write(self, path: Path, predictions: Iterable[Prediction], dataset: Dataset) -> None:
        def parts() -> Iterator[str]:
            for prediction in predictions:
                opening = ",\n" if prediction.index else "{\n"
                joints = np.round(_required(prediction.joints_2d), 2).tolist()
                yield f"{opening}{json.dumps(dataset.image_name(prediction.index))}: {json.dumps(joints)}"
            yield "\n}\n"

        _write_text(path, parts())

    def read(self, path: Path, dataset: Dataset) -> Iterator[Prediction]:
        try:
            joints_of = json.loads(path.read_text(encoding="utf-8"))
            for index in range(len(dataset)):
                joints = np.array(joints_of[dataset.image_name(index)], np.float64).reshape(JOINT_COUNT, 2)
                yield Prediction(index, joints_2d=joints)
        except KeyError as error:
            raise ValueError(f"{path} has no joints for the image {error}") from error
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{path} is not a file of 2D joints ({error}): write {{image path: 21 pixels (x, y)}}"
            ) from error


def _required(points: Float64Array | None) -> Float64Array:
    assert points is not None, "hands have metres because the pipeline was given intrinsics"
    return points


def _parse_dexycb_line(line: str, source: str) -> tuple[int, Float64Array]:
    values = line.split(",")
    try:
        joints = np.array(values[1:], np.float64).reshape(JOINT_COUNT, 3) / 1000
        return int(values[0]), joints
    except ValueError as error:
        raise ValueError(
            f"{source}: expected an index and 63 numbers in millimetres ({_DEXYCB_COLUMNS} values), got {len(values)} "
            f"({error})"
        ) from error


def _write_text(path: Path, parts: Iterable[str]) -> None:
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(parts)
