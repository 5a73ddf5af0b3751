"""rosbag2 bags as sources: their cameras, calibrations, stamps and depth; damaged and cut-off ones."""

import functools
import sqlite3
import tempfile
import zlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_bags import (
    CAMERA,
    START,
    STEP,
    Recorded,
    camera_info,
    camera_messages,
    compressed_image,
    grey,
    header,
    raw_image,
    write_bag,
)
from rosbags.rosbag2 import CompressionMode, StoragePlugin

from handos_model.files.images import write_image
from handos_model.geometry.camera_info import Calibration
from handos_model.geometry.lens import LensDistortion
from handos_model.recordings.bags.bag_cameras import TopicChoice
from handos_model.recordings.bags.bag_source import open_bag
from handos_model.recordings.frame import Frame, RecordedHeader, SourceError
from handos_model.recordings.source import FrameSource, is_bag, open_source

BOTH = pytest.mark.parametrize("storage", [StoragePlugin.SQLITE3, StoragePlugin.MCAP])
IMAGES, DEPTHS = "/camera/image_raw", "/camera/depth"


def open_only(path: Path, *topics: str, depth: str | None = None) -> FrameSource:
    (source,) = open_bag(path, TopicChoice(topics, () if depth is None else (depth,)))
    return source


def read_until_failure(source: FrameSource) -> tuple[list[Frame], str]:
    frames: list[Frame] = []

    def read() -> None:
        for frame in source.frames:
            frames.append(frame)

    with pytest.raises(SourceError) as failure:
        read()
    return frames, str(failure.value)


def overwrite(path: Path, start: int, content: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[start : start + len(content)] = content
    path.write_bytes(data)


@BOTH
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("compression", [CompressionMode.NONE, CompressionMode.FILE, CompressionMode.MESSAGE])
def test_a_bag_yields_its_images_with_calibration_and_stamps(
    storage: StoragePlugin, compressed: bool, compression: CompressionMode, tmp_path: Path
) -> None:
    file = write_bag(tmp_path / "drive", camera_messages(3, compressed=compressed), storage, compression)
    for path in (tmp_path / "drive", file):
        assert is_bag(path)
        source = open_only(path)
        topic = IMAGES + "/compressed" * compressed
        assert (source.name, source.frame_count, source.kind) == (f"{path}:{topic}", 3, "bag")
        assert source.frame_rate == pytest.approx(25)
        frames = list(source.frames)
        assert [frame.index for frame in frames] == [0, 1, 2]
        assert [frame.stamp for frame in frames] == [(START + k * STEP) / 1e9 for k in range(3)]
        assert frames[1].header == RecordedHeader(START + STEP, "camera_optical_frame")
        assert [frame.image.mean() for frame in frames] == pytest.approx([10, 11, 12], abs=1)
        assert [frame.calibration for frame in frames] == [Calibration(CAMERA)] * 3


def test_the_chunks_of_a_compressed_mcap_file_are_read(tmp_path: Path) -> None:
    file = write_bag(tmp_path / "drive", camera_messages(3), compression=CompressionMode.STORAGE)
    assert len(list(open_only(file).frames)) == 3


def test_a_split_bag_is_read_in_order(tmp_path: Path) -> None:
    messages = camera_messages(6)
    first, second = write_bag(tmp_path / "a", messages[:6]), write_bag(tmp_path / "b", messages[6:])
    first.rename(tmp_path / "a" / "drive_9.mcap")
    second.rename(tmp_path / "a" / "drive_10.mcap")
    (tmp_path / "a" / "metadata.yaml").unlink()
    assert [frame.image[0, 0, 0] for frame in open_only(tmp_path / "a").frames] == [10, 11, 12, 13, 14, 15]


def test_the_lens_of_the_camera_info_applies_unless_the_images_are_rectified(tmp_path: Path) -> None:
    info = camera_info(CAMERA, START, d=[0.1, 0, 0, 0, 0])
    messages = [Recorded("/camera/camera_info", START, info)]
    messages += [Recorded(f"/camera/{name}", START, raw_image(grey(1), START)) for name in ("image_raw", "image_rect")]
    write_bag(tmp_path / "drive", messages)
    raw, rectified = open_bag(tmp_path / "drive", TopicChoice((IMAGES, "/camera/image_rect")))
    assert next(raw.frames).calibration == Calibration(CAMERA, LensDistortion("radial_tangential", (0.1, 0, 0, 0, 0)))
    assert next(rectified.frames).calibration == Calibration(CAMERA)


def test_a_camera_info_that_comes_after_the_first_image_applies_to_it_too(tmp_path: Path) -> None:
    messages = camera_messages(2)
    write_bag(tmp_path / "drive", [messages[1], messages[0], messages[3]])
    assert [frame.calibration for frame in open_only(tmp_path / "drive").frames] == [Calibration(CAMERA)] * 2


def test_an_unusable_camera_info_is_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_bag(tmp_path / "drive", [replace(m, message=uncalibrated(m)) for m in camera_messages(3)])
    assert [frame.calibration for frame in open_only(tmp_path / "drive").frames] == [None] * 3
    assert caplog.text.count("/camera/camera_info is not used") == 1


def uncalibrated(recorded: Recorded) -> object:
    if recorded.topic.endswith("camera_info"):
        recorded.message.k[:] = 0
    return recorded.message


def test_a_bag_without_camera_info_is_said_to_have_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_bag(tmp_path / "drive", camera_messages(1, camera=None))
    assert next(open_only(tmp_path / "drive").frames).calibration is None
    assert "no camera_info" in caplog.text


def test_of_several_cameras_some_are_named(tmp_path: Path) -> None:
    write_bag(tmp_path / "drive", [*camera_messages(2, "/left"), *camera_messages(3, "/right", compressed=True)])
    with pytest.raises(SourceError, match=r"several cameras.*--topic.*/left/image_raw, /right/image_raw/compressed"):
        open_only(tmp_path / "drive")
    chosen = TopicChoice(("/right/image_raw/compressed", "/left/image_raw"))
    assert [len(list(source.frames)) for source in open_bag(tmp_path / "drive", chosen)] == [3, 2]
    with pytest.raises(SourceError, match="--topic /left/camera_info"):
        open_only(tmp_path / "drive", "/left/camera_info")


def test_one_camera_recorded_raw_and_compressed_beside_its_depth_is_one_camera(tmp_path: Path) -> None:
    messages = [*camera_messages(2), *camera_messages(2, compressed=True, camera=None)]
    messages.append(Recorded(DEPTHS, START, raw_image(np.ones((240, 320), "<u2"), START, "16UC1")))
    write_bag(tmp_path / "drive", messages)
    assert open_only(tmp_path / "drive").name.endswith(":/camera/image_raw")


def test_a_bag_without_images_names_what_it_has(tmp_path: Path) -> None:
    write_bag(tmp_path / "drive", [m for m in camera_messages(2) if m.topic.endswith("camera_info")])
    with pytest.raises(SourceError, match=r"no camera.*/camera/camera_info \(sensor_msgs/msg/CameraInfo\)"):
        open_only(tmp_path / "drive")


@pytest.mark.parametrize("late", [False, True])
def test_depth_of_the_same_time_belongs_to_an_image_in_whatever_order_they_were_recorded(
    late: bool, tmp_path: Path
) -> None:
    messages = camera_messages(4, camera=None)
    depths = [
        Recorded(DEPTHS, START + k * STEP, raw_image(np.full((240, 320), 500 + k, "<u2"), START + k * STEP, "16UC1"))
        for k in (0, 1, 3)
    ]
    write_bag(tmp_path / "drive", [*messages, *depths] if late else [*depths, *messages])
    frames = list(open_only(tmp_path / "drive", IMAGES, depth=DEPTHS).frames)
    assert [None if frame.depth is None else frame.depth[0, 0] for frame in frames] == [
        *(pytest.approx(0.5), pytest.approx(0.501), None, pytest.approx(0.503))
    ]


def test_depth_of_another_size_is_not_used_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    depth = Recorded(DEPTHS, START, raw_image(np.ones((10, 10), "<f4"), START, "32FC1"))
    write_bag(tmp_path / "drive", [depth, *camera_messages(1)])
    assert next(open_only(tmp_path / "drive", depth=DEPTHS).frames).depth is None
    assert "10 x 10" in caplog.text


def test_a_topic_is_named_once() -> None:
    with pytest.raises(ValueError, match="--topic /left"):
        TopicChoice(("/left", "/right", "/left"))


def test_programs_that_play_videos_name_a_bag(tmp_path: Path) -> None:
    write_bag(tmp_path / "drive", camera_messages(1))
    with pytest.raises(SourceError, match="drive is a bag"):
        open_source(tmp_path / "drive")


def test_a_depth_topic_belongs_to_each_image_topic() -> None:
    with pytest.raises(ValueError, match="--depth-topic"):
        TopicChoice(("/left", "/right"), ("/depth",))


@pytest.mark.parametrize("stamps", [(0, 0, 0), (5, 5, 5), (5, 6, 2)])
def test_stamps_that_do_not_increase_are_replaced_by_times_of_recording(
    stamps: tuple[int, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [Recorded(IMAGES, START + k * STEP, raw_image(grey(1), stamp * 10**9)) for k, stamp in enumerate(stamps)]
    write_bag(tmp_path / "drive", messages)
    times = [frame.stamp for frame in open_only(tmp_path / "drive").frames]
    assert times[0] == (START / 1e9 if stamps[0] == 0 else 5)
    assert times[2] - times[1] == pytest.approx(0.04, abs=1e-6)
    assert caplog.text.count("times of recording") == 1


@BOTH
@pytest.mark.parametrize("has_metadata", [True, False])
def test_of_a_bag_that_is_cut_off_the_beginning_is_used_and_the_rest_said(
    storage: StoragePlugin, has_metadata: bool, tmp_path: Path
) -> None:
    file = write_bag(tmp_path / "drive", camera_messages(20), storage)
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    if not has_metadata:
        (tmp_path / "drive" / "metadata.yaml").unlink()
    frames, failure = read_until_failure(open_only(tmp_path / "drive"))
    assert 8 <= len(frames) <= 14
    assert [frame.image[0, 0, 0] for frame in frames] == [10 + k for k in range(len(frames))]
    assert f"{len(frames)} of 20 images" in failure if has_metadata else f"{len(frames)} " in failure
    assert str(file) in failure


@BOTH
def test_behind_a_damage_the_other_images_are_used(storage: StoragePlugin, tmp_path: Path) -> None:
    file = write_bag(tmp_path / "drive", camera_messages(40), storage)
    overwrite(file, file.stat().st_size // 2, b"\xff" * 300_000)
    frames, failure = read_until_failure(open_only(tmp_path / "drive"))
    assert frames[0].image[0, 0, 0] == 10
    assert frames[-1].image[0, 0, 0] == 49
    assert 25 <= len(frames) <= 39
    assert f"{len(frames)} of 40 images" in failure


def test_images_that_cannot_be_decoded_cost_only_themselves(tmp_path: Path) -> None:
    messages = camera_messages(4, compressed=True, camera=None)
    messages[1] = replace(messages[1], message=compressed_image(grey(1), START + STEP, b"no jpeg"))
    write_bag(tmp_path / "drive", messages)
    frames, failure = read_until_failure(open_only(tmp_path / "drive"))
    assert [frame.index for frame in frames] == [0, 2, 3]
    assert "3 of 4 images could be read: image 1: compressed image" in failure


def test_a_checksum_that_is_wrong_is_said(tmp_path: Path) -> None:
    file = write_bag(tmp_path / "drive", camera_messages(2))
    data = file.read_bytes()
    chunk = data.index(b"\x06", 30)  # opcode of a chunk; its content's checksum lies 24 bytes behind the length
    overwrite(file, chunk + 9 + 24, (zlib.crc32(b"another content")).to_bytes(4, "little"))
    frames, failure = read_until_failure(open_only(file))
    assert len(frames) == 2
    assert "checksum" in failure


def test_a_missing_file_of_a_split_bag_is_named(tmp_path: Path) -> None:
    write_bag(tmp_path / "drive", camera_messages(2))
    metadata = tmp_path / "drive" / "metadata.yaml"
    text = metadata.read_text().replace("- drive.mcap", "- drive.mcap\n  - drive_1.mcap", 1)
    metadata.write_text(text)
    frames, failure = read_until_failure(open_only(tmp_path / "drive"))
    assert len(frames) == 2
    assert "drive_1.mcap is missing" in failure


def test_messages_in_the_log_of_a_killed_recorder_are_read(tmp_path: Path) -> None:
    file = write_bag(tmp_path / "drive", camera_messages(1), StoragePlugin.SQLITE3)
    (tmp_path / "drive" / "metadata.yaml").unlink()
    database = sqlite3.connect(file)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("INSERT INTO messages SELECT id + 10, topic_id, timestamp + 1, data FROM messages")
    database.commit()
    assert len(list(open_only(file).frames)) == 2
    database.close()


@pytest.mark.parametrize("name", ["drive.mcap", "drive.db3", "drive.mcap.zstd"])
@pytest.mark.parametrize("content", [b"", b"not a bag", bytes(5000)])
def test_files_that_are_no_bags_are_refused_by_name(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=name.removesuffix(".zstd")):
        open_only(tmp_path / name)


def test_folders_of_images_are_no_bags(tmp_path: Path) -> None:
    assert not is_bag(tmp_path)
    (tmp_path / "metadata.yaml").write_text("title: holiday")
    write_image(tmp_path / "a.png", grey(1))
    assert not is_bag(tmp_path)
    assert open_source(tmp_path).kind == "folder"
    assert not is_bag("rtsp://camera/drive.mcap")


def test_the_header_of_a_depth_without_an_image_costs_nothing(tmp_path: Path) -> None:
    later = START + 10 * STEP
    depth = raw_image(np.ones((240, 320), "<u2"), START, "16UC1")
    depth.header = header(later)
    write_bag(tmp_path / "drive", [*camera_messages(2, camera=None), Recorded(DEPTHS, later, depth)])
    assert [frame.depth for frame in open_only(tmp_path / "drive", IMAGES, depth=DEPTHS).frames] == [None, None]


@functools.cache
def small_bag(storage: StoragePlugin, compression: CompressionMode) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        messages = camera_messages(6, compressed=True)
        return write_bag(Path(folder) / "drive", messages, storage, compression).read_bytes()


@given(
    kind=st.sampled_from(
        [
            (StoragePlugin.MCAP, CompressionMode.NONE, ".mcap"),
            (StoragePlugin.MCAP, CompressionMode.STORAGE, ".mcap"),
            (StoragePlugin.SQLITE3, CompressionMode.MESSAGE, ".db3"),
            (StoragePlugin.SQLITE3, CompressionMode.FILE, ".db3.zstd"),
        ]
    ),
    damages=st.lists(st.tuples(st.floats(0, 0.999), st.binary(min_size=1, max_size=40)), max_size=4),
    length=st.sampled_from([1.0, 1.0, 0.99, 0.5, 0.01]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_damaged_images_come_or_the_damage_is_said(
    kind: tuple[StoragePlugin, CompressionMode, str], damages: list[tuple[float, bytes]], length: float
) -> None:
    *written_as, suffix = kind
    data = bytearray(small_bag(*written_as))
    for position, content in damages:
        start = int(position * len(data))
        data[start : start + len(content)] = content
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"drive{suffix}"
        path.write_bytes(data[: int(length * len(data))])
        try:
            stamps = [frame.stamp for frame in open_only(path).frames]
        except SourceError:
            return
    assert all(earlier < later for earlier, later in pairwise(stamps))
