"""Four samples per pixel: which of them are shaded, and the image that they make.

A pixel whose samples agree is shaded once, in its middle; a pixel at an edge is shaded at each of its samples.
"""

import numba
import numpy as np


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def choose_samples(nearness, face_ids, face_material):  # type: ignore[no-untyped-def]
    """The samples that are shaded, those of a pixel one after the other.

    Parameters
    ----------
    nearness, face_ids
        (2H, 2W) inverse depth and face (-1: none) at each sample.
    face_material
        (F,) material of each face.

    Returns
    -------
    pixels, faces, positions, weights
        (N,) index of the pixel, (N,) face, (N, 2) position among the samples, (N,) share in the pixel.
    """
    height, width = face_ids.shape[0] // 2, face_ids.shape[1] // 2
    limit = 4 * height * width
    pixels, faces = np.empty(limit, np.int32), np.empty(limit, np.int32)
    positions, weights = np.empty((limit, 2), np.float32), np.empty(limit, np.float32)
    n = 0
    for y in range(height):
        for x in range(width):
            f00, f01 = face_ids[2 * y, 2 * x], face_ids[2 * y, 2 * x + 1]
            f10, f11 = face_ids[2 * y + 1, 2 * x], face_ids[2 * y + 1, 2 * x + 1]
            if f00 < 0 and f01 < 0 and f10 < 0 and f11 < 0:
                continue
            first, last = nearness[2 * y, 2 * x], nearness[2 * y + 1, 2 * x + 1]
            if (
                f00 >= 0 and f01 >= 0 and f10 >= 0 and f11 >= 0
                and face_material[f00] == face_material[f11] and face_material[f01] == face_material[f10]
                and _is_one_surface(first, last)
            ):  # fmt: skip
                pixels[n], faces[n], weights[n] = y * width + x, f00, 1
                positions[n, 0], positions[n, 1] = 2 * x + np.float32(0.5), 2 * y + np.float32(0.5)
                n += 1
                continue
            for k in range(4):
                face = face_ids[2 * y + (k >> 1), 2 * x + (k & 1)]
                if face >= 0:
                    pixels[n], faces[n], weights[n] = y * width + x, face, np.float32(0.25)
                    positions[n, 0], positions[n, 1] = 2 * x + (k & 1), 2 * y + (k >> 1)
                    n += 1
    return pixels[:n], faces[:n], positions[:n], weights[:n]


@numba.njit(cache=True, fastmath=True)
def _is_one_surface(first, last):  # type: ignore[no-untyped-def]
    """Whether two inverse depths differ no more than on a surface seen obliquely."""
    nearest, farthest = max(first, last), min(first, last)
    return nearest - farthest < np.float32(0.012) * nearest * nearest + np.float32(0.01) * nearest


@numba.njit(cache=True, fastmath=True)
def resolve(pixels, weights, colours, background):  # type: ignore[no-untyped-def]
    """The image (H, W, 3) BGR: colours (3, N) 0..1 of the samples, and the background where they leave some."""
    image = background.copy()
    flat = image.reshape(-1, 3)
    covered, blue, green, red = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    for n in range(len(pixels)):
        weight = weights[n]
        covered += weight
        blue, green, red = blue + weight * colours[0, n], green + weight * colours[1, n], red + weight * colours[2, n]
        if n + 1 == len(pixels) or pixels[n + 1] != pixels[n]:
            p, left = pixels[n], np.float32(1) - covered
            flat[p, 0] = np.uint8(np.float32(255) * blue + left * np.float32(flat[p, 0]) + np.float32(0.5))
            flat[p, 1] = np.uint8(np.float32(255) * green + left * np.float32(flat[p, 1]) + np.float32(0.5))
            flat[p, 2] = np.uint8(np.float32(255) * red + left * np.float32(flat[p, 2]) + np.float32(0.5))
            covered, blue, green, red = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    return image


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def resolve_labels(nearness, face_ids, face_part, face_hand):  # type: ignore[no-untyped-def]
    """Part ids, hand ids and depth (H, W) of the pixels that surfaces cover at least half.

    They are those at the last of a pixel's samples or, if nothing is there, at the first.
    """
    height, width = face_ids.shape[0] // 2, face_ids.shape[1] // 2
    part_ids = np.zeros((height, width), np.uint8)
    hand_ids = np.full((height, width), -1, np.int8)
    depth = np.full((height, width), np.inf, np.float32)
    for y in range(height):
        for x in range(width):
            f00, f01 = face_ids[2 * y, 2 * x], face_ids[2 * y, 2 * x + 1]
            f10, f11 = face_ids[2 * y + 1, 2 * x], face_ids[2 * y + 1, 2 * x + 1]
            front, front_nearness = f11, nearness[2 * y + 1, 2 * x + 1]
            if f11 < 0:
                front, front_nearness = f00, nearness[2 * y, 2 * x]
            if front >= 0 and (f00 >= 0) + (f01 >= 0) + (f10 >= 0) + (f11 >= 0) >= 2:
                part_ids[y, x], hand_ids[y, x] = face_part[front], face_hand[front]
                depth[y, x] = np.float32(1) / front_nearness
    return part_ids, hand_ids, depth
