"""Labels by the network itself: a hand counts if whole, enlarged and mirrored images agree on it."""

import numpy as np
import pytest
from bright_spot import BrightSpot, spot_image

from handos_model.finetuning.agreement import agree
from handos_model.finetuning.looks import Look, look_around, look_at
from handos_model.hand.hand import Hand, Handedness

WHOLE = np.array([0, 0, 99, 99], np.float32)
BOX = np.array([20, 20, 60, 60], np.float32)
JOINTS = np.stack([np.linspace(24, 56, 21), np.linspace(24, 56, 21)], axis=-1).astype(np.float32)


def hand(score: float, side: Handedness = "right", *, shift: float = 0.0, joints: np.ndarray = JOINTS) -> Hand:
    scores = np.ones(21, np.float32)
    return Hand(score, BOX + shift, side, 1.0, (joints + shift).astype(np.float32), scores)


def looks(*seen: tuple[Hand, ...]) -> tuple[Look, ...]:
    """Looks at the whole image, every second one mirrored."""
    return tuple(Look(WHOLE, WHOLE, bool(k % 2), hands) for k, hands in enumerate(seen))


def test_a_hand_that_looks_agree_on_is_labelled_with_joints_and_side() -> None:
    agreed = agree(looks((hand(0.9),), (hand(0.4, shift=1),), (hand(0.2, shift=-1),), (hand(0.3),)), 100, 100)
    (label,) = agreed.hands
    assert agreed.is_complete
    assert label.handedness == "right"
    assert label.joints_2d is not None
    np.testing.assert_allclose(label.joints_2d, JOINTS)


@pytest.mark.parametrize(
    "seen",
    [
        ((hand(0.9),), (), ()),
        (*4 * ((hand(0.9),),), *4 * ((),)),
        4 * ((hand(0.45),),),
        4 * ((hand(0.9),), ()),
    ],
    ids=["one look only", "too few of the looks", "none is sure", "no mirror image"],
)
def test_a_hand_without_agreement_is_no_label_and_no_background(seen: tuple[tuple[Hand, ...], ...]) -> None:
    agreed = agree(looks(*seen), 100, 100)
    assert (agreed.hands, agreed.is_complete) == ((), False)


def test_what_is_weak_in_all_looks_is_background() -> None:
    agreed = agree(looks((hand(0.25),), (hand(0.2),), (hand(0.2),), (hand(0.2),)), 100, 100)
    assert (agreed.hands, agreed.is_complete) == ((), True)


def test_a_hand_whose_side_is_in_doubt_has_a_box_only() -> None:
    (label,) = agree(looks((hand(0.9),), (hand(0.9, "left"),), (hand(0.9),), (hand(0.9, "left"),)), 100, 100).hands
    assert (label.joints_2d, label.handedness) == (None, None)
    np.testing.assert_allclose(label.box, BOX)


def test_a_hand_whose_joints_differ_has_a_box_only() -> None:
    others = [JOINTS + np.array(shift) for shift in ([12, 0], [-12, 0], [0, 12])]
    seen = looks(*((hand(0.9, joints=joints),) for joints in (*others, JOINTS - [0, 12])))
    (label,) = agree(seen, 100, 100).hands
    assert label.joints_2d is None


def test_a_look_that_cannot_contain_a_hand_does_not_count_against_it() -> None:
    corner = np.array([50, 50, 99, 99], np.float32)
    elsewhere = tuple(Look(corner, corner, False, ()) for _ in range(4))
    assert agree((*looks(*4 * ((hand(0.9),),)), *elsewhere), 100, 100).hands


def test_all_looks_map_a_hand_to_the_same_place_in_the_image() -> None:
    seen = look_at(BrightSpot(), spot_image(90, 45, 20, 10))
    assert len(seen) == 12
    for look in seen:
        (found,) = look.hands
        assert found.box.tolist() == [90, 45, 109, 54]
        assert found.handedness == "right"
        np.testing.assert_allclose(found.joints_2d[[0, -1]], [[90, 45], [109, 54]])
    (label,) = agree(seen, 200, 100).hands
    assert label.handedness == "right"


def test_a_hand_at_the_border_of_a_part_is_left_to_the_other_looks() -> None:
    seen = look_at(BrightSpot(), spot_image(100, 45, 40, 10))
    assert all(found.box.tolist() == [100, 45, 139, 54] for look in seen for found in look.hands)
    assert sum(bool(look.hands) for look in seen) == 8


def test_only_what_shows_a_hand_is_looked_at_in_the_mirror() -> None:
    pipeline = BrightSpot()
    assert not any(look.hands for look in look_at(pipeline, np.zeros((100, 200, 3), np.uint8)))
    assert len(pipeline.shapes) == 6


@pytest.mark.parametrize(("left", "width"), [(90, 20), (0, 20), (180, 20), (20, 160)])
def test_a_known_hand_is_looked_at_from_three_distances_and_mirrored(left: int, width: int) -> None:
    pipeline, box = BrightSpot(), np.array([left, 45, left + width - 1, 54], np.float32)
    seen = look_around(pipeline, spot_image(left, 45, width, 10), box)
    assert [look.mirrored for look in seen] == 3 * [False, True]
    sides = [shape[1] for shape in pipeline.shapes]
    assert sides == sorted(sides)
    assert len(set(sides)) == 3
    assert all(abs(height - side) <= 2 for height, side, _ in pipeline.shapes)
    for look in seen:
        (found,) = look.hands
        assert (found.box.tolist(), found.handedness) == (box.tolist(), "right")
        np.testing.assert_allclose(found.joints_2d[[0, -1]], [box[:2], box[2:]])
