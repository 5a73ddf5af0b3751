"""A z-buffer rasteriser compiled by numba: which face is visible at each sample of the image.

Each face is three linear functions of the sample position (its barycentric coordinates divided by depth) and a fourth,
their sum, which is the inverse depth that the z-buffer compares. Perspective and orthographic views differ only in how
these planes are set up.
"""

import numba
import numpy as np

NEAR_PLANE = np.float32(0.03)
"""Metres; faces with a vertex closer to the camera are not rendered."""


@numba.njit(cache=True, fastmath=True)
def perspective_planes(vertices, faces, fx, fy, cx, cy):  # type: ignore[no-untyped-def]
    """Planes (F, 4, 3) and pixel bounds (F, 4: x0, y0, x1, y1) of faces in camera coordinates.

    Back faces are culled: their bounds are empty. A face covers the samples (u, v) where rows 0..2 of
    ``planes @ (u, v, 1)`` are positive; row 3 is 1 / depth.
    """
    count = len(faces)
    planes = np.zeros((count, 4, 3), np.float32)
    bounds = np.empty((count, 4), np.float32)
    projected = np.empty((len(vertices), 2), np.float32)
    for v in range(len(vertices)):
        z = max(vertices[v, 2], NEAR_PLANE)
        projected[v, 0] = vertices[v, 0] / z * fx + cx
        projected[v, 1] = vertices[v, 1] / z * fy + cy
    for f in range(count):
        a, b, c = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
        if min(a[2], b[2], c[2]) <= NEAR_PLANE:
            bounds[f, 0], bounds[f, 2] = 1, 0
            bounds[f, 1], bounds[f, 3] = 1, 0
            continue
        for k in range(2):
            p, q, r = projected[faces[f, 0], k], projected[faces[f, 1], k], projected[faces[f, 2], k]
            bounds[f, k] = min(p, q, r)
            bounds[f, k + 2] = max(p, q, r)
        determinant = _fill_rows(planes[f], a, b, c)
        if determinant > -1e-14:
            # A back face, or seen edge-on.
            bounds[f, 2] = bounds[f, 0] - 1
            continue
        for i in range(3):
            x, y, w = planes[f, i, 0] / determinant, planes[f, i, 1] / determinant, planes[f, i, 2] / determinant
            planes[f, i, 0] = x / fx
            planes[f, i, 1] = y / fy
            planes[f, i, 2] = w - x * cx / fx - y * cy / fy
            for k in range(3):
                planes[f, 3, k] += planes[f, i, k]
    return planes, bounds


@numba.njit(cache=True, fastmath=True)
def _fill_rows(rows, a, b, c):  # type: ignore[no-untyped-def]
    """Write the adjugate of the matrix with columns a, b, c into `rows` and return the determinant."""
    for i, (p, q) in enumerate(((b, c), (c, a), (a, b))):
        rows[i, 0] = p[1] * q[2] - p[2] * q[1]
        rows[i, 1] = p[2] * q[0] - p[0] * q[2]
        rows[i, 2] = p[0] * q[1] - p[1] * q[0]
    return rows[0, 0] * a[0] + rows[0, 1] * a[1] + rows[0, 2] * a[2]


@numba.njit(cache=True, fastmath=True)
def orthographic_planes(points, faces, size):  # type: ignore[no-untyped-def]
    """As `perspective_planes`, for vertices (V, 3) given as pixel x, pixel y, nearness (larger is nearer).

    Faces entirely outside the map of `size` x `size` pixels get no planes; back faces are kept.
    """
    count = len(faces)
    planes = np.zeros((count, 4, 3), np.float32)
    bounds = np.empty((count, 4), np.float32)
    for f in range(count):
        a, b, c = points[faces[f, 0]], points[faces[f, 1]], points[faces[f, 2]]
        for k in range(2):
            bounds[f, k] = min(a[k], b[k], c[k])
            bounds[f, k + 2] = max(a[k], b[k], c[k])
        if bounds[f, 2] < 0 or bounds[f, 3] < 0 or bounds[f, 0] > size - 1 or bounds[f, 1] > size - 1:
            continue
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if abs(area) < 1e-12:
            bounds[f, 2] = bounds[f, 0] - 1
            continue
        for i, (p, q) in enumerate(((b, c), (c, a), (a, b))):
            planes[f, i, 0] = (p[1] - q[1]) / area
            planes[f, i, 1] = (q[0] - p[0]) / area
            planes[f, i, 2] = (p[0] * q[1] - p[1] * q[0]) / area
        for k in range(3):
            planes[f, 3, k] = planes[f, 0, k] * a[2] + planes[f, 1, k] * b[2] + planes[f, 2, k] * c[2]
    return planes, bounds


@numba.njit(cache=True, fastmath=True)
def rasterise(planes, bounds, height, width, background):  # type: ignore[no-untyped-def]
    """Nearness (H, W) float32, `background` where no face is visible, and face ids (H, W) int32, -1 there."""
    nearness = np.full((height, width), background, np.float32)
    face_ids = np.full((height, width), -1, np.int32)
    for f in range(len(planes)):
        x0, x1 = max(0, int(np.ceil(bounds[f, 0]))), min(width - 1, int(np.floor(bounds[f, 2])))
        y0, y1 = max(0, int(np.ceil(bounds[f, 1]))), min(height - 1, int(np.floor(bounds[f, 3])))
        if x0 > x1 or y0 > y1:
            continue
        p = planes[f]
        for y in range(y0, y1 + 1):
            e0 = p[0, 0] * x0 + p[0, 1] * y + p[0, 2]
            e1 = p[1, 0] * x0 + p[1, 1] * y + p[1, 2]
            e2 = p[2, 0] * x0 + p[2, 1] * y + p[2, 2]
            near = p[3, 0] * x0 + p[3, 1] * y + p[3, 2]
            for x in range(x0, x1 + 1):
                if e0 >= 0 and e1 >= 0 and e2 >= 0 and near > nearness[y, x]:
                    nearness[y, x] = near
                    face_ids[y, x] = f
                e0 += p[0, 0]
                e1 += p[1, 0]
                e2 += p[2, 0]
                near += p[3, 0]
    return nearness, face_ids
