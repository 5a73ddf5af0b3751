"""`RerunWindow`: a window of Rerun's viewer that shows the hands as they are found."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import rerun as rr

from handos_model.hand.topology import HandTopology
from handos_model.recordings.formats.frame_writer import FrameWriter
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.source import FrameSource
from handos_model.recordings.viewers.rerun_layout import rerun_layout
from handos_model.recordings.viewers.rerun_recording import APPLICATION
from handos_model.recordings.viewers.rerun_scene import RerunScene

_HOST: Final = "127.0.0.1"
_MEMORY: Final = "25%"
"""Of the computer's, for the window: beyond it the oldest frames are dropped."""
_START: Final = 30.0
"""Seconds that the viewer may take to start."""
_FLUSH: Final = 10.0
"""Seconds that it may take to receive the last frames."""


class RerunWindow:
    """Opens the window, which stays when the program ends.

    Rerun's own `spawn` would listen on all network interfaces.

    Parameters
    ----------
    topology
        Topology of the hands' vertices.

    Raises
    ------
    OSError
        If the window cannot be opened.
    """

    def __init__(self, topology: HandTopology) -> None:
        require_display()
        self._topology = topology
        self._port = _free_port()
        command = [sys.executable, "-m", "rerun_cli", "--expect-data-soon", "--memory-limit", _MEMORY]
        command += ["--bind", _HOST, "--port", str(self._port)]
        # A session of its own: Ctrl+C in the terminal ends the run and leaves the window.
        nowhere = subprocess.DEVNULL
        self._process = subprocess.Popen(command, start_new_session=True, stdin=nowhere, stdout=nowhere, stderr=nowhere)
        self._wait_for_viewer()

    @property
    def is_open(self) -> bool:
        """As `Viewer`."""
        return self._process.poll() is None

    @contextmanager
    def show(self, source: FrameSource) -> Iterator[FrameWriter]:
        """As `Viewer`."""
        recording = rr.RecordingStream(APPLICATION)
        recording.connect_grpc(f"rerun+http://{_HOST}:{self._port}/proxy")
        recording.send_blueprint(rerun_layout())
        recording.send_recording_name(source.name)
        try:
            yield _Frames(self, RerunScene(recording, self._topology, source))
        finally:
            with suppress(RuntimeError):  # the window was closed
                recording.flush(timeout_sec=_FLUSH)
            recording.disconnect()

    def _wait_for_viewer(self) -> None:
        end = time.monotonic() + _START
        while self.is_open and time.monotonic() < end:
            try:
                socket.create_connection((_HOST, self._port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        os.killpg(self._process.pid, signal.SIGTERM)
        raise OSError("Rerun's viewer did not start: try `rerun` in this terminal, or write a file with --rrd")


class _Frames:
    def __init__(self, window: RerunWindow, scene: RerunScene) -> None:
        self._window, self._scene = window, scene

    def write(self, result: FrameHands) -> None:
        if self._window.is_open:
            self._scene.write(result)


def require_display() -> None:
    """Raise OSError if this terminal cannot open windows."""
    if sys.platform == "linux" and not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"))):
        raise OSError(
            "--view opens a window, and this terminal has no display: write a file with --rrd hands.rrd and open it "
            "with `rerun hands.rrd` elsewhere, or give --foxglove PORT"
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
