"""`ViewerChoice`: which viewers a run has."""

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handos_model.hand.topology import HandTopology
from handos_model.recordings.source import FrameSource
from handos_model.recordings.viewers.viewer import Viewer

_LOOPBACK: Final = "127.0.0.1"
_LAST_PORT: Final = 65535
_RERUN_LOG: Final = "warn,re_grpc_client=off,re_sdk=off"
"""Without errors about a window that the user has closed."""


@dataclass(frozen=True)
class ViewerChoice:
    """What the user asks for."""

    window: bool = False
    """A window of Rerun's viewer."""
    recording: Path | None = None
    """A file for Rerun."""
    address: str | None = None
    """[HOST:]PORT of a WebSocket for Foxglove; without a host it is reached from this computer only."""

    @property
    def websocket(self) -> str | None:
        """Address that Foxglove is given."""
        if self.address is None:
            return None
        host, port = _parse_address(self.address)
        return f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}"

    def __bool__(self) -> bool:
        return self.window or self.recording is not None or self.address is not None

    def require_usable(self, *, overwrite: bool) -> None:
        """Check, before anything is loaded or written, that the viewers can be opened.

        Raises
        ------
        ModuleNotFoundError
            If the package of one is not installed.
        FileExistsError
            If the file for Rerun is there and may not be replaced.
        OSError
            If there is no display for the window.
        ValueError
            If the address is none, or the file for Rerun has another suffix.
        """
        if self.window:
            os.environ.setdefault("RUST_LOG", _RERUN_LOG)  # read when rerun is imported
        if self.window or self.recording is not None:
            importlib.import_module("rerun")
        if self.window:
            from handos_model.recordings.viewers.rerun_window import require_display

            require_display()
        if self.address is not None:
            _parse_address(self.address)
            importlib.import_module("foxglove")
            importlib.import_module("rosbags")
        if self.recording is not None and self.recording.suffix != ".rrd":
            raise ValueError(f"--rrd {self.recording}: name a file that ends in .rrd, by which `rerun` knows it")
        if self.recording is not None and self.recording.is_dir():
            raise IsADirectoryError(f"--rrd {self.recording} is a folder: name a file, such as hands.rrd")
        if self.recording is not None and self.recording.exists() and not overwrite:
            raise FileExistsError(f"--rrd {self.recording} is already there: name another file, or give --overwrite")

    def require_suitable(self, sources: Sequence[FrameSource]) -> None:
        """Raise ValueError if the sources do not fit into one file."""
        if self.recording is not None and len(sources) > 1:
            raise ValueError(f"--rrd holds one source, and there are {len(sources)}: run them one by one")

    @contextmanager
    def open(
        self, topology: HandTopology, operator: tuple[str, float], *, with_meshes: bool
    ) -> Iterator[tuple[Viewer, ...]]:
        """Yield the viewers.

        Parameters
        ----------
        topology
            Topology of the hands' vertices.
        operator
            Whose size the metres are scaled to, and the factor; "" and 1: nobody's.
        with_meshes
            Also fill `Hand.vertices` for Foxglove; meshes are drawn in any case.
        """
        viewers: list[Viewer] = []
        with ExitStack() as stack:
            if self.address is not None:
                from handos_model.recordings.viewers.foxglove_server import FoxgloveServer

                server = FoxgloveServer(*_parse_address(self.address), topology, operator, with_meshes=with_meshes)
                stack.callback(server.close)
                viewers.append(server)
            if self.recording is not None:
                from handos_model.recordings.viewers.rerun_recording import RerunRecording

                viewers.append(RerunRecording(self.recording, topology))
            if self.window:
                from handos_model.recordings.viewers.rerun_window import RerunWindow

                viewers.append(RerunWindow(topology))
            yield tuple(viewers)


def _parse_address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) <= _LAST_PORT:
        raise ValueError(f"--foxglove {text} is no address: give a port, such as 8765, or HOST:PORT")
    return host.strip("[]") or _LOOPBACK, int(port)
