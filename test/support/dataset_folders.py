"""Small data sets in the layouts in which FreiHAND, HO3D, DexYCB and HInt are published."""

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from handos_model.datasets.dexycb import CAMERAS, SEQUENCES_PER_SUBJECT, SUBJECTS
from handos_model.geometry.arrays import Float64Array
from handos_model.geometry.intrinsics import CameraIntrinsics

GroundTruth = tuple[Float64Array, Float64Array]
"""Joints (21, 3) and vertices (778, 3), metres, camera optical frame."""

TO_HO3D_ORDER = [0, 5, 6, 7, 9, 10, 11, 17, 18, 19, 13, 14, 15, 1, 2, 3, 4, 8, 12, 16, 20]
"""Our joints in the order of HO3D's files, written out finger by finger from the figure that HO3D publishes."""


def random_hands(count: int, seed: int = 0) -> list[GroundTruth]:
    """Hands half a metre in front of the camera."""
    rng = np.random.default_rng(seed)
    position = (0.02, -0.03, 0.5)
    return [(rng.normal(position, 0.02, (21, 3)), rng.normal(position, 0.02, (778, 3))) for _ in range(count)]


def matrix_of(camera: CameraIntrinsics) -> Float64Array:
    """(3, 3)"""
    return np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1.0]])


def write_grey_image(path: Path, width: int, height: int, level: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), level, np.uint8))


def write_freihand(
    folder: Path, split: str, hands: Sequence[GroundTruth], camera: CameraIntrinsics, level: int = 90
) -> Path:
    """FreiHAND v2: JSON lists and folders of images, four images per training pose."""
    folder.mkdir(parents=True, exist_ok=True)
    lists: dict[str, list[Any]] = {
        "K": [matrix_of(camera).tolist() for _ in hands],
        "xyz": [joints.tolist() for joints, _ in hands],
        "verts": [vertices.tolist() for _, vertices in hands],
        "scale": [float(np.linalg.norm(joints[9] - joints[10])) for joints, _ in hands],
        "mano": [np.zeros((1, 61)).tolist() for _ in hands],
    }
    for name, values in lists.items():
        (folder / f"{split}_{name}.json").write_text(json.dumps(values))
    for index in range(len(hands) * (4 if split == "training" else 1)):
        write_grey_image(folder / split / "rgb" / f"{index:08d}.jpg", 224, 224, level)
    return folder


def write_ho3d(
    folder: Path,
    split: str,
    hands: Sequence[GroundTruth | None],
    camera: CameraIntrinsics,
    version: str = "v3",
    with_ground_truth: bool = True,
) -> Path:
    """HO3D: a pickle per frame, OpenGL axes, MANO's joint order; ``None`` is a frame without annotation."""
    entries = [f"SEQ{index % 2}/{index:04d}" for index in range(len(hands))]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{split}.txt").write_text("\n".join(entries) + "\n")
    joints_out, vertices_out = [], []
    for entry, hand in zip(entries, hands, strict=True):
        sequence, frame = entry.split("/")
        write_grey_image(folder / split / sequence / "rgb" / f"{frame}.{'png' if version == 'v2' else 'jpg'}", 640, 480)
        meta: dict[str, Any] = {"camMat": None, "handJoints3D": None, "objName": "003_cracker_box", "objRot": None}
        if hand is not None:
            joints, vertices = (points * (1, -1, -1) for points in hand)
            joints_out.append(joints[TO_HO3D_ORDER].tolist())
            vertices_out.append(vertices.tolist())
            meta |= {"camMat": matrix_of(camera), "objRot": np.zeros((3, 1)), "objTrans": np.zeros(3), "objLabel": 2}
            meta |= (
                {
                    "handJoints3D": joints[TO_HO3D_ORDER],
                    "handPose": np.zeros(48),
                    "handTrans": np.zeros(3),
                    "handBeta": np.zeros(10),
                }
                if split == "train"
                else {"handJoints3D": joints[0], "handBoundingBox": [200, 120, 440, 330]}
            )
        path = folder / split / sequence / "meta" / f"{frame}.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(meta, protocol=2))
    if split == "evaluation" and with_ground_truth:
        (folder / "evaluation_xyz.json").write_text(json.dumps(joints_out))
        (folder / "evaluation_verts.json").write_text(json.dumps(vertices_out))
    return folder


def write_dexycb(
    folder: Path,
    joints: Sequence[Float64Array | None],
    cameras: Sequence[CameraIntrinsics],
    subjects: Sequence[int],
    written_sequences: Sequence[int],
    written_cameras: Sequence[int],
) -> Path:
    """DexYCB: all sequences' folders with their meta.yml, frames in some of them, images and labels of some cameras.

    `joints` are those of the frames of a sequence; ``None`` is a frame without annotation. Sequences with an odd number
    show left hands. Equal files are hard links to one file.
    """
    for serial, camera in zip(CAMERAS, cameras, strict=True):
        path = folder / "calibration" / "intrinsics" / f"{serial}_640x480.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = f"{{fx: {camera.fx}, fy: {camera.fy}, ppx: {camera.cx}, ppy: {camera.cy}}}"
        path.write_text(f"color: {values}\ndepth: {values}\nwidth: 640\nheight: 480\n")
        _write_dexycb_frames(folder / "first" / serial, joints, camera)
    for subject in subjects:
        for sequence in range(SEQUENCES_PER_SUBJECT):
            recording = folder / SUBJECTS[subject] / f"20200709_{140000 + sequence}"
            recording.mkdir(parents=True)
            frames = len(joints) if sequence in written_sequences else 0
            (recording / "meta.yml").write_text(
                f"mano_calib: [20200709-subject-01_right]\nmano_sides: [{'left' if sequence % 2 else 'right'}]\n"
                f"num_frames: {frames}\nserials: {list(CAMERAS)}\nycb_grasp_ind: 0\nycb_ids: [1, 11]\n"
            )
            for serial in [CAMERAS[k] for k in written_cameras if sequence in written_sequences]:
                (recording / serial).mkdir()
                for file in (folder / "first" / serial).iterdir():
                    (recording / serial / file.name).hardlink_to(file)
    return folder


def _write_dexycb_frames(folder: Path, hands: Sequence[Float64Array | None], camera: CameraIntrinsics) -> None:
    for frame, hand in enumerate(hands):
        write_grey_image(folder / f"color_{frame:06d}.jpg", 640, 480)
        joints, joints_2d = np.full((1, 21, 3), -1.0), np.full((1, 21, 2), -1.0)
        if hand is not None:
            joints[0] = hand
            joints_2d[0] = hand @ matrix_of(camera)[:2].T / hand[:, 2:]
        np.savez_compressed(
            folder / f"labels_{frame:06d}.npz",
            seg=np.zeros((480, 640), np.uint8),
            pose_y=np.zeros((2, 3, 4), np.float32),
            pose_m=np.zeros((1, 51), np.float32),
            joint_3d=joints.astype(np.float32),
            joint_2d=joints_2d.astype(np.float32),
        )


def write_hint(
    folder: Path,
    name: str,
    hands: Sequence[Float64Array],
    boxes: Sequence[Sequence[float]],
    missing_joints: Sequence[int] = (),
) -> Path:
    """HInt: an image and a JSON file per hand; even ones are right hands, every third joint is occluded.

    `missing_joints` are marked as not annotated, and their keypoints are far off.
    """
    for index, (joints, box) in enumerate(zip(hands, boxes, strict=True)):
        stem = folder / name / f"ND_video_frame{index:06d}_{'l' if index % 2 else 'r'}"
        write_grey_image(stem.with_name(stem.name + ".jpg"), 640, 480)
        entry = {
            "bbox": [list(box)],
            "keypoints": [[-1e4, -1e4] if k in missing_joints else point for k, point in enumerate(joints.tolist())],
            "occlusion": [int(joint % 3 == 0) for joint in range(21)],
            "existence": [int(joint not in missing_joints) for joint in range(21)],
        }
        stem.with_name(stem.name + ".json").write_text(json.dumps([entry]))
    return folder
