"""A camera's driver: publishes an image that trembles by some pixels, at a rate, and prints how many it sent.

scripts/with_ros.sh python benchmarks/camera_driver.py IMAGE 1280x720 --count 300
"""

import time
from pathlib import Path
from typing import Annotated, Final, cast

import cv2
import numpy as np
import rclpy
import typer
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from handos_model import CameraIntrinsics
from handos_model.files.images import read_image
from handos_model.geometry.arrays import ImageArray
from handos_ros.messages.image_messages import camera_info_message, image_message
from handos_ros.player import FRAME_ID

MESSAGES: Final = 7
"""Images that differ, so that the node does not take the camera for a frozen one."""
PATIENCE: Final = 60.0
"""Seconds for the node to subscribe."""
LAST_IMAGE: Final = 0.2
"""Seconds for the last image to arrive before the publisher disappears."""


def main(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Image to send.")],
    size: Annotated[str, typer.Argument(metavar="WIDTHxHEIGHT", help="To resize it to.")],
    rate: Annotated[float, typer.Option(help="Hz.")] = 30.0,
    count: Annotated[int, typer.Option(min=1, help="Images to send.")] = 300,
    camera: Annotated[str, typer.Option(metavar="NAME", help="Namespace of the topics; empty: none.")] = "",
) -> None:
    """Send IMAGE to whoever has subscribed to `image`, with sensor-data quality of service."""
    width, height = map(int, size.split("x"))
    pixels = cast(ImageArray, cv2.resize(read_image(image), (width, height), interpolation=cv2.INTER_AREA))
    rclpy.init()
    node = rclpy.create_node("camera_driver", namespace=camera)
    images = node.create_publisher(Image, "image", qos_profile_sensor_data)
    infos = node.create_publisher(CameraInfo, "camera_info", qos_profile_sensor_data)
    intrinsics = CameraIntrinsics.from_field_of_view(width, height, 60.0)
    end = time.monotonic() + PATIENCE
    while not images.get_subscription_count():
        if time.monotonic() > end:
            raise SystemExit(f"camera_driver: nobody subscribed to {images.topic_name} within {PATIENCE:g} s")
        time.sleep(0.05)
    messages = [image_message(np.roll(pixels, shift, axis=1), Header()) for shift in range(MESSAGES)]
    info = camera_info_message(intrinsics, Header(), width, height)
    start = due = time.monotonic()
    for k in range(count):
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due, time.monotonic()) + 1 / rate  # a camera does not catch up
        message = messages[k % MESSAGES]
        message.header = info.header = Header(stamp=node.get_clock().now().to_msg(), frame_id=FRAME_ID)
        infos.publish(info)
        images.publish(message)
    seconds = time.monotonic() - start
    time.sleep(LAST_IMAGE)
    typer.echo(f"{count} {seconds:.3f}")
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    typer.run(main)
