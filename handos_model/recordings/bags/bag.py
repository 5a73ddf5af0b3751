"""`Bag`: a rosbag2 recording, as a folder or a file, without ROS."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import yaml
import zstandard

from handos_model.recordings.bags.bag_file import BagError, BagFile, BagMessage, BagTopic
from handos_model.recordings.bags.mcap_file import McapFile
from handos_model.recordings.bags.sqlite_file import SqliteFile
from handos_model.recordings.source import BAG_METADATA, is_bag_file

_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
"""How compressed data begin; a message of ROS 2 begins with a zero."""


class Bag:
    """The topics and messages of a bag.

    A folder is read by its metadata.yaml, or by the files in it where the recorder was killed before it wrote one.

    Parameters
    ----------
    path
        Folder, .mcap or .db3, also compressed (.zstd).

    Raises
    ------
    BagError
        If nothing can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unpacked = TemporaryDirectory(prefix="handos-bag-")
        metadata = _Metadata.read(path / BAG_METADATA) if path.is_dir() else None
        paths = _files_of(path, metadata)
        self.damages = [f"{file} is missing" for file in paths if not file.is_file()]
        """What of the bag as a whole cannot be read."""
        self._files: list[BagFile] = []
        for file in paths:
            if file.is_file():
                self._open(file)
        if not self._files:
            raise BagError(f"bag {path} cannot be read: {'; '.join(self.damages) or 'it holds no .mcap or .db3 file'}")
        self.topics = self._merged_topics({} if metadata is None else metadata.counts)
        """By name."""

    def messages(self, topics: Collection[str], damages: list[str]) -> Iterator[BagMessage]:
        """As `BagFile.messages`, through all files."""
        for file in self._files:
            for message in file.messages(topics, damages):
                if not message.data.startswith(_ZSTD_MAGIC):
                    yield message
                    continue
                try:
                    yield replace(message, data=zstandard.decompress(message.data))
                except zstandard.ZstdError as error:
                    damages.append(f"a message on {message.topic} of bag {self.path} cannot be decompressed ({error})")

    def _open(self, path: Path) -> None:
        try:
            if path.suffix == ".zstd":
                path = self._unpack(path)
            self._files.append(McapFile(path) if path.suffix == ".mcap" else SqliteFile(path))
        except BagError as error:
            self.damages.append(str(error))

    def _unpack(self, path: Path) -> Path:
        unpacked = Path(self._unpacked.name) / path.stem
        with path.open("rb") as compressed, unpacked.open("wb") as file:
            try:
                zstandard.ZstdDecompressor().copy_stream(compressed, file)
            except zstandard.ZstdError as error:
                self.damages.append(f"{path} cannot be decompressed to its end ({error})")
        return unpacked

    def _merged_topics(self, announced: dict[str, int]) -> dict[str, BagTopic]:
        merged: dict[str, BagTopic] = {}
        for file in self._files:
            for topic in file.topics():
                earlier = merged.get(topic.name)
                is_counted = topic.count is not None and (earlier is None or earlier.count is not None)
                count = (topic.count or 0) + ((earlier and earlier.count) or 0) if is_counted else None
                merged[topic.name] = replace(topic, count=count)
        for name, count in announced.items():
            if name in merged:
                merged[name] = replace(merged[name], count=count)
        return merged


@dataclass(frozen=True)
class _Metadata:
    """What metadata.yaml says."""

    files: list[str]
    counts: dict[str, int]
    """Messages by topic."""

    @classmethod
    def read(cls, path: Path) -> "_Metadata | None":
        """``None`` if it is missing or damaged: the files themselves say what they hold."""
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))["rosbag2_bagfile_information"]
            topics = content["topics_with_message_count"]
            counts = {str(topic["topic_metadata"]["name"]): int(topic["message_count"]) for topic in topics}
            return cls([str(file) for file in content["relative_file_paths"]], counts)
        except (FileNotFoundError, yaml.YAMLError, ValueError, KeyError, TypeError):
            return None


def _files_of(path: Path, metadata: _Metadata | None) -> list[Path]:
    if not path.is_dir():
        return [path]
    if metadata is None:
        return sorted(filter(is_bag_file, path.iterdir()), key=lambda file: (len(file.name), file.name))
    # Old versions wrote the path from where the recorder was started.
    return [path / Path(file).name for file in metadata.files]
