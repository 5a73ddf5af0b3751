"""HO3D versions 2 and 3 (Hampali et al., CVPR 2020): one right hand with an object, annotated with MANO.

``{split}.txt`` lists ``SEQUENCE/ID``; the image is ``{split}/SEQUENCE/rgb/ID.png`` (v2) or ``.jpg`` (v3) and its
annotation ``{split}/SEQUENCE/meta/ID.pkl``. The pickles of the evaluation set contain only the wrist and the box; its
joints and vertices were published later as ``evaluation_xyz.json`` and ``evaluation_verts.json``.

Files use metres, OpenGL's camera axes (x right, y up, z backward) and MANO's joint order.
"""

from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.datasets.checked_arrays import checked_array
from handos_model.datasets.dataset import read_sized_image, require
from handos_model.datasets.json_matrices import JsonMatrices
from handos_model.files.restricted_pickle import read_pickle
from handos_model.geometry.arrays import Float64Array, FloatArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.geometry.projection import project
from handos_model.hand.mano_conventions import FROM_MANO_ORDER, MANO_TOPOLOGY_ID, MANO_VERTEX_COUNT, TO_MANO_ORDER
from handos_model.hand.skeleton import JOINT_COUNT

Ho3dSplit = Literal["train", "evaluation"]

IMAGE_SIZE: Final = (640, 480)
_OPENGL_AXES: Final = np.array([1.0, -1.0, -1.0])
_REMEDY: Final = (
    "give the folder of HO3D with train.txt, evaluation.txt, train/ and evaluation/; versions 2 and 3 are linked at "
    "https://github.com/shreyashampali/ho3d"
)
GROUND_TRUTH_REMEDY: Final = (
    "the annotations of HO3D's evaluation set are a separate download: put evaluation_xyz.json and "
    "evaluation_verts.json, linked at https://github.com/shreyashampali/ho3d, into the folder of evaluation.txt"
)


def from_ho3d_points(points: npt.ArrayLike) -> Float64Array:
    """Convert points (N, 3) from HO3D's axes to the camera optical frame."""
    return np.asarray(np.asarray(points, np.float64) * _OPENGL_AXES)


def from_ho3d_joints(joints: npt.ArrayLike) -> Float64Array:
    """Convert joints (21, 3) from HO3D's axes and order to the camera optical frame and our order."""
    return from_ho3d_points(joints)[FROM_MANO_ORDER]


def to_ho3d_points(points: npt.ArrayLike) -> Float64Array:
    """Inverse of `from_ho3d_points`."""
    # Flipping axes is its own inverse.
    return from_ho3d_points(points)


def to_ho3d_joints(joints: npt.ArrayLike) -> Float64Array:
    """Inverse of `from_ho3d_joints`."""
    return to_ho3d_points(joints)[TO_MANO_ORDER]


class Ho3d:
    """HO3D's train or evaluation set; a `Dataset`.

    Frames without annotation have no hands, nor has any frame of the evaluation set if its ground truth is missing.

    Parameters
    ----------
    folder
        Contains ``{split}.txt`` and the folder ``{split}``.
    split
        "train" or "evaluation".

    Raises
    ------
    FileNotFoundError
        If a file or the last image is missing.
    ValueError
        If no images are listed, or the ground truth is for another number of images.
    """

    annotates_every_hand = True

    def __init__(self, folder: Path, split: Ho3dSplit) -> None:
        self._folder, self._split = folder, split
        self._entries = require(folder / f"{split}.txt", _REMEDY).read_text(encoding="utf-8").split()
        if not self._entries:
            raise ValueError(f"{folder / split}.txt lists no images: {_REMEDY}")
        first = folder / split / self._entries[0].replace("/", "/rgb/")
        self._suffix = ".png" if first.with_name(first.name + ".png").is_file() else ".jpg"
        self.version = "v2" if self._suffix == ".png" else "v3"
        self.title = f"HO3D {self.version} {split}"
        require(folder / self.image_name(len(self) - 1), _REMEDY)
        self._ground_truth = self._open_ground_truth() if split == "evaluation" else None

    @property
    def has_ground_truth(self) -> bool:
        """Whether the hands are annotated; always true for the train set."""
        return self._split == "train" or self._ground_truth is not None

    def __len__(self) -> int:
        return len(self._entries)

    def image_name(self, index: int) -> str:
        return f"{self._split}/{self._entries[index].replace('/', '/rgb/')}{self._suffix}"

    def hands(self, index: int) -> tuple[AnnotatedHand, ...]:
        return self._hands(index, self._read_meta(index))

    def __getitem__(self, index: int, /) -> AnnotatedImage:
        meta = self._read_meta(index)
        image = read_sized_image(self._folder / self.image_name(index), IMAGE_SIZE, _REMEDY)
        box = None if self._split == "train" else self._box(index, meta)
        return AnnotatedImage(image, self._hands(index, meta), _camera(meta), published_box=box)

    def _open_ground_truth(self) -> tuple[JsonMatrices, JsonMatrices] | None:
        paths = [self._folder / f"evaluation_{name}.json" for name in ("xyz", "verts")]
        if not any(path.exists() for path in paths):
            return None
        joints, vertices = (JsonMatrices(require(path, GROUND_TRUTH_REMEDY)) for path in paths)
        if not len(joints) == len(vertices) == len(self):
            raise ValueError(
                f"{paths[0]} and {paths[1].name} hold {len(joints)} and {len(vertices)} samples, but evaluation.txt "
                f"lists {len(self)}: they are from another version of HO3D"
            )
        return joints, vertices

    def _read_meta(self, index: int) -> dict[str, Any]:
        path = self._meta_path(index)
        meta = read_pickle(require(path, _REMEDY))
        if not isinstance(meta, dict) or "camMat" not in meta or "handJoints3D" not in meta:
            raise ValueError(f"{path} is not a HO3D annotation with camMat and handJoints3D: {_REMEDY}")
        return meta

    def _meta_path(self, index: int) -> Path:
        return self._folder / self._split / f"{self._entries[index].replace('/', '/meta/')}.pkl"

    def _box(self, index: int, meta: dict[str, Any]) -> FloatArray:
        path = self._meta_path(index)
        if "handBoundingBox" not in meta:
            raise ValueError(f"{path} has no handBoundingBox, which the evaluation set's files have: {_REMEDY}")
        return checked_array(meta["handBoundingBox"], (4,), f"{path}, handBoundingBox").astype(np.float32)

    def _hands(self, index: int, meta: dict[str, Any]) -> tuple[AnnotatedHand, ...]:
        if self._split == "train":
            if meta["handJoints3D"] is None:
                return ()
            source = str(self._meta_path(index))
            joints = checked_array(meta["handJoints3D"], (JOINT_COUNT, 3), f"{source}, handJoints3D")
            return (_hand(from_ho3d_joints(joints), None, None, _camera(meta), source),)
        if self._ground_truth is None:
            return ()
        sources = [f"{matrices.name}, sample {index}" for matrices in self._ground_truth]
        joints = checked_array(self._ground_truth[0][index], (JOINT_COUNT, 3), sources[0])
        vertices = from_ho3d_points(checked_array(self._ground_truth[1][index], (MANO_VERTEX_COUNT, 3), sources[1]))
        return (_hand(from_ho3d_joints(joints), vertices, self._box(index, meta), _camera(meta), sources[0]),)


def _camera(meta: dict[str, Any]) -> CameraIntrinsics | None:
    return None if meta["camMat"] is None else CameraIntrinsics.from_matrix(meta["camMat"])


def _hand(
    joints: Float64Array,
    vertices: Float64Array | None,
    box: FloatArray | None,
    camera: CameraIntrinsics | None,
    source: str,
) -> AnnotatedHand:
    if camera is None:
        raise ValueError(f"{source}: the frame has an annotated hand but no camMat: {_REMEDY}")
    if (joints[:, 2] <= 0).any():
        raise ValueError(f"{source}: the hand lies behind the camera, whose axes are OpenGL's in HO3D: {_REMEDY}")
    joints_2d = project(joints, camera).astype(np.float32)
    return AnnotatedHand(
        box=box_around_joints(joints_2d, *IMAGE_SIZE) if box is None else box,
        joints_2d=joints_2d,
        handedness="right",
        joints_3d=joints.astype(np.float32),
        vertices=None if vertices is None else vertices.astype(np.float32),
        topology_id=None if vertices is None else MANO_TOPOLOGY_ID,
    )
