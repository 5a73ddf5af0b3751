"""LeRobotDataset v3.0: states of both hands and the video, one episode a source, for imitation learning.

Episodes are kept one by one until the run ends; then the data set is put together from them, in the order of the
sources. Their files stay, so that a run that goes on can put it together anew.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from handos_model.files.atomic_write import atomic_write
from handos_model.recordings.formats.frame_writer import FrameWriter
from handos_model.recordings.formats.hand_state import STATE_NAMES
from handos_model.recordings.formats.lerobot_episode import STAMP, STATE, EpisodeFiles, episode_writer
from handos_model.recordings.formats.moments import Moments
from handos_model.recordings.source import FrameSource

IMAGE: Final = "observation.images.camera"
_FILES_PER_CHUNK: Final = 1000
EPISODES: Final = ".episodes"
"""Folder of the finished episodes, one by one."""
_STATE_TYPE: Final = pa.list_(pa.float32(), len(STATE_NAMES))
_DATA_SCHEMA: Final = pa.schema(
    [
        (STATE, _STATE_TYPE),
        (STAMP, pa.float64()),
        ("timestamp", pa.float32()),
        ("frame_index", pa.int64()),
        ("episode_index", pa.int64()),
        ("index", pa.int64()),
        ("task_index", pa.int64()),
    ]
)
_COUNTERS: Final = ("timestamp", "frame_index", "episode_index", "index", "task_index")


class LeRobotFormat:
    """Writes a data set to `folder`.

    Parameters
    ----------
    folder
        Folder of the data set.
    task
        What is done in all episodes, in words.
    """

    def __init__(self, folder: Path, task: str) -> None:
        self._folder, self._task = folder, task

    @contextmanager
    def open(self, source: FrameSource, stem: str) -> Iterator[FrameWriter]:
        """As `OutputFormat`."""
        assert source.frame_rate is not None, "images without time are refused before"
        with episode_writer(EpisodeFiles.of(self._folder / EPISODES, stem), max(1, round(source.frame_rate))) as file:
            yield file

    def finish(self, stems: list[str]) -> list[str]:
        """As `OutputFormat`: episodes of another size or rate than the first are left out."""
        episodes = {stem: EpisodeFiles.of(self._folder / EPISODES, stem) for stem in stems}
        return list(put_together(self._folder, self._task, episodes).values())


def put_together(folder: Path, task: str, episodes: Mapping[str, EpisodeFiles]) -> dict[str, str]:
    """Write a data set of finished episodes, replacing what it had before.

    Parameters
    ----------
    folder
        Folder of the data set.
    task
        What is done in all episodes, in words.
    episodes
        By name, in their order; those that do not exist are left out.

    Returns
    -------
    dict of str
        Why episodes are left out, by name: because their size or rate is not that of the first.
    """
    kept = {name: files for name, files in episodes.items() if files.states.exists()}
    if not kept:
        return {}
    first = next(iter(kept.values())).information()
    left_out = {}
    dataset = _Dataset(folder, task, first["fps"], (first["width"], first["height"]))
    for name, files in kept.items():
        information = files.information()
        if all(information[key] == first[key] for key in ("fps", "width", "height")):
            dataset.add(files, information)
        else:
            left_out[name] = (
                f"{name} is not in the LeRobot data set: it has {_shape(information)}, the first episode "
                f"{_shape(first)}; run it into another folder"
            )
    dataset.write_metadata()
    return left_out


def _shape(information: dict[str, Any]) -> str:
    return f"{information['width']} x {information['height']} pixels at {information['fps']} images per second"


@dataclass(frozen=True)
class _Place:
    """Where the file of an episode lies."""

    chunk: int
    file: int

    @classmethod
    def of(cls, episode: int) -> "_Place":
        return cls(episode // _FILES_PER_CHUNK, episode % _FILES_PER_CHUNK)

    def path(self, folder: Path, suffix: str) -> Path:
        return folder / f"chunk-{self.chunk:03d}" / f"file-{self.file:03d}{suffix}"


class _Dataset:
    """A data set while it is put together; `meta/info.json`, which readers open first, is written last."""

    def __init__(self, folder: Path, task: str, fps: int, size: tuple[int, int]) -> None:
        self._folder, self._task, self._fps, self._size = folder, task, fps, size
        self._episodes: list[dict[str, Any]] = []
        self._frames = 0
        self._moments = {name: Moments() for name in (STATE, STAMP, *_COUNTERS)}
        self._images: list[dict[str, list[float]]] = []
        (folder / "meta" / "info.json").unlink(missing_ok=True)
        for part in ("data", f"videos/{IMAGE}"):  # of a run that had more episodes
            for path in (folder / part).glob("chunk-*/file-*"):
                path.unlink()

    def add(self, files: EpisodeFiles, information: dict[str, Any]) -> None:
        episode, place = len(self._episodes), _Place.of(len(self._episodes))
        moments = {name: Moments() for name in self._moments}
        length = self._write_data(files.states, place.path(self._folder / "data", ".parquet"), episode, moments)
        _link(files.video, place.path(self._folder / "videos" / IMAGE, ".mp4"))
        for name, own in moments.items():
            self._moments[name].merge(own)
        self._images.append(information["image_stats"])
        stats: dict[str, dict[str, Any]] = {IMAGE: _per_channel(self._images[-1])}
        stats |= {name: own.summary() for name, own in moments.items()}
        self._episodes.append(
            {
                "episode_index": episode,
                "tasks": [self._task],
                "length": length,
                "data/chunk_index": place.chunk,
                "data/file_index": place.file,
                "dataset_from_index": self._frames,
                "dataset_to_index": self._frames + length,
                f"videos/{IMAGE}/chunk_index": place.chunk,
                f"videos/{IMAGE}/file_index": place.file,
                f"videos/{IMAGE}/from_timestamp": 0.0,
                f"videos/{IMAGE}/to_timestamp": length / self._fps,
                "meta/episodes/chunk_index": 0,
                "meta/episodes/file_index": 0,
                **{f"stats/{name}/{kind}": value for name, own in stats.items() for kind, value in own.items()},
            }
        )
        self._frames += length

    def _write_data(self, states: Path, path: Path, episode: int, moments: dict[str, Moments]) -> int:
        """Number the frames; their number."""
        length = 0
        with atomic_write(path) as temporary, pq.ParquetWriter(temporary, _DATA_SCHEMA) as file:
            for batch in pq.ParquetFile(states).iter_batches():
                rows = len(batch)
                frame = np.arange(length, length + rows)
                columns: dict[str, Any] = {
                    "timestamp": (frame / self._fps).astype(np.float32),
                    "frame_index": frame,
                    "episode_index": np.full(rows, episode),
                    "index": frame + self._frames,
                    "task_index": np.zeros(rows, np.int64),
                }
                state = batch.column(STATE)
                stamp = batch.column(STAMP)
                file.write_table(pa.Table.from_arrays([state, stamp, *columns.values()], schema=_DATA_SCHEMA))
                moments[STATE].add(state.flatten().to_numpy().reshape(rows, -1))
                moments[STAMP].add(stamp.to_numpy()[:, None])
                for name, values in columns.items():
                    moments[name].add(values[:, None])
                length += rows
        return length

    def write_metadata(self) -> None:
        meta = self._folder / "meta"
        with atomic_write(meta / "episodes" / "chunk-000" / "file-000.parquet") as path:
            pq.write_table(pa.Table.from_pylist(self._episodes), path)
        with atomic_write(meta / "tasks.parquet") as path:
            pq.write_table(_task_table(self._task), path)
        stats = {name: moments.summary() for name, moments in self._moments.items()}
        _write_json(meta / "stats.json", stats | {IMAGE: _per_channel(_merged(self._images))})
        _write_json(meta / "info.json", self._information())

    def _information(self) -> dict[str, Any]:
        return {
            "codebase_version": "v3.0",
            "robot_type": "human_hands",
            "total_episodes": len(self._episodes),
            "total_frames": self._frames,
            "total_tasks": 1,
            "chunks_size": _FILES_PER_CHUNK,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "fps": self._fps,
            "splits": {"train": f"0:{len(self._episodes)}"},
            "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
            "features": self._features(),
        }

    def _features(self) -> dict[str, Any]:
        # The video has even sides.
        height, width = (side + side % 2 for side in reversed(self._size))
        video = {
            "video.fps": self._fps,
            "video.height": height,
            "video.width": width,
            "video.channels": 3,
            "video.codec": "h264",
            "video.pix_fmt": "yuv420p",
            "video.is_depth_map": False,
            "has_audio": False,
        }
        numbers = {name: {"dtype": "int64", "shape": [1], "names": None} for name in _COUNTERS}
        return {
            STATE: {"dtype": "float32", "shape": [len(STATE_NAMES)], "names": list(STATE_NAMES)},
            STAMP: {"dtype": "float64", "shape": [1], "names": None},
            IMAGE: {
                "dtype": "video",
                "shape": [height, width, 3],
                "names": ["height", "width", "channels"],
                "info": video,
            },
            **numbers,
            "timestamp": {"dtype": "float32", "shape": [1], "names": None},
        }


def _link(video: Path, path: Path) -> None:
    """The same file under another name; a copy where the file system cannot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        try:
            os.link(video, temporary)
        except OSError:
            shutil.copyfile(video, temporary)


def _task_table(task: str) -> pa.Table:
    """The task is the index of a pandas table, which the schema's metadata say."""
    table = pa.table({"task_index": pa.array([0], pa.int64()), "task": [task]})
    column = {"metadata": None, "field_name": "task", "name": "task", "numpy_type": "object", "pandas_type": "unicode"}
    index = column | {"field_name": "task_index", "name": "task_index", "numpy_type": "int64", "pandas_type": "int64"}
    pandas = {"index_columns": ["task"], "column_indexes": [], "columns": [index, column], "pandas_version": "2.0.0"}
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})


def _merged(images: list[dict[str, list[float]]]) -> dict[str, list[float]]:
    """Statistics of all images from those of the episodes."""
    counts = np.array([stats["count"][0] for stats in images])[:, None]
    means, deviations = (np.array([stats[name] for stats in images]) for name in ("mean", "std"))
    mean = (counts * means).sum(0) / counts.sum()
    variance = (counts * (deviations**2 + (means - mean) ** 2)).sum(0) / counts.sum()
    return {
        "min": np.min([stats["min"] for stats in images], axis=0).tolist(),
        "max": np.max([stats["max"] for stats in images], axis=0).tolist(),
        "mean": mean.tolist(),
        "std": np.sqrt(variance).tolist(),
        "count": [int(counts.sum())],
    }


def _per_channel(stats: dict[str, list[float]]) -> dict[str, Any]:
    """In the shape (3, 1, 1) that LeRobot expects for images."""
    return {name: values if name == "count" else [[[value]] for value in values] for name, values in stats.items()}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
