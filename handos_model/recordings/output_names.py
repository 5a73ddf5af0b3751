"""Names of the files that belong to a source."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from handos_model.recordings.address import is_address
from handos_model.recordings.source import SourceKind


def source_stem(name: str, kind: SourceKind) -> str:
    """Name of a source's file without its suffix.

    Parameters
    ----------
    name, kind
        Of the source.
    """
    if kind == "bag":
        bag, _, topic = name.rpartition(":")
        return f"{Path(bag).resolve().stem}{topic.replace('/', '_')}"
    if kind == "folder":
        return Path(name).resolve().name
    return _address_stem(name) if is_address(name) else Path(name).stem


def require_separate_stems(kinds: Mapping[str, SourceKind]) -> None:
    """Raise ValueError if files of two sources, given by name and kind, would have the same name."""
    names = Counter(source_stem(name, kind) for name, kind in kinds.items())
    duplicates = sorted(name for name, count in names.items() if count > 1)
    if duplicates:
        raise ValueError(
            f"several sources are named {', '.join(duplicates)}, so their files would overwrite each other: run them "
            "one by one, each into a folder of its own"
        )


def _address_stem(address: str) -> str:
    parts = urlsplit(address)
    return re.sub(r"[^\w.-]+", "_", Path(parts.path).stem or parts.netloc)
