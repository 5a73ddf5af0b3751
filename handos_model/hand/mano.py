"""MANO's mesh as a `HandTopology`, from a user's own MANO_RIGHT.pkl.

MANO (Romero, Tzionas & Black, SIGGRAPH Asia 2017) is licensed to each user by the Max Planck Institute, for
non-commercial research only (https://mano.is.tue.mpg.de). This project contains no part of it. Data from the file, and
weights trained with it, may be distributed only as its licence allows.

The file is a Python 2 pickle. Template, faces, joint regressor and skinning weights are read; chumpy objects are
skipped, and no code in the file is executed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from handos_model.files.restricted_pickle import PickledObject, read_pickle
from handos_model.geometry.arrays import Float64Array
from handos_model.hand.handedness import signed_volume
from handos_model.hand.mano_conventions import FREIHAND_TIPS, FROM_MANO_ORDER, MANO_TOPOLOGY_ID, MANO_VERTEX_COUNT
from handos_model.hand.skeleton import JOINT_COUNT, JOINT_NAMES, WRIST
from handos_model.hand.topology import HandTopology, boundary_loop

_MANO_JOINTS: Final = 16
_MANO_FACES: Final = 1538
_MIN_PALM: Final = 0.03
_MAX_PALM: Final = 0.3
"""Metres from the wrist to the middle finger's first joint; MANO's is 0.1."""
_SPARSE_MATRICES: Final = ("scipy.sparse.csc.csc_matrix", "scipy.sparse._csc.csc_matrix")
_CHUMPY_ARRAYS: Final = ("chumpy.ch.Ch", "chumpy.reordering.Select")


def read_mano(path: Path) -> HandTopology:
    """Read MANO's right hand; its fingertips are the vertices that FreiHAND uses.

    There is no coarse subset: all vertices are coarse vertices, and the upsampling is the identity.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, refers to anything that could run code, or holds another model.
    """
    contents = read_pickle(path, objects=(*_SPARSE_MATRICES, *_CHUMPY_ARRAYS))
    if not isinstance(contents, Mapping):
        raise ValueError(f"{path} is not MANO_RIGHT.pkl: it holds a {type(contents).__name__}, not a dict of arrays")
    template = _array(path, contents, "v_template", (MANO_VERTEX_COUNT, 3))
    faces = _faces(path, contents)
    bone_weights = _array(path, contents, "weights", (MANO_VERTEX_COUNT, _MANO_JOINTS))
    regressor = _add_fingertips(_array(path, contents, "J_regressor", (_MANO_JOINTS, MANO_VERTEX_COUNT)))
    _require_hand(path, regressor @ template)
    vertex_ids = np.arange(MANO_VERTEX_COUNT, dtype=np.int32)
    topology = HandTopology(
        id=MANO_TOPOLOGY_ID,
        faces_right=faces,
        joint_regressor=regressor.astype(np.float32),
        skin_weights=np.pad(bone_weights, ((0, 0), (0, JOINT_COUNT - _MANO_JOINTS)))[:, FROM_MANO_ORDER].astype(
            np.float32
        ),
        mean_vertices=_to_hand_frame(template, regressor @ template).astype(np.float32),
        wrist_loop=_wrist_loop(path, faces),
        coarse_vertices=vertex_ids,
        upsampling=np.eye(MANO_VERTEX_COUNT, dtype=np.float32),
        source_vertices=np.repeat(vertex_ids[:, None], 3, axis=1),
        source_weights=np.tile(np.array([1, 0, 0], np.float32), (MANO_VERTEX_COUNT, 1)),
    )
    if signed_volume(topology.mean_vertices, topology) <= 0:
        raise ValueError(f"{path} holds a left hand: give MANO_RIGHT.pkl")
    return topology


def _array(path: Path, contents: Mapping[str, Any], name: str, shape: tuple[int, int]) -> Float64Array:
    stored = contents.get(name)
    try:
        array = _dense(stored, shape) if isinstance(stored, PickledObject) else np.asarray(stored, np.float64)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise ValueError(f"{path}: its {name} cannot be read ({error}): download MANO_RIGHT.pkl again") from error
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(
            f"{path} is not MANO_RIGHT.pkl: its {name} should be finite numbers of shape {shape}, found {array.shape}"
        )
    return array


def _faces(path: Path, contents: Mapping[str, Any]) -> npt.NDArray[np.int32]:
    faces = _array(path, contents, "f", (_MANO_FACES, 3))
    if not ((faces >= 0) & (faces < MANO_VERTEX_COUNT) & (faces == np.floor(faces))).all():
        raise ValueError(f"{path} is not MANO_RIGHT.pkl: its f should be vertex ids from 0 to {MANO_VERTEX_COUNT - 1}")
    return faces.astype(np.int32)


def _wrist_loop(path: Path, faces: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    try:
        return boundary_loop(faces).astype(np.int32)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{path} is not MANO_RIGHT.pkl: its f has no wrist ({error})") from error


def _require_hand(path: Path, joints: Float64Array) -> None:
    length = float(np.linalg.norm(joints[JOINT_NAMES.index("middle_mcp")] - joints[WRIST]))
    if not _MIN_PALM < length < _MAX_PALM:
        raise ValueError(
            f"{path} is not MANO_RIGHT.pkl: from its wrist to its middle finger there are {length:g} m, no hand's size"
        )


def _dense(stored: PickledObject, shape: tuple[int, int]) -> Float64Array:
    """Rebuild a SciPy matrix in compressed sparse column format from its pickled attributes."""
    if stored.class_name not in _SPARSE_MATRICES:
        raise ValueError(f"it is a {stored.class_name}")
    state = stored.state
    if not isinstance(state, dict):
        raise ValueError("it is a matrix without attributes")
    stored_shape = tuple(state["_shape"] if "_shape" in state else state["shape"])
    if stored_shape != shape:
        raise ValueError(f"it is a matrix of shape {stored_shape}")
    dense = np.zeros(shape)
    for column, (start, stop) in enumerate(zip(state["indptr"][:-1], state["indptr"][1:], strict=True)):
        dense[state["indices"][start:stop], column] = state["data"][start:stop]
    return dense


def _add_fingertips(regressor: Float64Array) -> Float64Array:
    """(16, V) in MANO's joint order -> (21, V) in the order of `JOINT_NAMES`."""
    tips = np.eye(MANO_VERTEX_COUNT)[list(FREIHAND_TIPS)]
    return np.concatenate([regressor, tips])[FROM_MANO_ORDER]


def _to_hand_frame(vertices: Float64Array, joints: Float64Array) -> Float64Array:
    """Transform to the frame of `HandTopology.mean_vertices`; +x points to the index finger's side."""
    index, middle, pinky = (joints[JOINT_NAMES.index(f"{finger}_mcp")] for finger in ("index", "middle", "pinky"))
    up = _unit(middle - joints[WRIST])
    across = _unit((index - pinky) - up * ((index - pinky) @ up))
    return np.asarray((vertices - joints[WRIST]) @ np.column_stack([across, up, np.cross(across, up)]))


def _unit(vector: Float64Array) -> Float64Array:
    return np.asarray(vector / np.linalg.norm(vector))
