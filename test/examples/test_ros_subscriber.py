"""examples/ros_subscriber.py, told of hands by a publisher as the node is one."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from hands import hand_at
from node_process import Client
from std_msgs.msg import Header

from handos_ros.msg import Hand, HandArray
from handos_ros.topics.qos import HANDS_QOS

EXAMPLE = Path(__file__).parents[2] / "examples/ros_subscriber.py"


def test_the_subscriber_prints_the_hands_of_the_node() -> None:
    joints = hand_at(200).joints_3d
    assert joints is not None
    metric = Hand(id=3, handedness=Hand.HANDEDNESS_RIGHT, score=0.5, joints_3d=joints.ravel())
    flat = Hand(id=4, handedness=Hand.HANDEDNESS_LEFT, score=0.25)
    client = Client()
    publisher = client.node.create_publisher(HandArray, "/handos/hands", HANDS_QOS)
    process = subprocess.Popen([sys.executable, EXAMPLE], stdout=subprocess.PIPE, text=True)
    lines: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()))
    reader.start()
    header = Header(frame_id="camera")
    header.stamp.sec, header.stamp.nanosec = 7, 5
    try:
        # Again and again: the first ones are lost while the two find each other.
        client.until(lambda: len(lines) >= 2, lambda: publisher.publish(HandArray(header=header, hands=[metric, flat])))
    finally:
        process.kill()
        process.wait()
        reader.join()
        client.close()
    assert lines[:2] == [
        f"7.000000005 #3 right 0.50 {joints[0].astype(float).round(3).tolist()}\n",
        "7.000000005 #4 left 0.25 []\n",
    ]


def test_without_the_built_package_the_subscriber_says_what_to_source() -> None:
    program = f"import sys, runpy; sys.modules['handos_ros.msg'] = None; runpy.run_path({str(EXAMPLE)!r})"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "source the workspace" in line
