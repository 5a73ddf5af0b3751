"""Folders of annotated images: shards of a few hundred frames, written once, with random access.

A shard is an uncompressed npz archive. Images (JPEG) and part ids (PNG) are concatenated byte strings, labels are
arrays over all hands of the shard; `*_ends` hold the end offset of each frame. Shards are memory-mapped, so processes
share them and reading a frame costs no more than decoding it.
"""

import os
import struct
import zipfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, overload

import cv2
import numpy as np
import numpy.typing as npt

from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage
from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import FloatArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.skeleton import JOINT_COUNT

JPEG_QUALITY: Final = 92
_NO_FILTER: Final = (cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE) if hasattr(cv2, "IMWRITE_PNG_FILTER") else ()
"""Without filters, which some versions of OpenCV cannot leave out, part ids are encoded five times as fast."""
UNKNOWN: Final = 255
"""Marks a joint's visibility as not annotated; all other values that are not annotated are NaN."""
_COMPLETE: Final = "is_complete"
"""The array that shards written before there were incomplete images lack."""
_ARRAYS: Final = (
    "image_bytes", "image_ends", "part_bytes", "part_ends", "cameras", "hand_ends", "boxes", "joints_2d", "is_right",
    "visibility", "joints_3d", "vertices",
)  # fmt: skip
_LOCAL_HEADER: Final = struct.Struct("<4s5H3I2H")
"""Local file header of a zip archive; its last two fields are the lengths of the file name and of the extra field."""

Arrays = dict[str, npt.NDArray[np.generic]]


def shard_path(folder: Path, number: int) -> Path:
    """Path of shard `number` of a folder."""
    return folder / f"shard_{number:05d}.npz"


def write_shard(folder: Path, number: int, frames: Sequence[AnnotatedImage]) -> Path:
    """Write frames as shard `number` of a folder and return its path."""
    path = shard_path(folder, number)
    with atomic_write(path) as temporary:
        np.savez(temporary, **_pack(frames))  # type: ignore[arg-type]
    return path


class AnnotatedFolder(Sequence[AnnotatedImage]):
    """The frames of all shards of a folder, in order.

    Parameters
    ----------
    folder
        Holds the shards.
    count
        How many of the frames; default: all.

    Raises
    ------
    FileNotFoundError
        If the folder contains no shard.
    ValueError
        If a shard is damaged.
    """

    def __init__(self, folder: Path, count: int | None = None) -> None:
        self._folder, self._count = folder, count
        self._paths = sorted(folder.glob("shard_*.npz"))
        if not self._paths:
            raise FileNotFoundError(
                f"{folder} contains no shard_*.npz: render images with `handos synth --out {folder}`"
            )
        self._shards = [_map_shard(path) for path in self._paths]
        self._starts = np.cumsum([0, *(len(shard["image_ends"]) for shard in self._shards)])

    def __reduce__(self) -> tuple[type["AnnotatedFolder"], tuple[Path, int | None]]:
        """Pickle only the path: other processes map the files themselves."""
        return AnnotatedFolder, (self._folder, self._count)

    def __len__(self) -> int:
        return int(self._starts[-1]) if self._count is None else min(self._count, int(self._starts[-1]))

    @overload
    def __getitem__(self, index: int) -> AnnotatedImage: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[AnnotatedImage]: ...
    def __getitem__(self, index: int | slice) -> AnnotatedImage | Sequence[AnnotatedImage]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)} in {self._paths[0].parent}")
        index %= len(self)
        shard = int(np.searchsorted(self._starts, index, side="right")) - 1
        try:
            return _unpack(self._shards[shard], index - int(self._starts[shard]))
        except (ValueError, IndexError, cv2.error) as error:
            raise _damaged_shard(self._paths[shard], error) from error


def _pack(frames: Sequence[AnnotatedImage]) -> Arrays:
    hands = [hand for frame in frames for hand in frame.hands]
    images = [_encode(".jpg", frame.image) for frame in frames]
    parts = [b"" if frame.part_ids is None else _encode(".png", frame.part_ids) for frame in frames]
    vertex_count = max((len(hand.vertices) for hand in hands if hand.vertices is not None), default=0)
    return {
        "image_bytes": np.frombuffer(b"".join(images), np.uint8),
        "image_ends": np.cumsum([len(data) for data in images], dtype=np.int64),
        "part_bytes": np.frombuffer(b"".join(parts), np.uint8),
        "part_ends": np.cumsum([len(data) for data in parts], dtype=np.int64),
        "cameras": np.array([_camera_row(frame.camera) for frame in frames], np.float64).reshape(-1, 4),
        "hand_ends": np.cumsum([len(frame.hands) for frame in frames], dtype=np.int64),
        _COMPLETE: np.array([frame.is_complete for frame in frames], np.bool_),
        "boxes": _stack([hand.box for hand in hands], (4,)),
        "joints_2d": _stack([_annotated_joints(hand) for hand in hands], (JOINT_COUNT, 2)),
        "is_right": np.array([hand.handedness == "right" for hand in hands], np.bool_),
        "visibility": _stack([hand.visibility for hand in hands], (JOINT_COUNT,), UNKNOWN).astype(np.uint8),
        "joints_3d": _stack([hand.joints_3d for hand in hands], (JOINT_COUNT, 3)),
        "vertices": _stack([hand.vertices for hand in hands], (vertex_count, 3)),
    }


def _annotated_joints(hand: AnnotatedHand) -> FloatArray:
    if hand.annotated_joints is None:
        return hand.joints_2d
    return np.where(hand.annotated_joints[:, None], hand.joints_2d, np.nan).astype(np.float32)


def _encode(suffix: str, image: npt.NDArray[np.uint8]) -> bytes:
    png = [cv2.IMWRITE_PNG_COMPRESSION, 3, *_NO_FILTER]
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if suffix == ".jpg" else png
    return bytes(cv2.imencode(suffix, image, options)[1])


def _camera_row(camera: CameraIntrinsics | None) -> tuple[float, float, float, float]:
    return (np.nan,) * 4 if camera is None else (camera.fx, camera.fy, camera.cx, camera.cy)


def _stack(
    arrays: Sequence[npt.NDArray[np.generic] | None], shape: tuple[int, ...], missing: float = np.nan
) -> npt.NDArray[np.float32]:
    stack = np.full((len(arrays), *shape), missing, np.float32)
    for row, array in zip(stack, arrays, strict=True):
        if array is not None:
            row[...] = array
    return stack


def _unpack(shard: Arrays, frame: int) -> AnnotatedImage:
    first, last = _frame_range(shard["hand_ends"], frame)
    camera = shard["cameras"][frame].tolist()
    image = _decode(shard["image_bytes"], shard["image_ends"], frame, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"frame {frame} has no image")
    return AnnotatedImage(
        image=image,
        hands=tuple(_hand(shard, hand) for hand in range(first, last)),
        camera=None if np.isnan(camera[0]) else CameraIntrinsics(*camera),
        part_ids=_decode(shard["part_bytes"], shard["part_ends"], frame, cv2.IMREAD_GRAYSCALE),
        is_complete=_COMPLETE not in shard or bool(shard[_COMPLETE][frame]),
    )


def _frame_range(ends: npt.NDArray[np.generic], frame: int) -> tuple[int, int]:
    return (int(ends[frame - 1]) if frame else 0), int(ends[frame])


def _decode(
    encoded: npt.NDArray[np.generic], ends: npt.NDArray[np.generic], frame: int, flags: int
) -> npt.NDArray[np.uint8] | None:
    first, last = _frame_range(ends, frame)
    if first == last:
        return None
    image = cv2.imdecode(np.asarray(encoded[first:last], np.uint8), flags)
    if image is None:
        raise ValueError(f"frame {frame} cannot be decoded")
    return np.asarray(image, np.uint8)


def _hand(shard: Arrays, hand: int) -> AnnotatedHand:
    visibility = np.array(shard["visibility"][hand])
    box, joints_2d = np.array(shard["boxes"][hand], np.float32), np.array(shard["joints_2d"][hand], np.float32)
    is_annotated = np.asarray(np.isfinite(joints_2d).all(axis=-1), np.bool_)
    return AnnotatedHand(
        box=box,
        joints_2d=np.where(is_annotated[:, None], joints_2d, (box[:2] + box[2:]) / 2).astype(np.float32),
        handedness="right" if shard["is_right"][hand] else "left",
        visibility=None if visibility[0] == UNKNOWN else visibility.astype(np.bool_),
        joints_3d=_optional(shard["joints_3d"][hand]),
        vertices=_optional(shard["vertices"][hand]),
        annotated_joints=None if is_annotated.all() else is_annotated,
    )


def _optional(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float32] | None:
    array = np.array(values, np.float32)
    return None if array.size == 0 or np.isnan(array[0, 0]) else array


@lru_cache(maxsize=4096)
def _map_shard(path: Path) -> Arrays:
    try:
        with zipfile.ZipFile(path) as archive:
            names = (*_ARRAYS, _COMPLETE) if f"{_COMPLETE}.npy" in archive.namelist() else _ARRAYS
            return {name: _map_member(path, archive.getinfo(f"{name}.npy")) for name in names}
    except (OSError, KeyError, ValueError, struct.error, zipfile.BadZipFile) as error:
        raise _damaged_shard(path, error) from error


def _map_member(path: Path, member: zipfile.ZipInfo) -> npt.NDArray[np.generic]:
    """Memory-map an array of an uncompressed archive."""
    with path.open("rb") as file:
        file.seek(member.header_offset)
        header = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        file.seek(header[-2] + header[-1], os.SEEK_CUR)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        if 0 in shape:
            return np.empty(shape, dtype)
        return np.memmap(path, dtype, "r", file.tell(), shape)


def _damaged_shard(path: Path, error: Exception) -> ValueError:
    return ValueError(f"shard {path} is damaged ({error}): move it elsewhere and render again; intact shards are kept")
