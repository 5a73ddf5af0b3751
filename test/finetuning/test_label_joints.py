"""`scripts/label_joints.py`: joints for photographs with boxes, where the shipped network is certain of them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from handos_model.datasets.boxed_photographs import BoxedPhotographs
from handos_model.files.images import write_image
from handos_model.inference.pipeline import HandPipeline
from handos_model.recordings.source import open_source

ROOT = Path(__file__).parents[2]


def test_a_hand_in_a_box_gets_its_joints_and_an_empty_box_none(tmp_path: Path) -> None:
    image = next(iter(open_source(str(ROOT / "demo/clip.mp4")).frames)).image
    height, width = image.shape[:2]
    (hand, *_others) = HandPipeline.load()(image)
    write_image(tmp_path / "boxes/images/a.png", image)
    entry = {"image": "a.png", "source": "demo", "width": width, "height": height, "complete": False}
    boxes = [hand.box.tolist(), [1, 1, 9, 9]]
    (tmp_path / "boxes/labels.json").write_text(json.dumps([entry | {"boxes": boxes}]))
    command = [sys.executable, str(ROOT / "scripts/label_joints.py"), str(tmp_path / "boxes")]
    said = subprocess.run([*command, "--out", str(tmp_path / "out")], check=True, capture_output=True, text=True)
    assert said.stdout == f"2 hands, 1 with joints: {tmp_path / 'out'}\n"
    (labelled,) = BoxedPhotographs(tmp_path / "out")
    assert [each.has_joints for each in labelled.hands] == [True, False]
    assert labelled.hands[0].handedness == hand.handedness
    side = float((hand.box[2:] - hand.box[:2]).max())
    assert np.linalg.norm(labelled.hands[0].joints_2d - hand.joints_2d, axis=-1).mean() < 0.05 * side
    np.testing.assert_array_equal(labelled.image, image)
