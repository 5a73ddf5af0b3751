"""What holds for `hands.jsonl` of all plausible hands: what is read is what was written."""

import json
import tempfile
from pathlib import Path

import numpy as np
from any_hands import SHAPE, tracked_hands
from hands import CAMERA
from hypothesis import given, settings
from hypothesis import strategies as st

from handos_model.hand.hand import Hand
from handos_model.recordings.camera_choice import FrameCamera
from handos_model.recordings.frame import Frame
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.json_lines import ResultsWriter, read_frames

IMAGE = np.zeros(SHAPE, np.uint8)
FRAMES = st.builds(
    lambda source, index, stamp: Frame(IMAGE, source, index, stamp),
    st.text(st.characters(), max_size=20),
    st.integers(0, 2**53),
    st.floats(-1e9, 1e12),
)
DIGITS = {"box": 2, "joints_2d": 2, "joint_scores": 4, "score": 4, "handedness_score": 4, "joints_3d": 5, "vertices": 5}
"""Decimal places that are written."""


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(FRAMES, tracked_hands()), max_size=4), st.booleans(), st.booleans())
def test_lines_read_back_are_the_frames_and_hands_that_were_written(
    frames: list[tuple[Frame, tuple[Hand, ...]]], with_vertices: bool, is_resumed: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hands.jsonl"
        with ResultsWriter(path, with_vertices=with_vertices, resume=is_resumed) as writer:
            for frame, hands in frames:
                writer.write(FrameHands(frame, hands, FrameCamera(CAMERA)))
        read = list(read_frames(path))
    assert [(source, index) for source, index, _ in read] == [(frame.source, frame.index) for frame, _ in frames]
    for (_, _, line), (frame, hands) in zip(read, frames, strict=True):
        values = json.loads(line)
        assert abs(values["stamp"] - frame.stamp) <= 1e-6 * max(1, abs(frame.stamp))
        assert len(values["hands"]) == len(hands)
        for entry, hand in zip(values["hands"], hands, strict=True):
            assert_same_hand(entry, hand, with_vertices)


def assert_same_hand(entry: dict[str, object], hand: Hand, with_vertices: bool) -> None:
    written = (entry["id"], entry["handedness"], entry["coasting"])
    assert written == (hand.id, hand.handedness, hand.coasting)
    for name, digits in DIGITS.items():
        expected = getattr(hand, name)
        if name == "vertices" and not with_vertices:
            assert name not in entry
        elif expected is None:
            assert entry[name] is None
        else:
            np.testing.assert_allclose(entry[name], expected, rtol=0, atol=0.51 * 10.0**-digits + 1e-4 * (digits == 2))
