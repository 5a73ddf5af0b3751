"""MCAP files, whole, damaged and cut off."""

import struct
from collections import Counter
from collections.abc import Collection, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final
from zlib import crc32

from mcap.exceptions import McapError
from mcap.reader import SeekingReader
from mcap.records import Channel, Chunk, ChunkIndex, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, get_chunk_data_stream
from mcap.summary import Summary
from zstandard import ZstdError

from handos_model.recordings.bags.bag_file import BagMessage, BagTopic

_MAX_RECORD: Final = 1 << 31
"""Bytes: a record that claims more is damaged."""
_DAMAGES: Final = (
    *(McapError, ZstdError, struct.error, ValueError, RuntimeError, MemoryError, OverflowError, OSError),
)
"""What `mcap` and the decompressors raise on damaged bytes."""


class McapFile:
    """An MCAP file with messages of ROS 2.

    With an index, its chunks are read one by one, so that a damaged one costs only itself. Without one, because the
    recorder was killed, the file is read from its beginning to where it breaks off.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self._summary = self._read_summary()

    def topics(self) -> list[BagTopic]:
        """As `BagFile`; a file without an index is read to its end."""
        counts: Counter[int] | None = None
        if self._summary is None or not self._channels:
            damages: list[str] = []
            found = Counter(record.channel_id for record in self._all_records(damages) if isinstance(record, Message))
            counts = None if damages else found  # what was recorded may have been more
        elif self._summary.statistics is not None:
            counts = Counter(self._summary.statistics.channel_message_counts)
        by_name: dict[str, BagTopic] = {}
        for channel in self._channels.values():
            if channel.message_encoding == "cdr" and channel.schema_id in self._schemas:
                earlier = by_name.get(channel.topic)
                count = None if counts is None else counts[channel.id] + ((earlier and earlier.count) or 0)
                by_name[channel.topic] = BagTopic(channel.topic, self._schemas[channel.schema_id].name, count)
        return list(by_name.values())

    def messages(self, topics: Collection[str], damages: list[str]) -> Iterator[BagMessage]:
        """As `BagFile`."""
        summary = self._summary
        if summary is not None and summary.chunk_indexes and self._channels:
            records = self._indexed_records(summary.chunk_indexes, topics, damages)
        else:
            records = self._all_records(damages)
        for record in records:
            if isinstance(record, Message) and record.channel_id in self._channels:
                topic = self._channels[record.channel_id].topic
                if topic in topics:
                    yield BagMessage(topic, record.log_time, record.data)

    def _read_summary(self) -> Summary | None:
        """The index at the end of the file; ``None`` if there is none."""
        try:
            with self._path.open("rb") as file:
                summary = SeekingReader(file, record_size_limit=_MAX_RECORD).get_summary()
        except _DAMAGES:
            return None
        if summary is not None:
            self._schemas.update(summary.schemas)
            self._channels.update(summary.channels)
        return summary

    def _indexed_records(
        self, chunks: Collection[ChunkIndex], topics: Collection[str], damages: list[str]
    ) -> Iterator[McapRecord]:
        wanted = {channel.id for channel in self._channels.values() if channel.topic in topics}
        with self._path.open("rb") as file:
            for chunk in sorted(chunks, key=lambda index: index.chunk_start_offset):
                # Writers may leave out which channels a chunk holds.
                if not chunk.message_index_offsets or wanted & chunk.message_index_offsets.keys():
                    yield from self._chunk_at(chunk.chunk_start_offset, file, damages)

    def _chunk_at(self, offset: int, file: BinaryIO, damages: list[str]) -> Iterator[McapRecord]:
        try:
            file.seek(offset)
            record = next(_records_of(file, skip_magic=True))
            if not isinstance(record, Chunk):
                raise ValueError(f"a {type(record).__name__} where the index has a chunk")
        except _DAMAGES as error:
            damages.append(f"the chunk at byte {offset} of {self._path} is damaged ({_reason(error)})")
            return
        yield from self._content(record, offset, damages)

    def _all_records(self, damages: list[str]) -> Iterator[McapRecord]:
        """Records from the beginning of the file to its end, or to where it is damaged."""
        with self._path.open("rb") as file:
            records = _records_of(file, skip_magic=False)
            while True:
                offset = file.tell()
                try:
                    record = next(records)
                except StopIteration:
                    return
                except _DAMAGES as error:
                    damages.append(f"{self._path} breaks off or is damaged at byte {offset} ({_reason(error)})")
                    return
                yield from self._content(record, offset, damages)

    def _content(self, record: McapRecord, offset: int, damages: list[str]) -> Iterator[McapRecord]:
        """A record, or those in a chunk; schemas and channels are remembered."""
        for entry in _records_in(record, f"the chunk at byte {offset} of {self._path}", damages):
            if isinstance(entry, Schema):
                self._schemas[entry.id] = entry
            elif isinstance(entry, Channel):
                self._channels[entry.id] = entry
            yield entry


def _records_in(record: McapRecord, name: str, damages: list[str]) -> Iterator[McapRecord]:
    """The record itself, or those in a chunk, up to where it is damaged."""
    if not isinstance(record, Chunk):
        yield record
        return
    try:
        stream, length = get_chunk_data_stream(record)
        data = BytesIO(stream.read(length))
        if record.uncompressed_crc not in (0, crc32(data.getbuffer())):
            damages.append(f"{name} is damaged (its checksum is wrong)")
        records = _records_of(data, skip_magic=True)
        while data.tell() < length:
            yield next(records)
    except (*_DAMAGES, StopIteration) as error:
        damages.append(f"{name} is damaged ({_reason(error)})")


def _records_of(file: BinaryIO, *, skip_magic: bool) -> Iterator[McapRecord]:
    reader = StreamReader(file, skip_magic=skip_magic, emit_chunks=True, record_size_limit=_MAX_RECORD)
    return iter(reader.records)


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
