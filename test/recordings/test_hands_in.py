"""`hands_in`: the hands of a source, for a few lines of Python."""

from pathlib import Path

import numpy as np
import pytest

from handos_model import CameraIntrinsics, HandPipeline, hands_in
from handos_model.files.images import write_image
from handos_model.recordings.video_writer import VideoWriter

LIT = np.full((240, 320, 3), 90, np.uint8)
"""Image in which the fixed answer's network sees its two hands."""


@pytest.fixture
def pipeline(weights: Path) -> HandPipeline:
    return HandPipeline.load(weights)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "clip.mp4", 25) as writer:
        for _ in range(3):
            writer.write(LIT)
    return writer.path


def test_hands_are_followed_through_a_video(video: Path, pipeline: HandPipeline) -> None:
    results = list(hands_in(video, field_of_view=60, pipeline=pipeline))
    assert [result.frame.index for result in results] == [0, 1, 2]
    assert [[hand.id for hand in result.hands] for result in results] == [[1, 2]] * 3
    assert all(hand.joints_3d is not None for result in results for hand in result.hands)


def test_images_have_no_time_to_follow_hands_through(tmp_path: Path, pipeline: HandPipeline) -> None:
    write_image(tmp_path / "images" / "a.png", LIT)
    (result,) = hands_in(tmp_path / "images", pipeline=pipeline)
    assert [(hand.id, hand.joints_3d) for hand in result.hands] == [(None, None)] * 2


def test_a_larger_hand_is_farther_away(video: Path, pipeline: HandPipeline) -> None:
    camera = CameraIntrinsics(300, 300, 160, 120)
    assumed, larger = (next(hands_in(video, camera=camera, hand_scale=s, pipeline=pipeline)).hands for s in (1.0, 1.5))
    for one, other in zip(assumed, larger, strict=True):
        assert one.joints_3d is not None
        assert other.joints_3d is not None
        np.testing.assert_allclose(other.joints_3d, 1.5 * one.joints_3d, rtol=1e-5)


def test_mistakes_are_told_before_the_first_frame_is_asked_for(video: Path, pipeline: HandPipeline) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.mp4"):
        hands_in("gone.mp4", pipeline=pipeline)
    with pytest.raises(ValueError, match="not both"):
        hands_in(video, camera=CameraIntrinsics(1, 1, 0, 0), field_of_view=60, pipeline=pipeline)
