"""Where compiled networks are kept between runs."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Folder of HandOS among the user's caches (XDG Base Directory Specification); it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "handos"
