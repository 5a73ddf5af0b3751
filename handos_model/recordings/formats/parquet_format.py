"""Parquet: one row a hand, for pandas, Polars, DuckDB and Arrow."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from handos_model.files.atomic_write import atomic_write
from handos_model.hand.frames import wrist_orientation
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import JOINT_NAMES, WRIST
from handos_model.recordings.formats.frame_writer import FrameWriter
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.json_lines import SCHEMA_VERSION
from handos_model.recordings.source import FrameSource

_ROW_GROUP: Final = 2000
"""Hands that are kept in memory before they are written."""
_FLOATS: Final = pa.list_(pa.float32())
"""Of any length: older versions of Arrow cannot read null where all lists have the same."""


def _schema(*, with_vertices: bool) -> pa.Schema:
    fields = [
        ("source", pa.string()),
        ("frame", pa.int64()),
        ("stamp", pa.float64()),
        ("header_stamp", pa.int64()),
        ("frame_id", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("camera", pa.list_(pa.float64())),
        ("camera_is_assumed", pa.bool_()),
        ("id", pa.int64()),
        ("handedness", pa.string()),
        ("handedness_score", pa.float32()),
        ("score", pa.float32()),
        ("box", _FLOATS),
        ("joints_2d", _FLOATS),
        ("joint_scores", _FLOATS),
        ("joints_3d", _FLOATS),
        ("joint_sigma", _FLOATS),
        ("wrist_position", _FLOATS),
        ("wrist_orientation", _FLOATS),
        ("depth_residual", pa.float32()),
        ("coasting", pa.bool_()),
        ("tentative", pa.bool_()),
    ]
    if with_vertices:
        fields.append(("vertices", _FLOATS))
    metadata = {"handos.schema": str(SCHEMA_VERSION), "handos.joint_names": ",".join(JOINT_NAMES)}
    return pa.schema(fields, metadata=metadata)


class ParquetFormat:
    """Writes `folder`/STEM.parquet for every source.

    Parameters
    ----------
    folder
        Folder of this format's files.
    with_vertices
        Also write the meshes.
    """

    def __init__(self, folder: Path, *, with_vertices: bool) -> None:
        self._folder = folder
        self._schema = _schema(with_vertices=with_vertices)

    @contextmanager
    def open(self, source: FrameSource, stem: str) -> Iterator[FrameWriter]:
        """As `OutputFormat`."""
        with (
            atomic_write(self._folder / f"{stem}.parquet", keep_partial=True) as path,
            pq.ParquetWriter(path, self._schema, compression="zstd") as file,
        ):
            rows = _Rows(file, self._schema)
            yield rows
            rows.flush()

    def finish(self, stems: list[str]) -> list[str]:
        """As `OutputFormat`."""
        return []


class _Rows:
    def __init__(self, file: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._file, self._schema = file, schema
        self._with_vertices = "vertices" in schema.names
        self._waiting: list[dict[str, Any]] = []

    def write(self, result: FrameHands) -> None:
        for hand in result.hands:
            row = _frame_columns(result) | _hand_columns(hand)
            if self._with_vertices:
                row["vertices"] = None if hand.vertices is None else hand.vertices.ravel()
            self._waiting.append(row)
        if len(self._waiting) >= _ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self._file.write_table(pa.Table.from_pylist(self._waiting, self._schema))
            self._waiting.clear()


def _frame_columns(result: FrameHands) -> dict[str, Any]:
    frame, camera = result.frame, result.camera.intrinsics
    height, width = frame.image.shape[:2]
    return {
        "source": frame.source,
        "frame": frame.index,
        "stamp": frame.stamp,
        "header_stamp": None if frame.header is None else frame.header.stamp,
        "frame_id": None if frame.header is None else frame.header.frame_id,
        "width": width,
        "height": height,
        "camera": None if camera is None else [camera.fx, camera.fy, camera.cx, camera.cy],
        "camera_is_assumed": result.camera.is_assumed,
    }


def _hand_columns(hand: Hand) -> dict[str, Any]:
    metric = hand.metric
    return {
        "id": hand.id,
        "handedness": hand.handedness,
        "handedness_score": hand.handedness_score,
        "score": hand.score,
        "box": hand.box,
        "joints_2d": hand.joints_2d.ravel(),
        "joint_scores": hand.joint_scores,
        "joints_3d": None if metric is None else metric.joints_3d.ravel(),
        "joint_sigma": None if metric is None else metric.joint_sigma,
        "wrist_position": None if metric is None else metric.joints_3d[WRIST],
        "wrist_orientation": None
        if metric is None
        else np.array(wrist_orientation(metric.joints_3d, hand.handedness), np.float32),
        "depth_residual": None if metric is None else metric.depth_residual,
        "coasting": hand.coasting,
        "tentative": hand.tentative,
    }
