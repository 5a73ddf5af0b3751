"""`RerunRecording`: one file for Rerun."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import rerun as rr

from handos_model.files.atomic_write import atomic_write
from handos_model.hand.topology import HandTopology
from handos_model.recordings.formats.frame_writer import FrameWriter
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.source import FrameSource
from handos_model.recordings.viewers.rerun_layout import rerun_layout
from handos_model.recordings.viewers.rerun_scene import RerunScene

APPLICATION: Final = "handos"
"""Rerun keeps how the user arranged the window for each application."""
_CHECK_EVERY: Final = 100
"""Frames after which it is checked that Rerun could write them: it writes in a thread of its own."""


class RerunRecording:
    """Writes `path`, of one source.

    Parameters
    ----------
    path
        File to create or replace. After an error the frames so far are in NAME.partial.SUFFIX.
    topology
        Topology of the hands' vertices.
    """

    is_open = True

    def __init__(self, path: Path, topology: HandTopology) -> None:
        self._path, self._topology = path, topology

    @contextmanager
    def show(self, source: FrameSource) -> Iterator[FrameWriter]:
        """As `Viewer`."""
        with atomic_write(self._path, keep_partial=True) as path:
            recording = rr.RecordingStream(APPLICATION)
            recording.save(path, default_blueprint=rerun_layout())
            recording.send_recording_name(source.name)
            frames = _Frames(recording, RerunScene(recording, self._topology, source), self._path)
            try:
                yield frames
                frames.flush()
            finally:
                recording.disconnect()


class _Frames:
    def __init__(self, recording: rr.RecordingStream, scene: RerunScene, path: Path) -> None:
        self._recording, self._scene, self._path = recording, scene, path
        self._count = 0

    def write(self, result: FrameHands) -> None:
        self._scene.write(result)
        self._count += 1
        if self._count % _CHECK_EVERY == 0:
            self.flush()

    def flush(self) -> None:
        """Wait until all frames are on the disk."""
        try:
            self._recording.flush()
        except RuntimeError as error:
            raise OSError(f"{self._path} could not be written ({error}): check that the disk has room") from error
