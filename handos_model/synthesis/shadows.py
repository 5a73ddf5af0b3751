"""The shadow map of the first light, and ambient occlusion by hands."""

import numba
import numpy as np

from handos_model.geometry.arrays import FloatArray
from handos_model.synthesis.mesh import SceneMesh
from handos_model.synthesis.rasteriser import orthographic_planes, rasterise

SHADOW_MAP_SIZE = 224
REACH = np.float32(8)
"""Radii from the centre of a sphere beyond which it occludes nothing."""
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
    scale = (SHADOW_MAP_SIZE - 1) / max(high - low)
    camera_to_light = np.column_stack([axes, np.zeros(3, np.float32)])
    camera_to_light[:2, :3] *= scale
    camera_to_light[:2, 3] = -low * scale
    rotated[:, :2] = (rotated[:, :2] - low) * scale
    planes, bounds = orthographic_planes(rotated, mesh.faces, SHADOW_MAP_SIZE)
    shadow_map, _ = rasterise(planes, bounds, SHADOW_MAP_SIZE, SHADOW_MAP_SIZE, np.float32(-1e9))
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


@numba.njit(cache=True, fastmath=True)
def shadow_fractions(positions, normals, camera_to_light, shadow_map):  # type: ignore[no-untyped-def]
    """(N,) fraction of the light hidden from points (3, N) with normals (3, N), 0..1; 0 outside the map.

    It is filtered over 3 x 3 texels: the nearest is the middle one, the outer two get bilinear weights.
    """
    size, one, half = shadow_map.shape[0], np.float32(1), np.float32(0.5)
    hidden = np.zeros(positions.shape[1], np.float32)
    for n in range(len(hidden)):
        px = positions[0, n] + normals[0, n] * SHADOW_BIAS
        py = positions[1, n] + normals[1, n] * SHADOW_BIAS
        pz = positions[2, n] + normals[2, n] * SHADOW_BIAS
        x = camera_to_light[0, 0] * px + camera_to_light[0, 1] * py + camera_to_light[0, 2] * pz + camera_to_light[0, 3]
        y = camera_to_light[1, 0] * px + camera_to_light[1, 1] * py + camera_to_light[1, 2] * pz + camera_to_light[1, 3]
        near = camera_to_light[2, 0] * px + camera_to_light[2, 1] * py + camera_to_light[2, 2] * pz + SHADOW_BIAS
        x0, y0 = int(np.floor(x + half)), int(np.floor(y + half))
        if x0 < 1 or y0 < 1 or x0 >= size - 2 or y0 >= size - 2:
            continue
        dx, dy = x - np.float32(x0) + half, y - np.float32(y0) + half
        total = np.float32(0)
        for j, wy in ((-1, one - dy), (0, one), (1, dy)):
            row = np.float32(0)
            for i, wx in ((-1, one - dx), (0, one), (1, dx)):
                row += wx if shadow_map[y0 + j, x0 + i] > near else np.float32(0)
            total += wy * row
        hidden[n] = total / np.float32(4)
    return hidden


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def sphere_occlusion(vertices, normals, spheres):  # type: ignore[no-untyped-def]
    """(V,) ambient occlusion, 1 = none, by spheres (hands, n, 4: centre, radius; metres)."""
    visibility = np.ones(len(vertices), np.float32)
    ranges = _ranges(spheres)
    for v in range(len(vertices)):
        x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        nx, ny, nz = normals[v, 0], normals[v, 1], normals[v, 2]
        blocked = np.float32(0)
        for g in range(len(spheres)):
            if not (
                ranges[g, 0, 0] < x < ranges[g, 1, 0]
                and ranges[g, 0, 1] < y < ranges[g, 1, 1]
                and ranges[g, 0, 2] < z < ranges[g, 1, 2]
            ):
                continue
            for s in range(spheres.shape[1]):
                dx, dy, dz = spheres[g, s, 0] - x, spheres[g, s, 1] - y, spheres[g, s, 2] - z
                squared, radius = dx * dx + dy * dy + dz * dz, spheres[g, s, 3] * spheres[g, s, 3]
                facing = (nx * dx + ny * dy + nz * dz) / np.sqrt(squared)
                # A vertex lies on the spheres of its own finger: these do not occlude it.
                seen = (squared >= 2 * radius) & (squared <= REACH * REACH * radius) & (facing > 0)
                blocked += facing * radius / squared if seen else np.float32(0)
        visibility[v] = np.exp(np.float32(-1.7) * blocked)
    return visibility


@numba.njit(cache=True)
def _ranges(spheres):  # type: ignore[no-untyped-def]
    """(hands, 2, 3) lower and upper corner of the box outside which spheres (hands, n, 4) occlude nothing."""
    ranges = np.empty((len(spheres), 2, 3), np.float32)
    for g in range(len(spheres)):
        for k in range(3):
            ranges[g, 0, k] = (spheres[g, :, k] - REACH * spheres[g, :, 3]).min()
            ranges[g, 1, k] = (spheres[g, :, k] + REACH * spheres[g, :, 3]).max()
    return ranges
