"""DexYCB (Chao et al., CVPR 2021): one hand that grasps an object, recorded by eight cameras.

``SUBJECT/SEQUENCE/meta.yml`` gives the side of the hand, ``SUBJECT/SEQUENCE/CAMERA/`` contains ``color_%06d.jpg`` and
``labels_%06d.npz``, and ``calibration/intrinsics/CAMERA_640x480.yml`` the intrinsics. Joints are in our order, metres,
camera optical frame. The four setups hold out sequences (s0), subjects (s1), cameras (s2) or grasped objects (s3).
Image indices, which identify images in result files, run over frames within cameras within sequences.
"""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import numpy as np
import yaml

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, box_around_joints
from handos_model.datasets.checked_arrays import checked_array
from handos_model.datasets.dataset import read_sized_image, require
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Handedness
from handos_model.hand.skeleton import JOINT_COUNT

DexYcbSetup = Literal["s0", "s1", "s2", "s3"]
DexYcbSplit = Literal["train", "val", "test"]

IMAGE_SIZE: Final = (640, 480)
SUBJECTS: Final = (
    "20200709-subject-01", "20200813-subject-02", "20200820-subject-03", "20200903-subject-04", "20200908-subject-05",
    "20200918-subject-06", "20200928-subject-07", "20201002-subject-08", "20201015-subject-09", "20201022-subject-10",
)  # fmt: skip
CAMERAS: Final = (
    "836212060125", "839512060362", "840412060917", "841412060263", "932122060857", "932122060861", "932122061900",
    "932122062010",
)  # fmt: skip
SEQUENCES_PER_SUBJECT: Final = 100
_UNANNOTATED: Final = -1
"""Value of all of `joint_3d` if no hand is annotated."""
_YAML_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""A split has up to a thousand YAML files; the C loader, which some builds lack, is ten times faster."""
_REMEDY: Final = (
    "give the folder of DexYCB that contains calibration/ and 20200709-subject-01/ etc., from https://dex-ycb.github.io"
)


@dataclass(frozen=True)
class Selection:
    """The recordings of a split: indices into `SUBJECTS`, `CAMERAS` and a subject's sorted sequences."""

    subjects: tuple[int, ...]
    cameras: tuple[int, ...]
    sequences: tuple[int, ...]


def selection_of(setup: DexYcbSetup, split: DexYcbSplit) -> Selection:
    """The official split of a setup."""
    subjects, cameras, sequences = tuple(range(10)), tuple(range(8)), tuple(range(SEQUENCES_PER_SUBJECT))
    if setup == "s0":
        held_out = tuple(i for i in sequences if i % 5 == 4)
        training = tuple(i for i in sequences if i % 5 != 4)
        chosen = {"train": (subjects, training), "val": ((0, 1), held_out), "test": (subjects[2:], held_out)}
        return Selection(chosen[split][0], cameras, chosen[split][1])
    if setup == "s1":
        return Selection({"train": (0, 1, 2, 3, 4, 5, 9), "val": (6,), "test": (7, 8)}[split], cameras, sequences)
    if setup == "s2":
        return Selection(subjects, {"train": cameras[:6], "val": (6,), "test": (7,)}[split], sequences)
    # Five consecutive sequences grasp the same object.
    objects = {"val": (3, 19), "test": (7, 11, 15)}
    objects["train"] = tuple(k for k in range(20) if k not in objects["val"] + objects["test"])
    return Selection(subjects, cameras, tuple(i for i in sequences if i // 5 in objects[split]))


@dataclass(frozen=True)
class _Sequence:
    path: str
    """Relative to the data set's folder."""
    handedness: Handedness
    frames: int


class DexYcb:
    """One split of one setup of DexYCB; a `Dataset`.

    An image without annotated hands may show none, or its annotation may be missing.

    Parameters
    ----------
    folder
        Contains the subjects' folders and ``calibration``.
    setup, split
        The official split.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a subject does not have the 100 sequences that were published.
    """

    annotates_every_hand = True

    def __init__(self, folder: Path, setup: DexYcbSetup, split: DexYcbSplit) -> None:
        self.title = f"DexYCB {setup} {split}"
        self._folder = folder
        selection = selection_of(setup, split)
        self._cameras = [CAMERAS[k] for k in selection.cameras]
        self._intrinsics = [_read_intrinsics(folder, camera) for camera in self._cameras]
        self._sequences = [
            _read_sequence(folder, paths[k])
            for paths in (_sequence_paths(folder, SUBJECTS[subject]) for subject in selection.subjects)
            for k in selection.sequences
        ]
        self._starts = np.cumsum([0, *(sequence.frames * len(self._cameras) for sequence in self._sequences)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def image_name(self, index: int) -> str:
        return self._file_name(index, "color_{:06d}.jpg")

    def hands(self, index: int) -> tuple[AnnotatedHand, ...]:
        sequence, _, _ = self._locate(index)
        path = require(self._folder / self._file_name(index, "labels_{:06d}.npz"), _REMEDY)
        try:
            with np.load(path, allow_pickle=False) as labels:
                joints = checked_array(labels["joint_3d"], (1, JOINT_COUNT, 3), "joint_3d")[0]
                joints_2d = checked_array(labels["joint_2d"], (1, JOINT_COUNT, 2), "joint_2d")[0]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path} is damaged or not a DexYCB label ({error}): unpack its archive again") from error
        if (joints == _UNANNOTATED).all():
            return ()
        pixels = joints_2d.astype(np.float32)
        box = box_around_joints(pixels, *IMAGE_SIZE)
        return (AnnotatedHand(box, pixels, sequence.handedness, joints_3d=joints.astype(np.float32)),)

    def __getitem__(self, index: int, /) -> AnnotatedImage:
        _, camera, _ = self._locate(index)
        image = read_sized_image(self._folder / self.image_name(index), IMAGE_SIZE, _REMEDY)
        return AnnotatedImage(image, self.hands(index), self._intrinsics[camera])

    def _locate(self, index: int) -> tuple[_Sequence, int, int]:
        """Sequence, camera and frame of an image."""
        k = int(np.searchsorted(self._starts, index, side="right")) - 1
        camera, frame = divmod(index - int(self._starts[k]), self._sequences[k].frames)
        return self._sequences[k], camera, frame

    def _file_name(self, index: int, pattern: str) -> str:
        sequence, camera, frame = self._locate(index)
        return f"{sequence.path}/{self._cameras[camera]}/{pattern.format(frame)}"


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.load(require(path, _REMEDY).read_text(encoding="utf-8"), Loader=_YAML_LOADER)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}): unpack its archive again") from error


def _read_intrinsics(folder: Path, camera: str) -> CameraIntrinsics:
    width, height = IMAGE_SIZE
    values = _read_yaml(folder / "calibration" / "intrinsics" / f"{camera}_{width}x{height}.yml")["color"]
    return CameraIntrinsics(*(float(values[name]) for name in ("fx", "fy", "ppx", "ppy")))


def _sequence_paths(folder: Path, subject: str) -> list[str]:
    names = sorted(path.name for path in require(folder / subject, _REMEDY).iterdir() if path.is_dir())
    if len(names) != SEQUENCES_PER_SUBJECT:
        raise ValueError(
            f"{folder / subject} has {len(names)} sequences instead of the {SEQUENCES_PER_SUBJECT} that the official "
            "splits count: unpack the subject's archive again"
        )
    return [f"{subject}/{name}" for name in names]


def _read_sequence(folder: Path, path: str) -> _Sequence:
    meta = _read_yaml(folder / path / "meta.yml")
    return _Sequence(path, cast(Handedness, meta["mano_sides"][0]), int(meta["num_frames"]))
