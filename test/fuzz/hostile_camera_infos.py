"""camera_info messages, from normal to hostile."""

import math
from typing import Final

import numpy as np
from hostile_images import EXTREME_NUMBERS, pick
from node_process import CAMERA
from sensor_msgs.msg import CameraInfo, RegionOfInterest
from std_msgs.msg import Header

from handos_ros.messages.image_messages import camera_info_message

NUMBERS: Final = (0.0, -0.0, -1.0, 1e-300, 1e300, 1e9, -400.0, 0.5, 400.0, 1e5, math.nan, math.inf, -math.inf)
MODELS: Final = ("plumb_bob", "rational_polynomial", "equidistant", "", "none", "fov", "PLUMB_BOB", "\N{SNOWMAN}")


def camera_info_of(header: Header, height: int, width: int) -> CameraInfo:
    """The camera of images of this size, without lens distortion."""
    scale = width / 320
    camera = type(CAMERA)(CAMERA.fx * scale, CAMERA.fy * scale, CAMERA.cx * scale, CAMERA.cy * scale)
    return camera_info_message(camera, header, width, height)


def add_lens(info: CameraInfo, rng: np.random.Generator) -> None:
    """Give a camera a lens that may exist."""
    info.distortion_model = pick(rng, MODELS[:3])
    count = 4 if info.distortion_model == "equidistant" else int(rng.choice([4, 5, 8]))
    info.d = rng.normal(0, 0.02, count).tolist()


def damage_camera_info(info: CameraInfo, rng: np.random.Generator) -> None:
    """Make a camera_info absurd in one way."""
    kind = rng.integers(8)
    if kind == 0:
        matrix = np.array(info.k)
        matrix[rng.integers(9)] = pick(rng, NUMBERS)
        info.k = matrix
    elif kind == 1:
        info.k = [pick(rng, NUMBERS) for _ in range(9)]
    elif kind == 2:
        info.distortion_model = pick(rng, MODELS)
        info.d = [float(n) for n in rng.normal(0, 10.0 ** rng.integers(-3, 4), rng.integers(0, 15))]
    elif kind == 3:
        info.distortion_model = pick(rng, MODELS)
        info.d = [pick(rng, NUMBERS) for _ in range(rng.integers(0, 15))]
    elif kind == 4:
        info.width, info.height = (pick(rng, EXTREME_NUMBERS) for _ in range(2))
    elif kind == 5:
        info.binning_x, info.binning_y = (pick(rng, EXTREME_NUMBERS) for _ in range(2))
    elif kind == 6:
        matrix = np.array(info.p)
        matrix[rng.integers(12)] = pick(rng, NUMBERS)
        info.p = matrix
    else:
        sizes = [pick(rng, (*EXTREME_NUMBERS, 160, 240, 320)) for _ in range(4)]
        info.roi = RegionOfInterest(x_offset=sizes[0], y_offset=sizes[1], width=sizes[2], height=sizes[3])
