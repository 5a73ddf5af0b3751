"""Where light does not reach: the first lamp's shadow, and the sky hidden by fingers."""

import numba
import numpy as np

from handos_model.hand.hand import FloatArray
from handos_model.synthesis.mesh import SceneMesh
from handos_model.synthesis.rasteriser import orthographic_planes, rasterise

SHADOW_SIZE = 224
GROUP_REACH = np.float32(0.3**2)
"""Square metres: a vertex farther than this from one of a hand's spheres is far from all."""
SHADOW_BIAS = np.float32(0.004)
"""Metres."""


def shadow_map_of(mesh: SceneMesh, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Frame (3, 4) from camera coordinates to pixels of the shadow map and nearness to the lamp (metres); the map."""
    side = np.cross(direction, [0.31, 0.87, 0.38])
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(direction, side), direction]).astype(np.float32)
    placed = mesh.vertices @ axes.T
    low, high = _bounds_of_hands(placed, mesh.faces, mesh.owners)
    scale = (SHADOW_SIZE - 1) / np.float32(max(high - low))
    frame = np.zeros((3, 4), np.float32)
    frame[:, :3] = axes
    frame[:2, :3] *= scale
    frame[:2, 3] = -low * scale
    points = placed.copy()
    points[:, :2] = (placed[:, :2] - low) * scale
    shadow_map, _ = rasterise(  # type: ignore[call-arg]  # hidden by numba
        *orthographic_planes(points, mesh.faces, SHADOW_SIZE), SHADOW_SIZE, SHADOW_SIZE, np.float32(-1e9)
    )
    return frame, shadow_map


@numba.njit(cache=True)
def _bounds_of_hands(points, faces, owners):  # type: ignore[no-untyped-def]
    """Lowest and highest x, y with a margin: nothing far from the hands needs a sharp shadow."""
    low, high = np.full(2, np.inf, np.float32), np.full(2, -np.inf, np.float32)
    anything = not (owners >= 0).any()
    for f in range(len(faces)):
        if anything or owners[f] >= 0:
            for k in range(2):
                low[k] = min(low[k], points[faces[f, 0], k])
                high[k] = max(high[k], points[faces[f, 0], k])
    return low - np.float32(0.03), high + np.float32(0.03)


@numba.njit(cache=True, fastmath=True, inline="always")
def in_shadow(px, py, pz, nx, ny, nz, frame, shadow_map):  # type: ignore[no-untyped-def]
    """Share of the lamp hidden from a point, 0..1, averaged over a few texels; 0 outside of the map."""
    size = shadow_map.shape[0]
    px, py, pz = px + nx * SHADOW_BIAS, py + ny * SHADOW_BIAS, pz + nz * SHADOW_BIAS
    x = frame[0, 0] * px + frame[0, 1] * py + frame[0, 2] * pz + frame[0, 3]
    y = frame[1, 0] * px + frame[1, 1] * py + frame[1, 2] * pz + frame[1, 3]
    near = frame[2, 0] * px + frame[2, 1] * py + frame[2, 2] * pz + SHADOW_BIAS
    # The nearest texel's centre is the middle of three; x - 0.5 is where their weights are counted from.
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
    """(V,) share of the sky that each vertex sees past groups of spheres (g, n, 4: centre, radius; metres)."""
    seen = np.ones(len(vertices), np.float32)
    for v in range(len(vertices)):
        blocked = np.float32(0)
        for g in range(len(spheres)):
            for s in range(spheres.shape[1]):
                dx = spheres[g, s, 0] - vertices[v, 0]
                dy = spheres[g, s, 1] - vertices[v, 1]
                dz = spheres[g, s, 2] - vertices[v, 2]
                squared = dx * dx + dy * dy + dz * dz
                if squared > GROUP_REACH:
                    break
                radius = spheres[g, s, 3]
                # A sphere that the vertex lies on is the finger it belongs to.
                if squared < 2 * radius * radius or squared > 64 * radius * radius:
                    continue
                facing = (normals[v, 0] * dx + normals[v, 1] * dy + normals[v, 2] * dz) / np.sqrt(squared)
                if facing > 0:
                    blocked += facing * radius * radius / squared
        seen[v] = np.exp(np.float32(-1.7) * blocked)
    return seen
