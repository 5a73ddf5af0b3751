"""What travels to a lent GPU, and the whole run there in ten steps on the CPU (`-m slow`)."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")
from drawn_hands import drawn_hands

from handos_model.datasets.annotated_folder import write_shard
from handos_model.datasets.boxed_photographs import BoxedPhotographs
from handos_model.datasets.photographs import Photographs

ROOT = Path(__file__).parents[2]
SOURCES = ("home", "shikha")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn hands as rendered frames, as photographs and as photographs with boxes."""
    folder = tmp_path_factory.mktemp("data")
    frames = drawn_hands()
    write_shard(folder / "rendered", 0, frames)
    joints, boxes = {}, []
    for number, frame in enumerate(frames * 2):
        name, source = f"{number}.jpg", SOURCES[number % 2]
        image = cv2.resize(frame.image, (512, 512))
        for kind in ("photographs", "boxes"):
            (folder / kind / "images").mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / kind / "images" / name), image)
        (hand,) = frame.hands
        points = (4 * hand.joints_2d).tolist()
        joints[name] = {
            "size": [512, 512],
            "source": source,
            "hands": [{"joints_2d": points, "handedness": "right", "reliable": True}],
        }
        label = {"image": name, "width": 512, "height": 512, "boxes": [(4 * hand.box).tolist()]}
        known = {"joints_2d": points, "handedness": "right"} if number < 4 else None
        boxes.append(label | {"source": ("park", "us_ekip")[number % 2], "complete": number % 3 > 0, "hands": [known]})
    (folder / "photographs" / "labels.json").write_text(json.dumps(joints))
    (folder / "boxes" / "labels.json").write_text(json.dumps(boxes))
    return folder


def test_packed_photographs_keep_their_labels(data: Path, tmp_path: Path) -> None:
    pack = [sys.executable, str(ROOT / "scripts" / "gpu_pack.py"), "--out", str(tmp_path / "packs")]
    options = ["--photographs", str(data / "photographs"), "--boxes", str(data / "boxes")]
    said = subprocess.run([*pack, *options], check=True, capture_output=True, text=True).stdout
    assert "free in each of two calls" in said
    for archive in ("first.zip", "second.zip"):
        with zipfile.ZipFile(tmp_path / "packs" / archive) as packed:
            packed.extractall(tmp_path / "work")
    folder = tmp_path / "work" / "photographs"
    photographs = Photographs(folder / "images", folder / "labels.json", reliable=True)
    assert len(photographs) == 8
    for packed_image, frame in zip(photographs, drawn_hands(), strict=False):
        # Cropped and scaled, a hand is still where its joints are; the drawn wrist is bright, and inside the image.
        scale = np.ptp(packed_image.hands[0].joints_2d, axis=0) / np.ptp(frame.hands[0].joints_2d, axis=0)
        np.testing.assert_allclose(scale, scale.mean(), rtol=0.02)
        column, row = packed_image.hands[0].joints_2d[0].round().astype(int)
        assert packed_image.image[row, column, 2] > 150
        assert max(packed_image.image.shape) <= 384
    boxed = BoxedPhotographs(tmp_path / "work" / "boxes")
    assert [image.is_complete for image in boxed] == [number % 3 > 0 for number in range(8)]
    np.testing.assert_allclose(boxed[0].hands[0].box, 4 * drawn_hands()[0].hands[0].box, atol=0.1)
    assert [image.hands[0].has_joints for image in boxed] == [number < 4 for number in range(8)]
    np.testing.assert_allclose(boxed[0].hands[0].joints_2d, 4 * drawn_hands()[0].hands[0].joints_2d, atol=0.1)


def test_what_does_not_exist_is_named(tmp_path: Path) -> None:
    pack = [sys.executable, str(ROOT / "scripts" / "gpu_pack.py"), "--out", str(tmp_path), "--assets", "/gone"]
    refused = subprocess.run(pack, check=False, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "/gone is not a folder: check --assets" in refused.stderr


@pytest.mark.slow
def test_the_whole_run_ends_on_a_cpu(data: Path, tmp_path: Path) -> None:
    command = [str(ROOT / "scripts" / "gpu_training.sh"), "dry-run"]
    for kind in ("rendered", "photographs", "boxes"):
        command += [f"--{kind}", str(data / kind)]
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "TMPDIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    for expected in ("the detector is trained", "the decoder is trained", '"boxes at 640"', "dry run: complete"):
        assert expected in said
