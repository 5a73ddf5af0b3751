"""What every viewer offers."""

from contextlib import AbstractContextManager
from typing import Protocol

from handos_model.recordings.formats.frame_writer import FrameWriter
from handos_model.recordings.source import FrameSource


class Viewer(Protocol):
    """Shows the hands while they are found, or keeps what a viewer shows."""

    @property
    def is_open(self) -> bool:
        """Whether anybody can still see it: a window may have been closed."""

    def show(self, source: FrameSource) -> AbstractContextManager[FrameWriter]:
        """Begin a source; the writer shows its frames."""
