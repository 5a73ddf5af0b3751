"""The shipped profile of Fast DDS is used where the user has chosen nothing else, by the player too."""

import os
import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from node_process import Client, ros_process
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from handos_ros.topics.large_images import (
    NEEDED_MEMORY,
    memory_warning,
    profile_environment,
    profile_file,
    profile_variable,
)

SEGMENT = 32 << 20
"""Bytes of shared memory that a process with the profile takes."""


def test_the_profile_is_set_where_nothing_is_chosen() -> None:
    ((variable, profile),) = profile_environment({"HOME": "/root"}).items()
    assert variable == profile_variable()
    assert Path(profile).is_file()


@pytest.mark.parametrize(
    ("library", "variable"),
    [("fastdds", "FASTDDS_DEFAULT_PROFILES_FILE"), ("fastrtps", "FASTRTPS_DEFAULT_PROFILES_FILE")],
)
def test_each_generation_of_fast_dds_reads_a_variable_of_its_own(
    library: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    for folder in ("share/ament_index/resource_index/packages", "share/rmw_fastrtps_cpp"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "share/ament_index/resource_index/packages/rmw_fastrtps_cpp").touch()
    (tmp_path / "share/rmw_fastrtps_cpp/package.xml").write_text(
        "<exec_depend>rosidl_dynamic_typesupport_fastrtps</exec_depend>"
        f"<build_export_depend>{library}</build_export_depend>"
    )
    assert profile_variable() == variable


@pytest.mark.parametrize("rmw", ["", "rmw_fastrtps_cpp", "rmw_fastrtps_dynamic_cpp"])
def test_the_profile_is_set_for_fast_dds_by_name(rmw: str) -> None:
    assert profile_environment({"RMW_IMPLEMENTATION": rmw})


@pytest.mark.parametrize(
    "chosen",
    [
        {"FASTDDS_DEFAULT_PROFILES_FILE": "/mine.xml"},
        {"FASTRTPS_DEFAULT_PROFILES_FILE": "/mine.xml"},
        {"FASTDDS_BUILTIN_TRANSPORTS": "LARGE_DATA"},
        {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"},
    ],
)
def test_what_the_user_has_chosen_is_kept(chosen: dict[str, str]) -> None:
    assert profile_environment(chosen) == {}
    assert memory_warning(chosen) is None


@pytest.mark.parametrize("name", ["DEFAULT_FASTDDS_PROFILES.xml", "DEFAULT_FASTRTPS_PROFILES.xml"])
def test_a_profile_in_the_working_folder_is_kept(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert profile_environment({})
    (tmp_path / name).write_text("<dds/>")
    assert profile_environment({}) == {}


@pytest.mark.parametrize("free", [NEEDED_MEMORY, NEEDED_MEMORY - 4096])
def test_a_small_shared_memory_is_left_alone_and_named(free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=free // 4096, f_frsize=4096))
    is_enough = free == NEEDED_MEMORY
    assert bool(profile_environment({})) == is_enough
    assert ("/dev/shm" in (memory_warning({}) or "")) != is_enough


@pytest.mark.parametrize("prefix", ["", "/usr"])
def test_where_the_package_is_not_installed_there_is_no_profile(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", prefix)
    assert profile_file() is None
    assert profile_environment({}) == {}


@pytest.mark.parametrize(("arguments", "takes_more"), [((), True), (("--no-large-images",), False)])
def test_the_player_takes_room_for_large_images(
    arguments: tuple[str, ...], takes_more: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(profile_variable(), raising=False)
    monkeypatch.delenv("FASTDDS_BUILTIN_TRANSPORTS", raising=False)
    video = write_video(tmp_path / "video.mp4")
    client = Client()
    images = client.collect(Image, "/image", qos_profile_sensor_data)
    with ros_process("player", video, "--wait-for", 1, *arguments, log=tmp_path / "log.txt") as player:
        client.until(lambda: images)
        largest = max(shared_memory_of(player.process.pid))
        assert (largest >= SEGMENT) == takes_more
    client.close()


def write_video(path: Path) -> Path:
    """Ten seconds of images that are small enough for every transport."""
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (64, 48))
    for _ in range(100):
        video.write(np.zeros((48, 64, 3), np.uint8))
    video.release()
    return path


def shared_memory_of(pid: int) -> list[int]:
    """Bytes of every block of Fast DDS's shared memory that a process uses (proc(5))."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    ranges = re.findall(r"^(\w+)-(\w+) .* /dev/shm/fast", maps, re.MULTILINE)
    return [int(end, 16) - int(start, 16) for start, end in ranges]
