"""The network's answers for a stretch of a recording, in a file.

The network looks at each image alone, so a long recording can be cut anywhere: workers run the network on its
stretches, and one of them then goes through the whole recording with their answers, tracks, smooths and writes, exactly
as without a cut. Answers are looked up by a checksum of the network's input. What is not found is computed: an
inaccurate jump in a video, or a stretch that was lost, costs time and changes nothing.
"""

import hashlib
import math
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from handos_model.architecture.contract import OUTPUT_NAMES, NetworkOutput, NetworkProperties, output_shapes
from handos_model.geometry.arrays import ImageArray
from handos_model.inference.backends.engine import Engine

_HEADER: Final = struct.Struct("<QQ")
"""Checksum of the input, and number of hands."""


class AnswersWriter:
    """Appends answers to a file.

    Parameters
    ----------
    file
        Open for writing.
    score_threshold
        Minimum score of a slot that is kept: what the pipeline leaves out anyway needs no room.
    """

    def __init__(self, file: BinaryIO, score_threshold: float) -> None:
        self._file, self._score_threshold = file, score_threshold

    def write(self, network_input: ImageArray, output: NetworkOutput) -> None:
        """Append the answer for an input."""
        kept = output.scores >= self._score_threshold
        self._file.write(_HEADER.pack(_checksum(network_input), np.count_nonzero(kept)))
        for name in OUTPUT_NAMES:
            self._file.write(np.asarray(getattr(output, name)[kept], "<f4").tobytes())


class StoredAnswers:
    """An engine that knows answers already, and asks another one for the rest.

    Parameters
    ----------
    engine
        The network that gave the answers.
    paths
        Files of answers.
    vertices
        Vertices of the network's mesh.
    """

    def __init__(self, engine: Engine, paths: Iterable[Path], vertices: int) -> None:
        self._engine = engine
        shapes = output_shapes(None, vertices)
        self._shapes = [tuple(int(side or 0) for side in shapes[name][1:]) for name in OUTPUT_NAMES]
        self._slot_size = 4 * sum(math.prod(shape) for shape in self._shapes)
        self._paths = list(paths)
        indexes = [self._index(number, path) for number, path in enumerate(self._paths)]
        self._entries = np.concatenate(indexes) if indexes else np.empty(0, _ENTRY)
        self._next = 0
        self.computed = 0
        """Answers that were not found."""

    @property
    def properties(self) -> NetworkProperties:
        """Metadata of the network."""
        return self._engine.properties

    @property
    def description(self) -> str:
        """Backend and device."""
        return self._engine.description

    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        """As `Engine`; slots that are no hands are left out."""
        position = self._find(_checksum(network_input))
        if position is None:
            self.computed += 1
            return self._engine(network_input)
        self._next = position + 1
        return self._read(position)

    def _index(self, number: int, path: Path) -> np.ndarray:
        """Checksum and place of each whole answer of a file."""
        entries, offset, size = [], 0, path.stat().st_size
        with path.open("rb") as file:
            while len(header := file.read(_HEADER.size)) == _HEADER.size:
                checksum, count = _HEADER.unpack(header)
                behind = file.seek(count * self._slot_size, 1)
                if behind > size:
                    break
                entries.append((checksum, number, offset))
                offset = behind
        return np.array(entries, _ENTRY)

    def _find(self, checksum: int) -> int | None:
        """Images come in order, so the answer is nearly always the next one."""
        checksums = self._entries["checksum"]
        if self._next < len(checksums) and checksums[self._next] == checksum:
            return self._next
        found = np.flatnonzero(checksums == checksum)
        return int(found[0]) if len(found) else None

    def _read(self, position: int) -> NetworkOutput:
        entry = self._entries[position]
        with self._paths[entry["file"]].open("rb") as file:
            file.seek(int(entry["offset"]))
            _, count = _HEADER.unpack(file.read(_HEADER.size))
            content = file.read(count * self._slot_size)
        values, start = [], 0
        for shape in self._shapes:
            size = count * math.prod(shape)
            values.append(np.frombuffer(content, "<f4", size, start).reshape(count, *shape))
            start += 4 * size
        return NetworkOutput(*values)


_ENTRY: Final = np.dtype([("checksum", "<u8"), ("file", "<u4"), ("offset", "<u8")])


def _checksum(network_input: ImageArray) -> int:
    digest = hashlib.blake2b(repr(network_input.shape).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(network_input).data)
    return int.from_bytes(digest.digest(), "little")
