"""rosbag2's SQLite files (.db3), whole, damaged and cut off."""

import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from handos_model.recordings.bags.bag_file import BagError, BagMessage, BagTopic

_DAMAGES: Final = (sqlite3.DatabaseError, MemoryError)
"""What SQLite raises on damaged bytes."""
_MAX_MISSING: Final = 10_000
"""Messages one after another that cannot be read, after which no others are looked for behind them."""


class SqliteFile:
    """A database with messages of ROS 2."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = sqlite3.connect(_address(path), uri=True)
        # SQLite refuses a file that is shorter than it should be, unless it is told that it may be damaged.
        self._database.execute("PRAGMA writable_schema = ON")
        try:
            rows = self._database.execute("SELECT id, name, type, serialization_format FROM topics").fetchall()
        except _DAMAGES as error:
            raise BagError(
                f"bag {path} cannot be read ({error}): it is no rosbag2 database, or its beginning is damaged"
            ) from error
        self._topics = {row[0]: (row[1], row[2]) for row in rows if row[3] == "cdr"}

    def topics(self) -> list[BagTopic]:
        """As `BagFile`."""
        try:
            counts = dict(self._database.execute("SELECT topic_id, COUNT(*) FROM messages GROUP BY topic_id"))
        except _DAMAGES:
            return [BagTopic(name, kind, None) for name, kind in self._topics.values()]
        return [BagTopic(name, kind, counts.get(key, 0)) for key, (name, kind) in self._topics.items()]

    def messages(self, topics: Collection[str], damages: list[str]) -> Iterator[BagMessage]:
        """As `BagFile`; behind a message that cannot be read it goes on with the next."""
        names = {key: name for key, (name, _) in self._topics.items() if name in topics}
        last, missing, reason = 0, 0, ""
        while missing < _MAX_MISSING:
            try:
                for row, topic, received, data in self._rows_behind(last, list(names)):
                    last, missing = row, 0
                    yield BagMessage(names[topic], received, data)
                break
            except _DAMAGES as error:
                last, missing, reason = last + 1, missing + 1, f"{self._path} is damaged or cut off ({error})"
        if reason:
            damages.append(reason)

    def _rows_behind(self, last: int, topics: list[int]) -> sqlite3.Cursor:
        return self._database.execute(
            "SELECT id, topic_id, timestamp, data FROM messages "
            f"WHERE id > ? AND topic_id IN ({', '.join('?' * len(topics))}) ORDER BY id",
            (last, *topics),
        )


def _address(path: Path) -> str:
    """URI of a database that is not written to, with the messages that a killed recorder left in its -wal file."""
    log = path.with_name(f"{path.name}-wal")
    has_log = log.is_file() and log.stat().st_size > 0
    return f"file:{quote(str(path.resolve()))}?{'mode=ro' if has_log else 'immutable=1'}"
