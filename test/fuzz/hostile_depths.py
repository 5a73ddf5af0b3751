"""Depth images, from normal to hostile."""

import array
import math
from typing import Final

import numpy as np
from hostile_images import damage_image, pick
from sensor_msgs.msg import Image
from std_msgs.msg import Header

FLOATS: Final = (0.0, -1.0, 1e-6, 0.04, 0.3, 0.5, 0.8, 1.1, 65.535, 3e38, -3e38, math.nan, math.inf, -math.inf)
MILLIMETRES: Final = (0, 1, 40, 300, 500, 800, 1100, 65534, 65535)


def depth_image_of(header: Header, height: int, width: int, rng: np.random.Generator) -> Image:
    """Depth of one or two surfaces or of noise, in metres or millimetres, of this size or another; maybe damaged."""
    if rng.random() < 0.1:
        height, width = (int(n) for n in rng.integers(1, 400, 2))
    in_metres = bool(rng.integers(2))
    values, kind = (FLOATS, "<f4") if in_metres else (MILLIMETRES, "<u2")
    depth = np.full((height, width), pick(rng, values), kind)
    if rng.random() < 0.6:
        depth[:, int(rng.integers(width)) :] = pick(rng, values)
    if rng.random() < 0.2:
        places = rng.random((height, width)) < rng.random()
        depth[places] = np.array(values, kind)[rng.integers(0, len(values), int(places.sum()))]
    encoding = "32FC1" if in_metres else pick(rng, ("16UC1", "mono16"))
    message = Image(header=header, height=height, width=width, encoding=encoding, step=width * depth.itemsize)
    message.data = array.array("B", depth.tobytes())
    if rng.random() < 0.1:
        damage_image(message, rng)
    return message
