"""Robot files and URDFs: what is found, and the one line that says what is wrong."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("dexi_rs", reason="robot hands need the retarget extra")

from generic_hands import SIDES, generic_hand

from handos_model.hand.hand import Handedness
from handos_model.retargeting.robot_file import find_robot, read_robot_file, robot_names, robots_folder
from handos_model.retargeting.robot_hand import load_robot_hand
from handos_model.retargeting.settings import RetargetingSettings, dexpilot_joints
from handos_model.retargeting.urdf import read_urdf

GENERIC_YAML = robots_folder() / "generic_hand_right.yaml"
GENERIC_URDF = robots_folder() / "generic_hand_right.urdf"
DEX_RETARGETING_FILE = """\
retargeting:
  type: DexPilot
  urdf_path: hand/hand.urdf

  # Target refers to the retargeting target, which is the robot hand
  target_joint_names: null
  wrist_link_name: "right_palm"
  finger_tip_link_names: [ "right_thumb_tip", "right_index_tip", "right_middle_tip", "right_ring_tip" ]
  scaling_factor: 1.6

  # A smaller alpha means stronger filtering, i.e. more smooth but also larger latency
  low_pass_alpha: 0.2
"""


def edited(tmp_path: Path, old: str, new: str, source: Path = GENERIC_YAML) -> Path:
    """A copy of a robot file or URDF in which `old` is replaced; the generic URDF is beside it."""
    text = source.read_text()
    assert old in text
    for name in (GENERIC_YAML, GENERIC_URDF):
        (tmp_path / name.name).write_text(name.read_text())
    path = tmp_path / source.name
    path.write_text(text.replace(old, new))
    return path


def one_line(error: pytest.ExceptionInfo[ValueError]) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


def test_the_hands_that_people_name_are_there_for_both_sides() -> None:
    hands = ("ability", "allegro", "generic_gripper", "generic_hand", "inspire", "leap", "shadow", "svh")
    assert {f"{hand}_{side}" for hand in hands for side in SIDES} < set(robot_names())


@pytest.mark.parametrize("name", robot_names())
def test_every_robot_file_is_sound(name: str) -> None:
    file = read_robot_file(robots_folder() / f"{name}.yaml")
    assert file.side is None or name.endswith(f"_{file.side}")
    assert (file.urdf_source is None) == name.startswith("generic_")


@pytest.mark.parametrize("name", [name for name in robot_names() if name.startswith("generic_")])
def test_the_generic_robots_come_with_a_urdf_that_passes_every_check(name: str) -> None:
    robot = load_robot_hand(name)
    assert robot.name == name
    assert np.isfinite(robot.limits).all()
    assert None not in robot.max_velocities


@pytest.mark.parametrize("robot", ["generic_hand", "generic_gripper"])
def test_the_left_generic_robots_are_the_right_ones_mirrored(robot: str) -> None:
    left, right = load_robot_hand(robot, "left"), load_robot_hand(robot, "right")
    rng, mirror = np.random.default_rng(0), np.diag([1.0, -1.0, 1.0, 1.0])
    assert np.array_equal(left.limits, right.limits)
    for _ in range(5):
        positions = dict(zip(right.joint_names, rng.uniform(*right.limits.T), strict=True))
        of_left = left.model.link_poses({name.replace("right", "left"): value for name, value in positions.items()})
        for link, pose in right.model.link_poses(positions).items():
            assert np.allclose(of_left[link.replace("right", "left")], mirror @ pose @ mirror, atol=2e-4), link


def test_a_hands_joints_come_in_the_order_of_its_driver(tmp_path: Path) -> None:
    names = generic_hand("right").joint_names
    path = edited(tmp_path, "  side: right\n", f"  side: right\n  joint_order: [{', '.join(reversed(names))}]\n")
    assert load_robot_hand(str(path)).joint_names == tuple(reversed(names))


def test_joints_that_mimic_others_are_not_commanded_but_follow() -> None:
    robot = generic_hand("right")
    assert "right_index_dip" not in robot.joint_names
    bent = robot.model.link_poses({"right_index_pip": 1.0})
    angle = np.arccos(
        np.clip((np.trace(bent["right_index_middle"][:3, :3].T @ bent["right_index_distal"][:3, :3]) - 1) / 2, -1, 1)
    )
    assert angle == pytest.approx(0.65, abs=1e-6)


def test_a_file_of_dex_retargeting_works_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "my_hand.yml"
    path.write_text(DEX_RETARGETING_FILE)
    (tmp_path / "hand").mkdir()
    (tmp_path / "hand" / "hand.urdf").write_text(GENERIC_URDF.read_text())
    beside = load_robot_hand(str(path), "right")
    elsewhere = load_robot_hand(str(path), "right", urdf=tmp_path)  # as with its set_default_urdf_dir
    assert beside.joint_names == elsewhere.joint_names == generic_hand("right").joint_names
    assert beside.tip_links == {
        "right_thumb_tip": 4,
        "right_index_tip": 8,
        "right_middle_tip": 12,
        "right_ring_tip": 16,
    }
    beside.retargeter()


def test_links_of_another_type_need_not_exist(tmp_path: Path) -> None:
    path = edited(tmp_path, "wrist_link_name: right_palm", "wrist_link_name: nowhere")
    load_robot_hand(str(path))
    with pytest.raises(ValueError, match="link 'nowhere'"):
        load_robot_hand(str(path), retargeting_type="dexpilot")


def test_dexpilot_follows_other_joints_where_the_file_names_them(tmp_path: Path) -> None:
    default, middle = tmp_path / "default.yml", tmp_path / "middle.yml"
    text = DEX_RETARGETING_FILE.replace("hand/hand.urdf", str(GENERIC_URDF))
    default.write_text(text)
    pairs = dexpilot_joints(4).tolist()
    middle.write_text(text + f"  target_link_human_indices: {[[max(k - 1, 0) for k in row] for row in pairs]}\n")
    assert list(load_robot_hand(str(default), "right").tip_links.values()) == [4, 8, 12, 16]
    robot = load_robot_hand(str(middle), "right")
    assert isinstance(robot.settings, RetargetingSettings)
    assert robot.settings.human_indices[1, -4:].tolist() == [3, 7, 11, 15]


@pytest.mark.parametrize("indices", ["[4, 8]", "[[4, 8]]"])
def test_positions_are_retargeted(indices: str, tmp_path: Path) -> None:
    path = tmp_path / "offline.yml"
    path.write_text(
        f"retargeting:\n  type: position\n  urdf_path: {GENERIC_URDF}\n  add_dummy_free_joint: true\n"
        f"  target_link_names: [right_thumb_tip, right_index_tip]\n  target_link_human_indices: {indices}\n"
    )
    robot = load_robot_hand(str(path), "right")
    positions = robot.retargeter()(np.random.default_rng(0).normal(0, 0.05, (21, 3)), "right")
    assert positions.names == generic_hand("right").joint_names
    assert robot.tip_links == {"right_thumb_tip": 4, "right_index_tip": 8}


def test_a_urdf_with_another_frame_works_with_its_hand_frame(tmp_path: Path) -> None:
    """The palm hangs on a new root, turned a quarter about x: fingers point along the root's -y."""
    root = (
        '<link name="mount"/><joint name="mounting" type="fixed"><parent link="mount"/><child link="right_palm"/>'
        '<origin rpy="1.5707963267948966 0 0"/></joint></robot>'
    )
    path = tmp_path / "mounted.urdf"
    path.write_text(GENERIC_URDF.read_text().replace("</robot>", root))
    with pytest.raises(ValueError, match=r"fingers point along -y of 'mount'.*hand_frame_rpy"):
        load_robot_hand("generic_hand_right", urdf=path)
    described = edited(tmp_path, "  side: right\n", "  side: right\n  hand_frame_rpy: [1.5707963267948966, 0, 0]\n")
    turned, straight = load_robot_hand(str(described), urdf=path), generic_hand("right")
    joints = np.random.default_rng(0).normal(0, 0.05, (21, 3))
    assert np.allclose(
        turned.retargeter()(joints, "right").positions, straight.retargeter()(joints, "right").positions, atol=1e-3
    )


WRONG_ROBOT_FILES = {
    "unknown key": ("low_pass_alpha: 0.5", "lowpass_alpha: 0.5", "unknown key 'lowpass_alpha'.*low_pass_alpha"),
    "unknown type": ("type: vector", "type: vektor", "'vektor'.*vector, position, dexpilot"),
    "no yaml": ("type: vector", "type: [vector", "no YAML"),
    "no urdf": ("  urdf_path: generic_hand_right.urdf\n", "", "urdf_path is missing"),
    "number is text": ("scaling_factor: 1.0", "scaling_factor: big", "scaling_factor is 'big'"),
    "negative scale": ("scaling_factor: 1.0", "scaling_factor: -1.0", "scaling_factor is -1.0"),
    "nan": ("scaling_factor: 1.0", "scaling_factor: .nan", "scaling_factor is nan"),
    "joint 21": ("[4, 8, 12, 16, 20, 3,", "[4, 8, 12, 16, 21, 3,", "target_link_human_indices.*0 to 20"),
    "uneven lists": ("[4, 8, 12, 16, 20, 3, 6,", "[4, 8, 12, 16, 20, 6,", "target_link_human_indices"),
    "side": ("side: right", "side: east", "side is 'east'"),
    "robot key": ("side: right", "sid: right", "unknown key 'sid'.*side"),
    "sections": ("retargeting:", "retarget:", "`retargeting:`"),
    "wrong link": (
        "right_ring_tip, right_pinky_tip,",
        "right_rign_tip, right_pinky_tip,",
        "link 'right_rign_tip'.*right_ring_tip",
    ),
    "tip at the joint": (
        "right_ring_tip, right_pinky_tip,",
        "right_ring_distal, right_pinky_tip,",
        "link 'right_ring_distal' lies at the joint 'right_ring_dip'.*right_ring_tip",
    ),
    "tip that is none": (
        "right_ring_tip, right_pinky_tip,",
        "right_ring_middle, right_pinky_tip,",
        "link 'right_ring_middle' is no fingertip.*right_ring_tip",
    ),
    "joint order": ("side: right", "side: right\n  joint_order: [right_index_mcp]", "joint_order.*right_index_pip"),
    "no such joint": (
        "  scaling_factor",
        "  target_joint_names: [right_index_map]\n  scaling_factor",
        "joint 'right_index_map'.*right_index_mcp",
    ),
    "hand frame": ("side: right", "side: right\n  hand_frame_rpy: [1, 2]", "hand_frame_rpy"),
}


@pytest.mark.parametrize("case", WRONG_ROBOT_FILES)
def test_a_wrong_robot_file_gets_one_line_with_file_thing_and_remedy(case: str, tmp_path: Path) -> None:
    old, new, expected = WRONG_ROBOT_FILES[case]
    path = edited(tmp_path, old, new)
    with pytest.raises(ValueError) as error:  # noqa: PT011 -- what it says is asserted below
        load_robot_hand(str(path))
    message = one_line(error)
    assert str(tmp_path) in message
    assert re.search(expected, message), message


FIRST_LIMIT = 'lower="-0.8" upper="0.8"'
WRONG_URDFS = {
    "no xml": ("<robot", "robot", "no XML"),
    "xacro": (
        '<robot name="generic_hand_right">',
        '<robot name="h" xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:arg name="side"/>',
        "xacro FILE",
    ),
    "other xml": ('<robot name="generic_hand_right">', "<sdf>", "no XML|<sdf>"),
    "degrees": (FIRST_LIMIT, 'lower="-45" upper="45"', "'right_thumb_abduction'.*45.*radians"),
    "swapped limits": (FIRST_LIMIT, 'lower="0.8" upper="-0.8"', "'right_thumb_abduction'.*lower must be less"),
    "nan limit": (FIRST_LIMIT, 'lower="nan" upper="0.8"', 'lower="nan"'),
    "no limit": (f'<limit {FIRST_LIMIT} effort="2" velocity="6"/>', "", "'right_thumb_abduction' has no <limit>"),
    "parent": ('<parent link="right_index_base"/>', '<parent link="right_idx_base"/>', "right_idx_base"),
    "mimic": ('<mimic joint="right_index_pip"', '<mimic joint="right_index_pap"', "right_index_pap"),
    "mimics itself": ('<mimic joint="right_index_pip"', '<mimic joint="right_index_dip"', "mimic itself"),
    "kind": ('"right_index_mcp" type="revolute"', '"right_index_mcp" type="rotary"', "'right_index_mcp'.*'rotary'"),
    "two trees": ("</robot>", '<link name="stray"/></robot>', "stray"),
    "circle": (
        "</robot>",
        '<link name="a"/><link name="b"/><joint name="ab" type="fixed"><parent link="a"/><child link="b"/></joint>'
        '<joint name="ba" type="fixed"><parent link="b"/><child link="a"/></joint></robot>',
        "no tree with one root",
    ),
    "twice": ("</robot>", '<link name="right_palm"/></robot>', "'right_palm' is defined twice"),
    "origin": ('xyz="0 0 0.031"', 'xyz="0 0"', 'xyz="0 0"'),
}


@pytest.mark.parametrize("case", WRONG_URDFS)
def test_a_wrong_urdf_gets_one_line_with_file_thing_and_remedy(case: str, tmp_path: Path) -> None:
    old, new, expected = WRONG_URDFS[case]
    path = edited(tmp_path, old, new, GENERIC_URDF)
    with pytest.raises(ValueError) as error:  # noqa: PT011 -- what it says is asserted below
        load_robot_hand("generic_hand_right", urdf=path)
    message = one_line(error)
    assert str(path) in message
    assert re.search(expected, message), message


def test_a_fixed_joint_may_have_an_axis_without_direction_as_exporters_write_it(tmp_path: Path) -> None:
    flange = (
        '<link name="flange"/><joint name="mount" type="fixed"><parent link="flange"/><child link="right_palm"/>'
        '<axis xyz="0 0 0"/></joint></robot>'
    )
    path = edited(tmp_path, "</robot>", flange, GENERIC_URDF)
    assert read_urdf(path).root == "flange"
    path.write_text(path.read_text().replace('"mount" type="fixed"', '"mount" type="continuous"'))
    with pytest.raises(ValueError, match="'mount' has the axis 0 0 0"):
        read_urdf(path)


def test_the_urdf_of_the_other_side_is_refused(tmp_path: Path) -> None:
    left = (robots_folder() / "generic_hand_left.urdf").read_text()
    path = tmp_path / "swapped.urdf"
    path.write_text(left.replace("left_", "right_"))
    with pytest.raises(ValueError, match="thumb is on the side of a left hand"):
        load_robot_hand("generic_hand_right", urdf=path)


def test_a_robot_without_its_urdf_says_where_that_is_published() -> None:
    expected = r"leap_hand_right\.urdf.*does not exist.*published as https.*dexi-rs brings a copy"
    with pytest.raises(FileNotFoundError, match=expected):
        load_robot_hand("leap_right")


def test_an_unknown_robot_gets_the_nearest_names() -> None:
    with pytest.raises(ValueError, match="no robot 'leep' for the right hand: did you mean leap_right"):
        find_robot("leep", "right")


def test_a_robot_of_both_sides_needs_the_side(tmp_path: Path) -> None:
    path = edited(tmp_path, "  side: right\n", "")
    with pytest.raises(ValueError, match="give the side"):
        load_robot_hand(str(path))
    assert load_robot_hand(str(path), "right").side == "right"


@pytest.mark.parametrize("side", SIDES)
def test_a_robot_of_one_side_is_not_taken_for_the_other(side: Handedness) -> None:
    other: Handedness = "left" if side == "right" else "right"
    with pytest.raises(ValueError, match=f"for the {side} hand, not the {other} one"):
        load_robot_hand(f"generic_hand_{side}", other)


@pytest.mark.parametrize("missing", ["robot.yaml", "robot.yml"])
def test_a_missing_robot_file_is_named(missing: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=missing):
        load_robot_hand(str(tmp_path / missing))


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handos_model.retargeting.dexi_retargeter.find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r"dexi-rs.*pip install '\.\[retarget\]'"):
        generic_hand("right").retargeter()


def test_primitives_are_read_with_their_colours_and_places() -> None:
    model = read_urdf(GENERIC_URDF)
    tip = next(shape for shape in model.shapes if shape.link == "right_index_distal" and shape.colour[0] > 0.9)
    assert tip.kind == "sphere"
    assert tip.origin[2, 3] + tip.size[0] == pytest.approx(0.0275)  # it touches the fingertip
