"""The shadow map of the first light, and ambient occlusion by hands."""

import numba
import numpy as np

from handos_model.geometry.arrays import FloatArray
from handos_model.synthesis.mesh import SceneMesh
from handos_model.synthesis.rasteriser import orthographic_planes, rasterise

SHADOW_MAP_SIZE = 224
MAX_SQUARED_DISTANCE = np.float32(0.3**2)
"""Square metres: a vertex farther than this from one of a hand's spheres is not occluded by that hand."""
SHADOW_BIAS = np.float32(0.004)
"""Metres."""


def render_shadow_map(mesh: SceneMesh, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The shadow map and the transform into it.

    Parameters
    ----------
    direction
        (3,) unit vector towards the light.

    Returns
    -------
    camera_to_light, shadow_map
        (3, 4) from camera coordinates to the map's pixels and nearness to the light in metres; the map of nearness.
    """
    side = np.cross(direction, [0.31, 0.87, 0.38])
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(direction, side), direction]).astype(np.float32)
    rotated = mesh.vertices @ axes.T
    low, high = _hand_bounds(rotated, mesh.faces, mesh.hand_ids)
    scale = (SHADOW_MAP_SIZE - 1) / np.float32(max(high - low))
    camera_to_light = np.zeros((3, 4), np.float32)
    camera_to_light[:, :3] = axes
    camera_to_light[:2, :3] *= scale
    camera_to_light[:2, 3] = -low * scale
    points = rotated.copy()
    points[:, :2] = (rotated[:, :2] - low) * scale
    shadow_map, _ = rasterise(  # type: ignore[call-arg]  # hidden by numba
        *orthographic_planes(points, mesh.faces, SHADOW_MAP_SIZE), SHADOW_MAP_SIZE, SHADOW_MAP_SIZE, np.float32(-1e9)
    )
    return camera_to_light, shadow_map


@numba.njit(cache=True)
def _hand_bounds(points, faces, hand_ids):  # type: ignore[no-untyped-def]
    """Minimum and maximum x, y, with a margin, of the hands: shadows need to be sharp only there.

    If there are no hands, of all faces.
    """
    low, high = np.full(2, np.inf, np.float32), np.full(2, -np.inf, np.float32)
    no_hands = not (hand_ids >= 0).any()
    for f in range(len(faces)):
        if no_hands or hand_ids[f] >= 0:
            for k in range(2):
                low[k] = min(low[k], points[faces[f, 0], k])
                high[k] = max(high[k], points[faces[f, 0], k])
    return low - np.float32(0.03), high + np.float32(0.03)


@numba.njit(cache=True, fastmath=True, inline="always")
def shadow_fraction(px, py, pz, nx, ny, nz, camera_to_light, shadow_map):  # type: ignore[no-untyped-def]
    """Fraction of the light hidden from a point, 0..1, filtered over 3 x 3 texels; 0 outside the map."""
    size = shadow_map.shape[0]
    px, py, pz = px + nx * SHADOW_BIAS, py + ny * SHADOW_BIAS, pz + nz * SHADOW_BIAS
    x = camera_to_light[0, 0] * px + camera_to_light[0, 1] * py + camera_to_light[0, 2] * pz + camera_to_light[0, 3]
    y = camera_to_light[1, 0] * px + camera_to_light[1, 1] * py + camera_to_light[1, 2] * pz + camera_to_light[1, 3]
    near = camera_to_light[2, 0] * px + camera_to_light[2, 1] * py + camera_to_light[2, 2] * pz + SHADOW_BIAS
    # The nearest texel is the middle one of three; the outer two get bilinear weights.
    x0, y0 = int(np.floor(x + np.float32(0.5))), int(np.floor(y + np.float32(0.5)))
    if x0 < 1 or y0 < 1 or x0 >= size - 2 or y0 >= size - 2:
        return np.float32(0)
    dx, dy = x - x0 + np.float32(0.5), y - y0 + np.float32(0.5)
    hidden = np.float32(0)
    for j in range(-1, 2):
        wy = (1 - dy) if j == -1 else (dy if j == 1 else np.float32(1))
        for i in range(-1, 2):
            if shadow_map[y0 + j, x0 + i] > near:
                wx = (1 - dx) if i == -1 else (dx if i == 1 else np.float32(1))
                hidden += wx * wy
    return hidden / np.float32(4)


@numba.njit(cache=True, fastmath=True)
def sphere_occlusion(vertices, normals, spheres):  # type: ignore[no-untyped-def]
    """(V,) ambient occlusion, 1 = none, by spheres (hands, n, 4: centre, radius; metres)."""
    visibility = np.ones(len(vertices), np.float32)
    for v in range(len(vertices)):
        blocked = np.float32(0)
        for g in range(len(spheres)):
            for s in range(spheres.shape[1]):
                dx = spheres[g, s, 0] - vertices[v, 0]
                dy = spheres[g, s, 1] - vertices[v, 1]
                dz = spheres[g, s, 2] - vertices[v, 2]
                squared = dx * dx + dy * dy + dz * dz
                if squared > MAX_SQUARED_DISTANCE:
                    break
                radius = spheres[g, s, 3]
                # A vertex lies on the spheres of its own finger: these do not occlude it.
                if squared < 2 * radius * radius or squared > 64 * radius * radius:
                    continue
                facing = (normals[v, 0] * dx + normals[v, 1] * dy + normals[v, 2] * dz) / np.sqrt(squared)
                if facing > 0:
                    blocked += facing * radius * radius / squared
        visibility[v] = np.exp(np.float32(-1.7) * blocked)
    return visibility
