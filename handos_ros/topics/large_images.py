"""The shipped profile of Fast DDS, which lets large images through, and when to use it.

What counts is the side that publishes the images (`benchmarks/lost_images.py`). Launch files import this too: it needs
neither rclpy nor the messages.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

PROFILE_NAME: Final = "config/fastdds_large_images.xml"
"""In this package's share folder."""
SHARED_MEMORY: Final = Path("/dev/shm")
NEEDED_MEMORY: Final = 96 << 20
"""Bytes that must be free in shared memory. A process with the profile takes 32 MiB of it at once, and one that finds
too little does without shared memory and loses every large image: this leaves room for a camera and one more."""
_VARIABLE: Final = "FASTDDS_DEFAULT_PROFILES_FILE"
_VARIABLE_BEFORE_KILTED: Final = "FASTRTPS_DEFAULT_PROFILES_FILE"
_CHOSEN_WITH: Final = (_VARIABLE, _VARIABLE_BEFORE_KILTED, "FASTDDS_BUILTIN_TRANSPORTS")
"""Variables with which users choose a profile or transport of their own."""
_CHOSEN_BY_FILE: Final = ("DEFAULT_FASTDDS_PROFILES.xml", "DEFAULT_FASTRTPS_PROFILES.xml")
"""Files in the working folder that Fast DDS reads by itself."""
_FAST_DDS: Final = ("", "rmw_fastrtps_cpp", "rmw_fastrtps_dynamic_cpp")
"""Values of RMW_IMPLEMENTATION for which the profile has a meaning; empty: the distribution's default."""


def profile_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that let large images through Fast DDS; empty where the user has chosen, or shared memory is too small.

    They count for processes started with them, and for this one until `rclpy.init`.

    Parameters
    ----------
    environment
        As the process will have it, such as `os.environ`.
    """
    profile = profile_file()
    if profile is None or not _applies_to(environment) or not _has_room():
        return {}
    return {profile_variable(): str(profile)}


def memory_warning(environment: Mapping[str, str]) -> str | None:
    """What to tell the user where only the size of the shared memory keeps the profile away; ``None``: it does not."""
    if not _applies_to(environment) or _has_room():
        return None
    return (
        f"{SHARED_MEMORY} has less than {NEEDED_MEMORY >> 20} MiB free, so large images may get lost: start the "
        "container with --shm-size=256m or --ipc=host"
    )


def profile_file() -> Path | None:
    """The shipped profile; ``None`` where this package is not installed."""
    return _shared_file("handos_ros", PROFILE_NAME)


def profile_variable() -> str:
    """The environment variable that names a profile, which is another one since Fast DDS 3."""
    manifest = _shared_file("rmw_fastrtps_cpp", "package.xml")
    is_old = manifest is not None and "depend>fastrtps<" in manifest.read_text(encoding="utf-8")
    return _VARIABLE_BEFORE_KILTED if is_old else _VARIABLE


def _shared_file(package: str, name: str) -> Path | None:
    """A file in a package's share folder; ``None`` where either is missing."""
    try:
        file = Path(get_package_share_directory(package), name)
    except (PackageNotFoundError, OSError):  # OSError: ROS is not sourced
        return None
    return file if file.is_file() else None


def _applies_to(environment: Mapping[str, str]) -> bool:
    """Whether Fast DDS runs, with nothing that the user has chosen."""
    is_chosen = any(environment.get(name) for name in _CHOSEN_WITH)
    is_chosen |= any(Path(name).is_file() for name in _CHOSEN_BY_FILE)
    return environment.get("RMW_IMPLEMENTATION", "") in _FAST_DDS and not is_chosen


def _has_room() -> bool:
    try:
        memory = os.statvfs(SHARED_MEMORY)
    except OSError:
        return False
    return memory.f_bavail * memory.f_frsize >= NEEDED_MEMORY
