"""What every output format offers."""

from contextlib import AbstractContextManager
from typing import Protocol

from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.source import FrameSource


class FrameWriter(Protocol):
    """Writes the frames of one source."""

    def write(self, result: FrameHands) -> None:
        """Append one frame."""


class OutputFormat(Protocol):
    """One format of a run; its files lie in a folder of their own."""

    def open(self, source: FrameSource, stem: str) -> AbstractContextManager[FrameWriter]:
        """Begin a source, replacing what was written of it before.

        A file appears under its name when it is complete. After an error, or when the process is killed, what there is
        of it is in NAME.partial.SUFFIX, until the source is begun again.

        Parameters
        ----------
        source
            The source.
        stem
            Name for its files.
        """

    def finish(self, stems: list[str]) -> list[str]:
        """Write what all sources share, when the run ends.

        Parameters
        ----------
        stems
            Names of the sources that are complete, in their order.

        Returns
        -------
        list of str
            What is left out, and why.
        """
