"""Annotated folders: frames are read back as written; damaged shards are reported."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handos_model.datasets.annotated_folder import AnnotatedFolder, shard_path, write_shard
from handos_model.datasets.annotations import AnnotatedHand, AnnotatedImage, hand_without_joints
from handos_model.geometry.intrinsics import CameraIntrinsics


def full_hand(rng: np.random.Generator) -> AnnotatedHand:
    return AnnotatedHand(
        box=rng.random(4, np.float32) * 60,
        joints_2d=rng.random((21, 2), np.float32) * 64,
        handedness="right",
        visibility=rng.random(21) < 0.5,
        joints_3d=rng.random((21, 3), np.float32),
        vertices=rng.random((778, 3), np.float32),
    )


def bare_hand(rng: np.random.Generator) -> AnnotatedHand:
    return AnnotatedHand(rng.random(4, np.float32), rng.random((21, 2), np.float32), "left")


def frames_of_all_kinds() -> list[AnnotatedImage]:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:64, 0:96]
    image = np.stack([x * 2, y * 3, x + y], axis=-1).astype(np.uint8)
    parts = rng.integers(0, 7, (64, 96)).astype(np.uint8)
    camera = CameraIntrinsics(80.0, 81.0, -12.5, 300.25)
    return [
        AnnotatedImage(image, (full_hand(rng), bare_hand(rng)), camera, parts),
        AnnotatedImage(image[::-1].copy(), (), None, None),
        AnnotatedImage(image, (full_hand(rng),), camera, None),
    ]


def equal(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return (a is None and b is None) or (a is not None and b is not None and np.array_equal(a, b))


def test_labels_are_read_back_exactly_and_images_nearly(tmp_path: Path) -> None:
    frames = frames_of_all_kinds()
    write_shard(tmp_path, 0, frames)
    for written, read in zip(frames, AnnotatedFolder(tmp_path), strict=True):
        assert np.abs(written.image.astype(int) - read.image).mean() < 4
        assert written.camera == read.camera
        assert equal(written.part_ids, read.part_ids)
        assert len(written.hands) == len(read.hands)
        for a, b in zip(written.hands, read.hands, strict=True):
            assert a.handedness == b.handedness
            for name in ("box", "joints_2d", "visibility", "joints_3d", "vertices"):
                assert equal(getattr(a, name), getattr(b, name)), name


def test_shards_are_read_in_order_as_one_sequence(tmp_path: Path) -> None:
    frames = frames_of_all_kinds()
    write_shard(tmp_path, 1, frames[:1])
    write_shard(tmp_path, 0, frames)
    folder = AnnotatedFolder(tmp_path)
    assert [len(frame.hands) for frame in folder] == [2, 0, 1, 2]
    assert len(folder[-1].hands) == 2
    assert [len(frame.hands) for frame in folder[1:3]] == [0, 1]
    with pytest.raises(IndexError, match="frame 4 of 4"):
        folder[4]


def test_pickling_keeps_only_the_path(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, frames_of_all_kinds())
    folder = AnnotatedFolder(tmp_path)
    pickled = pickle.dumps(folder)
    assert len(pickled) < 1000
    assert len(pickle.loads(pickled)) == len(folder)


def test_a_shard_without_hands_can_be_read(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, frames_of_all_kinds()[1:2])
    assert AnnotatedFolder(tmp_path)[0].hands == ()


def test_writing_leaves_no_temporary_files(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, frames_of_all_kinds())
    assert [path.name for path in tmp_path.iterdir()] == ["shard_00000.npz"]


def test_an_empty_folder_is_reported_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="handos synth"):
        AnnotatedFolder(tmp_path)


@pytest.mark.parametrize("kept", [0, 100, 3000])
def test_a_truncated_shard_is_named_with_the_remedy(tmp_path: Path, kept: int) -> None:
    path = write_shard(tmp_path, 7, frames_of_all_kinds())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"shard_00007\.npz.*elsewhere"):
        AnnotatedFolder(tmp_path)


def test_an_image_that_cannot_be_decoded_names_its_shard(tmp_path: Path) -> None:
    path = write_shard(tmp_path, 0, frames_of_all_kinds())
    content = path.read_bytes()
    start = content.index(b"\xff\xd8\xff")
    path.write_bytes(content[:start] + bytes(64) + content[start + 64 :])
    with pytest.raises(ValueError, match=r"shard_00000\.npz.*frame 0"):
        AnnotatedFolder(tmp_path)[0]


def test_shard_paths_sort_by_number(tmp_path: Path) -> None:
    assert shard_path(tmp_path, 12).name == "shard_00012.npz"


def test_boxes_without_joints_and_incomplete_images_are_read_back(tmp_path: Path) -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    box = np.array([10, 20, 30, 50], np.float32)
    partly = replace(bare_hand(np.random.default_rng(0)), annotated_joints=np.arange(21) < 5)
    frames = [AnnotatedImage(image, (hand_without_joints(box), partly), is_complete=False), AnnotatedImage(image, ())]
    write_shard(tmp_path, 0, frames)
    read = AnnotatedFolder(tmp_path)
    assert [frame.is_complete for frame in read] == [False, True]
    alone, other = read[0].hands
    assert not alone.has_joints
    assert alone.box.tolist() == box.tolist()
    assert np.isfinite(alone.joints_2d).all()
    assert equal(other.annotated_joints, partly.annotated_joints)
    np.testing.assert_allclose(other.joints_2d[:5], partly.joints_2d[:5])


def test_a_shard_of_an_earlier_version_is_complete(tmp_path: Path) -> None:
    path = write_shard(tmp_path, 0, frames_of_all_kinds())
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "is_complete"}
    np.savez(path, **arrays)  # type: ignore[arg-type]
    assert [frame.is_complete for frame in AnnotatedFolder(tmp_path)] == [True] * 3


def test_only_the_first_frames_are_opened_if_asked_for(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, frames_of_all_kinds())
    first = AnnotatedFolder(tmp_path, 2)
    assert len(first) == len(list(first)) == len(pickle.loads(pickle.dumps(first))) == 2
