"""Mistakes of the user of the node `retarget`: one clear line each, with what to do, and exit code 1."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("dexi_rs", reason="robot hands need the retarget extra")

from generic_hands import generic_hand
from node_process import ros_process
from teleoperation_client import running_retarget

ROBOT = Path(generic_hand("right").model.source)


def last_words(log: Path, *parameters: str) -> str:
    """What the node says before it ends: one line."""
    arguments = [part for parameter in parameters for part in ("-p", parameter)]
    with ros_process("retarget", "--ros-args", *arguments, log=log) as node:
        assert node.wait() == 1
        lines = node.log.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (["right_robot:=generc_hand"], ["generc_hand", "generic_hand"]),
        (["right_robot:=/nowhere/hand.yaml"], ["/nowhere/hand.yaml", "not exist"]),
        (["right_urdf:=/nowhere/hand.urdf"], ["/nowhere/hand.urdf", "not exist"]),
        (["right_urdf:=package://no_such_package/hand.urdf"], ["no_such_package", "source"]),
        (["right_robot:=leap"], ["leap", "URDF"]),
        (["left_robot:=''", "right_robot:=''"], ["left_robot", "right_robot", "empty"]),
        (["engage:=whenever"], ["engage", "service, topic, auto"]),
        (["open_aperture:=0.03", "closed_aperture:=0.02"], ["0.030", "0.020"]),
        (["grip_at:=0.4", "release_at:=0.6"], ["release_at", "grip_at"]),
        (["command_rate:=-3.0"], ["command_rate"]),
        (["max_joint_speed:=fast"], ["max_joint_speed"]),
    ],
)
def test_what_cannot_be_used_is_named(parameters: list[str], words: list[str], tmp_path: Path) -> None:
    line = last_words(tmp_path / "log.txt", *parameters)
    for word in words:
        assert word in line


def test_a_urdf_without_a_fingertip_names_it(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.urdf"
    wrong.write_text(ROBOT.read_text().replace("right_index_tip", "right_index_end"))
    line = last_words(tmp_path / "log.txt", f"right_urdf:={wrong}")
    assert "'right_index_tip'" in line
    assert "right_middle_tip" in line  # the nearest one


def test_a_file_that_is_no_urdf_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.urdf"
    wrong.write_text("<machine/>")
    line = last_words(tmp_path / "log.txt", f"right_urdf:={wrong}")
    assert str(wrong) in line
    assert "<machine>" in line


def test_a_joint_that_the_urdf_has_not_is_named(tmp_path: Path) -> None:
    robot = tmp_path / "hand_right.yaml"
    text = ROBOT.with_suffix(".yaml").read_text()
    robot.write_text(text.replace("side: right", "side: right\n  joint_order: [right_index_knee]"))
    line = last_words(tmp_path / "log.txt", f"right_robot:={robot}", f"right_urdf:={ROBOT}")
    assert "right_index_knee" in line


@pytest.mark.parametrize("package", ["ruckig", "dexi_rs"])
def test_a_missing_extra_is_named(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{package!r}] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    line = last_words(tmp_path / "log.txt")
    assert "pip install '.[retarget]'" in line


@pytest.mark.skipif(importlib.util.find_spec("tf2_ros") is not None, reason="tf2_ros is installed")
def test_a_target_frame_without_tf2_says_what_to_install(tmp_path: Path) -> None:
    line = last_words(tmp_path / "log.txt", "target_frame:=base_link")
    assert "target_frame" in line
    assert "tf2-ros-py" in line


def test_a_misspelt_parameter_is_warned_of(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with running_retarget("-p", "max_wrist_sped:=0.1", "-p", "tf:=false", log=log) as node:
        assert "max_wrist_sped (did you mean max_wrist_speed?)" in node.log
        assert node.stop() == 0
