"""Remesh an open surface to an exact number of vertices, evenly spaced relative to a wanted local size."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import trimesh
from scipy.spatial import cKDTree

Points = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

SizeField = Callable[[Points], npt.NDArray[np.float64]]
"""Relative edge length wanted at (N, 3) points."""

ROUNDS = 30
"""Rounds of splitting, collapsing, flipping and relaxing."""
NEAREST_TRIANGLES_TRIED = 32
SHARP_COSINE = 0.2
"""Faces whose normals would turn further than this while editing are not made."""


class Surface:
    """A triangle mesh to which points are pulled back."""

    def __init__(self, vertices: Points, faces: Ids) -> None:
        self.faces = faces
        self._corners = vertices[faces]
        self._centres = cKDTree(self._corners.mean(axis=1))

    def project(self, points: Points) -> tuple[Points, Ids, Points]:
        """Nearest points of the surface, as (N, 3) positions, (N, 3) vertex ids and (N, 3) barycentric weights."""
        tried = self._centres.query(points, k=NEAREST_TRIANGLES_TRIED)[1]
        triangles = self._corners[tried].reshape(-1, 3, 3)
        repeated = np.repeat(points, NEAREST_TRIANGLES_TRIED, axis=0)
        nearest = trimesh.triangles.closest_point(  # type: ignore[no-untyped-call]
            triangles, repeated
        ).reshape(*tried.shape, 3)
        best = np.linalg.norm(nearest - points[:, None], axis=2).argmin(axis=1)
        row = np.arange(len(points))
        face = tried[row, best]
        weights = trimesh.triangles.points_to_barycentric(  # type: ignore[no-untyped-call]
            self._corners[face], nearest[row, best]
        )
        weights = np.clip(weights, 0.0, None)
        weights /= weights.sum(axis=1, keepdims=True)
        return np.einsum("nk,nkx->nx", weights, self._corners[face]), self.faces[face], weights


@dataclass
class EditableMesh:
    """Vertices and faces while edges are split, collapsed and flipped; unused vertices may remain."""

    vertices: Points
    faces: Ids

    def edges(self) -> tuple[Ids, npt.NDArray[np.bool_]]:
        """(E, 2) undirected edges and whether each lies on the boundary."""
        directed = self.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
        edges, uses = np.unique(np.sort(directed, axis=1), axis=0, return_counts=True)
        return edges, uses == 1

    def faces_at(self, *corners: int) -> Ids:
        """Indices of the faces that contain all the given vertices."""
        found = np.ones(len(self.faces), dtype=bool)
        for corner in corners:
            found &= (self.faces == corner).any(axis=1)
        return np.flatnonzero(found)

    def neighbours(self, vertex: int) -> set[int]:
        """Vertices that share an edge with `vertex`."""
        return set(self.faces[self.faces_at(vertex)].ravel().tolist()) - {vertex}

    def used(self) -> Ids:
        """Ids of the vertices that belong to a face."""
        return np.unique(self.faces)

    def compacted(self) -> "EditableMesh":
        """The same mesh without unused vertices."""
        used, faces = np.unique(self.faces, return_inverse=True)
        return EditableMesh(self.vertices[used], faces.reshape(-1, 3))

    def collapse(self, keep: int, drop: int) -> bool:
        """Merge `drop` into `keep`; refuse (False) where the surface would fold or turn non-manifold."""
        at_edge = self.faces_at(keep, drop)
        opposite = set(self.faces[at_edge].ravel().tolist()) - {keep, drop}
        if self.neighbours(keep) & self.neighbours(drop) != opposite:
            return False
        around = np.setdiff1d(np.union1d(self.faces_at(keep), self.faces_at(drop)), at_edge)
        before = unit_normals(self.vertices[self.faces[around]])
        moved = self.vertices.copy()
        moved[drop] = moved[keep]
        if ((before * unit_normals(moved[self.faces[around]])).sum(axis=1) < SHARP_COSINE).any():
            return False
        self.vertices = moved
        self.faces = np.delete(np.where(self.faces == drop, keep, self.faces), at_edge, axis=0)
        return True

    def split(self, first: int, second: int) -> None:
        """Put a vertex in the middle of an edge."""
        middle = len(self.vertices)
        self.vertices = np.vstack([self.vertices, self.vertices[[first, second]].mean(axis=0)])
        at_edge = self.faces_at(first, second)
        halves = self.faces[at_edge]
        self.faces[at_edge] = np.where(halves == first, middle, halves)
        self.faces = np.vstack([self.faces, np.where(halves == second, middle, halves)])

    def flip(self, first: int, second: int) -> None:
        """Turn an inner edge to the other diagonal of its two faces, unless that would fold the surface."""
        one, other = self.faces_at(first, second)
        left, right = (int(np.setdiff1d(self.faces[face], [first, second])[0]) for face in (one, other))
        if right in self.neighbours(left):
            return
        # The new faces keep the orientation: in each old face, one end of the edge makes way for the far corner.
        new = np.stack(
            [
                np.where(self.faces[one] == first, right, self.faces[one]),
                np.where(self.faces[other] == second, left, self.faces[other]),
            ]
        )
        old_normals = unit_normals(self.vertices[self.faces[[one, other]]])
        if (unit_normals(self.vertices[new]) @ old_normals.T >= SHARP_COSINE).all():
            self.faces[[one, other]] = new


def unit_normals(corners: Points) -> Points:
    """(..., 3) unit normals of (..., 3, 3) triangles."""
    normals = np.cross(corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :])
    return np.asarray(normals / (np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-15))


def vertex_normals(vertices: Points, faces: Ids) -> Points:
    """(V, 3) unit normals, the mean of the adjoining faces' normals weighted by area."""
    corners = vertices[faces]
    normals = np.zeros_like(vertices)
    of_faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for corner in range(3):
        np.add.at(normals, faces[:, corner], of_faces)
    return np.asarray(normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-15))


def remesh(
    surface: Surface, start: EditableMesh, vertex_count: int, boundary_count: int, size: SizeField, anchors: Points
) -> EditableMesh:
    """Remesh `start`, an open surface with one boundary loop, to exactly the given numbers of vertices.

    Parameters
    ----------
    surface
        What the inner vertices are kept on.
    start
        The mesh to begin with; the boundary vertices stay on its boundary polyline.
    size
        Relative edge length wanted at a place.
    anchors
        (A, 3) points of the surface that get a vertex each.
    """
    mesh = start.compacted()
    boundary_line = cKDTree(_densely_on_boundary(mesh))
    _collapse_shortest(mesh, len(_boundary_vertices(mesh)) - boundary_count, size, on_boundary=True)
    for step in range(ROUNDS):
        # Less and less is changed, so that the last rounds only even out.
        slack = int(0.1 * vertex_count * (1 - step / ROUNDS) ** 2)
        _collapse_shortest(mesh, len(mesh.used()) - vertex_count + slack, size, on_boundary=False)
        _split_longest(mesh, vertex_count - len(mesh.used()), size)
        _flip_edges(mesh)
        mesh = mesh.compacted()
        _relax(mesh, surface, boundary_line, size, anchors)
        _flip_edges(mesh)
    return mesh


def _boundary_vertices(mesh: EditableMesh) -> Ids:
    edges, on_boundary = mesh.edges()
    return np.unique(edges[on_boundary])


def _densely_on_boundary(mesh: EditableMesh, per_edge: int = 200) -> Points:
    edges, on_boundary = mesh.edges()
    ends = mesh.vertices[edges[on_boundary]]
    along = np.linspace(0, 1, per_edge)[:, None, None]
    return ((1 - along) * ends[:, 0] + along * ends[:, 1]).reshape(-1, 3)


def _relative_lengths(mesh: EditableMesh, edges: Ids, size: SizeField) -> npt.NDArray[np.float64]:
    first, second = mesh.vertices[edges[:, 0]], mesh.vertices[edges[:, 1]]
    return np.asarray(np.linalg.norm(first - second, axis=1) / size((first + second) / 2))


def _collapse_shortest(mesh: EditableMesh, count: int, size: SizeField, on_boundary: bool) -> None:
    """Collapse up to `count` edges, the shortest first, either of the boundary or of the inside."""
    for _ in range(max(count, 0)):
        edges, is_boundary = mesh.edges()
        fixed = np.zeros(len(mesh.vertices), dtype=bool)
        fixed[edges[is_boundary]] = True
        allowed = is_boundary if on_boundary else ~fixed[edges].all(axis=1)
        candidates = edges[allowed]
        for first, second in candidates[np.argsort(_relative_lengths(mesh, candidates, size))]:
            keep, drop = (second, first) if fixed[second] else (first, second)
            if mesh.collapse(int(keep), int(drop)):
                break
        else:
            raise RuntimeError("no edge can be collapsed any more: the source mesh is not a clean open surface")


def _split_longest(mesh: EditableMesh, count: int, size: SizeField) -> None:
    for _ in range(max(count, 0)):
        edges, on_boundary = mesh.edges()
        inner = edges[~on_boundary]
        first, second = inner[_relative_lengths(mesh, inner, size).argmax()]
        mesh.split(int(first), int(second))


def _flip_edges(mesh: EditableMesh, passes: int = 8) -> None:
    """Make the mesh locally Delaunay, nearly: `passes` times, flip edges that do not share a face."""
    for _ in range(passes):
        candidates = _edges_with_wide_opposite_angles(mesh)
        touched: set[int] = set()
        for first, second in candidates.tolist():
            faces = set(mesh.faces_at(first, second).tolist())
            if len(faces) == 2 and not faces & touched:
                mesh.flip(first, second)
                touched |= faces
        if not len(candidates):
            return


def _edges_with_wide_opposite_angles(mesh: EditableMesh) -> Ids:
    """Inner edges whose two opposite angles sum to more than half a turn, the worst first."""
    corners = mesh.vertices[mesh.faces]
    to_next = np.roll(corners, -1, axis=1) - corners
    to_previous = np.roll(corners, 1, axis=1) - corners
    across = np.linalg.norm(np.cross(to_next, to_previous), axis=2)
    angles = np.arctan2(across, (to_next * to_previous).sum(axis=2))
    opposite = np.sort(np.stack([np.roll(mesh.faces, -1, axis=1), np.roll(mesh.faces, 1, axis=1)], axis=2), axis=2)
    edges, edge_of = np.unique(opposite.reshape(-1, 2), axis=0, return_inverse=True)
    sums = np.bincount(edge_of.ravel(), weights=angles.ravel())
    return edges[np.argsort(-sums)][: int((sums > np.pi + 1e-6).sum())]


def _relax(mesh: EditableMesh, surface: Surface, boundary_line: cKDTree, size: SizeField, anchors: Points) -> None:
    """Move every vertex towards the middle of its neighbours, along the surface."""
    edges, on_boundary = mesh.edges()
    boundary = np.unique(edges[on_boundary])
    # Long edges pull harder, measured in the size wanted: vertices drift to where the mesh is too coarse.
    target = _neighbour_average(mesh.vertices, edges, _relative_lengths(mesh, edges, size))
    along_boundary = _neighbour_average(mesh.vertices, edges[on_boundary], np.ones(int(on_boundary.sum())))
    normals = vertex_normals(mesh.vertices, mesh.faces)
    step = 0.6 * (target - mesh.vertices)
    # Moving inwards would let the fingertips slide down the fingers.
    step -= (step * normals).sum(axis=1, keepdims=True) * normals
    projected = surface.project(mesh.vertices + step)[0]
    # Half of the way only: all at once, every second vertex would swap its long and short side for ever.
    halfway = 0.5 * (mesh.vertices + along_boundary)[boundary]
    projected[boundary] = boundary_line.data[boundary_line.query(halfway)[1]]
    projected[cKDTree(projected).query(anchors)[1]] = anchors
    mesh.vertices = projected


def _neighbour_average(vertices: Points, edges: Ids, weights: npt.NDArray[np.float64]) -> Points:
    total = np.full(len(vertices), 1e-12)
    summed = 1e-12 * vertices
    for here, there in (edges.T, edges.T[::-1]):
        np.add.at(total, here, weights)
        np.add.at(summed, here, weights[:, None] * vertices[there])
    return np.asarray(summed / total[:, None])
