"""A z-buffer rasteriser compiled by numba: which face is visible at each sample of the image.

Each face is three linear functions of the sample position (its barycentric coordinates divided by depth) and a fourth,
their sum, which is the inverse depth that the z-buffer compares. Perspective and orthographic views differ only in how
these planes are set up.

The compiled loops index arrays by scalars only: a row of an array is an object whose references are counted, which
costs more than all the arithmetic on it.
"""

import numba
import numpy as np

NEAR_PLANE = np.float32(0.03)
"""Metres; faces with a vertex closer to the camera are not rendered."""


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def perspective_planes(vertices, faces, fx, fy, cx, cy):  # type: ignore[no-untyped-def]
    """Planes (F, 4, 3) and pixel bounds (F, 4: x0, y0, x1, y1) of faces in camera coordinates.

    Back faces are culled: their bounds are empty. A face covers the samples (u, v) where rows 0..2 of
    ``planes @ (u, v, 1)`` are positive; row 3 is 1 / depth.
    """
    count = len(faces)
    planes = np.empty((count, 4, 3), np.float32)
    bounds = np.empty((count, 4), np.float32)
    projected = np.empty((len(vertices), 2), np.float32)
    for v in range(len(vertices)):
        inverse = np.float32(1) / max(vertices[v, 2], NEAR_PLANE)
        projected[v, 0] = vertices[v, 0] * inverse * fx + cx
        projected[v, 1] = vertices[v, 1] * inverse * fy + cy
    for f in range(count):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if min(vertices[a, 2], vertices[b, 2], vertices[c, 2]) <= NEAR_PLANE or _is_back_face(projected, a, b, c):
            bounds[f, 0], bounds[f, 1], bounds[f, 2], bounds[f, 3] = 1, 1, 0, 0
            continue
        for k in range(2):
            bounds[f, k] = min(projected[a, k], projected[b, k], projected[c, k])
            bounds[f, k + 2] = max(projected[a, k], projected[b, k], projected[c, k])
        _set_up_planes(planes, f, vertices, a, b, c, fx, fy, cx, cy)
    return planes, bounds


@numba.njit(cache=True, fastmath=True)
def _is_back_face(pixels, a, b, c):  # type: ignore[no-untyped-def]
    """Whether a triangle of pixels is clockwise, or seen edge-on."""
    ux, uy = pixels[b, 0] - pixels[a, 0], pixels[b, 1] - pixels[a, 1]
    wx, wy = pixels[c, 0] - pixels[a, 0], pixels[c, 1] - pixels[a, 1]
    return ux * wy - uy * wx >= 0


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _set_up_planes(planes, f, vertices, a, b, c, fx, fy, cx, cy):  # type: ignore[no-untyped-def]
    """Write the planes of a face: the inverse of the matrix whose columns are its vertices.

    In double precision: what is left of nearly equal products would be too little where the view is narrow, and gaps
    would open between faces.
    """
    ax, ay, az = np.float64(vertices[a, 0]), np.float64(vertices[a, 1]), np.float64(vertices[a, 2])
    bx, by, bz = np.float64(vertices[b, 0]), np.float64(vertices[b, 1]), np.float64(vertices[b, 2])
    rx, ry, rz = np.float64(vertices[c, 0]), np.float64(vertices[c, 1]), np.float64(vertices[c, 2])
    x0, y0, w0 = by * rz - bz * ry, bz * rx - bx * rz, bx * ry - by * rx
    x1, y1, w1 = ry * az - rz * ay, rz * ax - rx * az, rx * ay - ry * ax
    x2, y2, w2 = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    scale = 1 / (x0 * ax + y0 * ay + w0 * az)
    rows = ((x0, y0, w0), (x1, y1, w1), (x2, y2, w2), (x0 + x1 + x2, y0 + y1 + y2, w0 + w1 + w2))
    for i, (x, y, w) in enumerate(rows):
        planes[f, i, 0], planes[f, i, 1] = x * scale / fx, y * scale / fy
        planes[f, i, 2] = (w - x * cx / fx - y * cy / fy) * scale


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def orthographic_planes(points, faces, size):  # type: ignore[no-untyped-def]
    """As `perspective_planes`, for vertices (V, 3) given as pixel x, pixel y, nearness (larger is nearer).

    Faces entirely outside the map of `size` x `size` pixels are culled; back faces are kept.
    """
    count = len(faces)
    planes = np.empty((count, 4, 3), np.float32)
    bounds = np.empty((count, 4), np.float32)
    for f in range(count):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, bx, by, rx, ry = points[a, 0], points[a, 1], points[b, 0], points[b, 1], points[c, 0], points[c, 1]
        bounds[f, 0], bounds[f, 2] = min(ax, bx, rx), max(ax, bx, rx)
        bounds[f, 1], bounds[f, 3] = min(ay, by, ry), max(ay, by, ry)
        if bounds[f, 2] < 0 or bounds[f, 3] < 0 or bounds[f, 0] > size - 1 or bounds[f, 1] > size - 1:
            continue
        area = (bx - ax) * (ry - ay) - (by - ay) * (rx - ax)
        if abs(area) < np.float32(1e-12):
            bounds[f, 2] = bounds[f, 0] - 1
            continue
        scale = np.float32(1) / area
        rows = (
            (by - ry, rx - bx, bx * ry - by * rx, points[a, 2]),
            (ry - ay, ax - rx, rx * ay - ry * ax, points[b, 2]),
            (ay - by, bx - ax, ax * by - ay * bx, points[c, 2]),
        )
        planes[f, 3, 0], planes[f, 3, 1], planes[f, 3, 2] = 0, 0, 0
        for i, (x, y, w, near) in enumerate(rows):
            planes[f, i, 0], planes[f, i, 1], planes[f, i, 2] = x * scale, y * scale, w * scale
            for k in range(3):
                planes[f, 3, k] += planes[f, i, k] * near
    return planes, bounds


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def rasterise(planes, bounds, height, width, background):  # type: ignore[no-untyped-def]
    """Nearness (H, W) float32, `background` where no face is visible, and face ids (H, W) int32, -1 there."""
    nearness = np.full(height * width, background, np.float32)
    face_ids = np.full(height * width, -1, np.int32)
    for f in range(len(planes)):
        x0, x1 = max(0, int(np.ceil(bounds[f, 0]))), min(width - 1, int(np.floor(bounds[f, 2])))
        y0, y1 = max(0, int(np.ceil(bounds[f, 1]))), min(height - 1, int(np.floor(bounds[f, 3])))
        if x0 > x1:
            continue
        d0, d1, d2, d3 = planes[f, 0, 0], planes[f, 1, 0], planes[f, 2, 0], planes[f, 3, 0]
        for y in range(y0, y1 + 1):
            u, v = np.float32(x0), np.float32(y)
            e0 = d0 * u + planes[f, 0, 1] * v + planes[f, 0, 2]
            e1 = d1 * u + planes[f, 1, 1] * v + planes[f, 1, 2]
            e2 = d2 * u + planes[f, 2, 1] * v + planes[f, 2, 2]
            e3 = d3 * u + planes[f, 3, 1] * v + planes[f, 3, 2]
            start = np.uint64(y * width + x0)
            # Without branches and with unsigned indices, the compiler draws 8 or 16 samples at once.
            for k in range(np.int32(x1 + 1 - x0)):
                at, step = start + np.uint64(k), np.float32(k)
                near = e3 + d3 * step
                seen = (e0 + d0 * step >= 0) & (e1 + d1 * step >= 0) & (e2 + d2 * step >= 0) & (near > nearness[at])
                nearness[at] = near if seen else nearness[at]
                face_ids[at] = np.int32(f) if seen else face_ids[at]
    return nearness.reshape(height, width), face_ids.reshape(height, width)
