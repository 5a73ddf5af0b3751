"""Images and their camera_info as messages."""

import array

from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from handos_model.geometry.arrays import ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics


def image_message(image: ImageArray, header: Header) -> Image:
    """Message for (H, W, 3) BGR."""
    height, width = image.shape[:2]
    message = Image(header=header, height=height, width=width, encoding="bgr8", step=3 * width)
    message.data = array.array("B", image.tobytes())  # an ndarray would be checked byte by byte
    return message


def camera_info_message(camera: CameraIntrinsics, header: Header, width: int, height: int) -> CameraInfo:
    """Message for a camera without distortion."""
    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx, camera.cy
    return CameraInfo(
        header=header,
        width=width,
        height=height,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    )
