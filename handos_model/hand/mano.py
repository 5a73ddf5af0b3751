"""MANO's mesh as a `HandTopology`, from a user's own MANO_RIGHT.pkl.

MANO (Romero, Tzionas & Black, SIGGRAPH Asia 2017) is licensed to each user by the Max Planck Institute, for
non-commercial research only (https://mano.is.tue.mpg.de). Nothing of it is part of this project, and what is read from
the file, as well as weights trained with it, may be passed on only as its licence allows.

The file is a Python 2 pickle. Read here are its template, faces, joint regressor and skinning weights; its chumpy
objects are stepped over, and nothing in it is executed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from handos_model.hand.boundary import boundary_loop
from handos_model.hand.handedness import signed_volume
from handos_model.hand.mano_conventions import FREIHAND_TIPS, FROM_MANO_ORDER, MANO_TOPOLOGY_ID, MANO_VERTEX_COUNT
from handos_model.hand.skeleton import JOINT_COUNT, JOINT_NAMES, WRIST
from handos_model.hand.topology import HandTopology
from handos_model.io.restricted_pickle import PickledObject, read_pickle

_MANO_JOINTS: Final = 16
_MANO_FACES: Final = 1538
_SPARSE_MATRICES: Final = ("scipy.sparse.csc.csc_matrix", "scipy.sparse._csc.csc_matrix")
_CHUMPY_ARRAYS: Final = ("chumpy.ch.Ch", "chumpy.reordering.Select")

Floats = npt.NDArray[np.float64]


def read_mano(path: Path) -> HandTopology:
    """Read the right hand's mesh; fingertips are the vertices that FreiHAND takes for them.

    MANO has no coarse subset with an upsampling here: every vertex stands for itself, in any preset.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, names anything that could be executed, or holds another model.
    """
    contents = read_pickle(path, objects=(*_SPARSE_MATRICES, *_CHUMPY_ARRAYS))
    if not isinstance(contents, Mapping):
        raise ValueError(f"{path} is not MANO_RIGHT.pkl: it holds a {type(contents).__name__}, not a table of arrays")
    template = _array(path, contents, "v_template", (MANO_VERTEX_COUNT, 3))
    faces = _array(path, contents, "f", (_MANO_FACES, 3)).astype(np.int32)
    of_bones = _array(path, contents, "weights", (MANO_VERTEX_COUNT, _MANO_JOINTS))
    regressor = _with_tips(_array(path, contents, "J_regressor", (_MANO_JOINTS, MANO_VERTEX_COUNT)))
    everywhere = np.arange(MANO_VERTEX_COUNT, dtype=np.int32)
    topology = HandTopology(
        id=MANO_TOPOLOGY_ID,
        faces_right=faces,
        joint_regressor=regressor.astype(np.float32),
        skin_weights=np.pad(of_bones, ((0, 0), (0, JOINT_COUNT - _MANO_JOINTS)))[:, FROM_MANO_ORDER].astype(np.float32),
        mean_vertices=_in_hand_frame(template, regressor @ template).astype(np.float32),
        wrist_loop=boundary_loop(faces).astype(np.int32),
        coarse_vertices=everywhere,
        upsampling=np.eye(MANO_VERTEX_COUNT, dtype=np.float32),
        source_vertices=np.repeat(everywhere[:, None], 3, axis=1),
        source_weights=np.tile(np.array([1, 0, 0], np.float32), (MANO_VERTEX_COUNT, 1)),
    )
    if signed_volume(topology.mean_vertices, topology) <= 0:
        raise ValueError(f"{path} holds a left hand: name MANO_RIGHT.pkl")
    return topology


def _array(path: Path, contents: Mapping[str, Any], name: str, shape: tuple[int, int]) -> Floats:
    stored = contents.get(name)
    try:
        array = _dense(stored) if isinstance(stored, PickledObject) else np.asarray(stored, np.float64)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise ValueError(f"{path}: its {name} cannot be read ({error}): download MANO_RIGHT.pkl again") from error
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(
            f"{path} is not MANO_RIGHT.pkl: its {name} should be finite numbers of shape {shape}, found {array.shape}"
        )
    return array


def _dense(stored: PickledObject) -> Floats:
    """A SciPy matrix of compressed sparse columns, from the attributes it was pickled with."""
    if stored.class_name not in _SPARSE_MATRICES:
        raise ValueError(f"it is a {stored.class_name}")
    state = stored.state
    rows, columns = (int(length) for length in state.get("_shape", state.get("shape")))
    dense = np.zeros((rows, columns))
    for column, (start, stop) in enumerate(zip(state["indptr"][:-1], state["indptr"][1:], strict=True)):
        dense[state["indices"][start:stop], column] = state["data"][start:stop]
    return dense


def _with_tips(regressor: Floats) -> Floats:
    """(16, V) MANO's joints -> (21, V) in the order of `JOINT_NAMES`."""
    tips = np.eye(MANO_VERTEX_COUNT)[list(FREIHAND_TIPS)]
    return np.concatenate([regressor, tips])[FROM_MANO_ORDER]


def _in_hand_frame(vertices: Floats, joints: Floats) -> Floats:
    """Move the wrist to the origin, +y to the middle knuckle, +x to the index finger's side, +z out of the palm."""
    index, middle, pinky = (joints[JOINT_NAMES.index(f"{finger}_mcp")] for finger in ("index", "middle", "pinky"))
    up = _unit(middle - joints[WRIST])
    across = _unit((index - pinky) - up * ((index - pinky) @ up))
    return np.asarray((vertices - joints[WRIST]) @ np.column_stack([across, up, np.cross(across, up)]))


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector))
