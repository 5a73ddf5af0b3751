"""Compressed images and depth images, over DDS."""

import array
from pathlib import Path

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from node_process import CAMERA, FRAME_ID, LIT, RELIABLE, Client, TestCamera, running_node
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from handos_ros.msg import HandArray


def test_corrupt_jpeg_is_reported_and_survived(weights: Path, tmp_path: Path, client: Client) -> None:
    names = ("-r", "__node:=compressed", "-r", "image:=/c/image", "-p", "image_transport:=compressed")
    with running_node(weights, *names, log=tmp_path / "log.txt") as node:
        images = client.node.create_publisher(CompressedImage, "/c/image/compressed", RELIABLE)
        received = client.collect(HandArray, "/compressed/hands")
        jpeg = cv2.imencode(".jpg", LIT)[1].tobytes()

        def send(data: bytes) -> None:
            images.publish(CompressedImage(header=Header(frame_id=FRAME_ID), format="jpeg", data=data))

        client.until(lambda: received, lambda: send(jpeg))
        client.until(lambda: "cannot be decoded" in node.log, lambda: send(jpeg[:20]))
        received.clear()
        client.until(lambda: received, lambda: send(jpeg))


def test_depth_image_moves_hands_and_says_by_how_much(weights: Path, tmp_path: Path, client: Client) -> None:
    names = ("-r", "__node:=deep", "-r", "image:=/d/image", "-r", "depth:=/d/depth", "-p", "depth:=true")
    with running_node(weights, *names, "-p", "smoothing:=false", log=tmp_path / "log.txt"):
        camera = TestCamera(client, "/d/image")
        depths = client.node.create_publisher(Image, "/d/depth", RELIABLE)
        received = client.collect(HandArray, "/deep/hands")

        def send() -> None:
            header = camera.header()
            depth = Image(header=header, encoding="16UC1", width=320, height=240, step=640)
            depth.data = array.array("B", np.full((240, 320), 700, "<u2").tobytes())
            depths.publish(depth)
            depths.publish(Image(header=Header(stamp=Time(sec=-1)), encoding="16UC1", width=320, height=240, step=640))
            camera.send_with(header, LIT, CAMERA)

        client.until(lambda: [h for m in received for h in m.hands if np.isfinite(h.depth_residual)], send)
        hand = next(h for m in received for h in m.hands if np.isfinite(h.depth_residual))
        surface = np.reshape(hand.vertices, (-1, 3))[:, 2]
        assert surface.min() < 0.7 < surface.max()
