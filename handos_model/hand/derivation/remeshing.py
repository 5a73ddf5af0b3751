"""Remesh an open surface to an exact number of vertices, spaced by a relative edge length."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import trimesh
from scipy.spatial import cKDTree

from handos_model.geometry.arrays import Float64Array

Ids = npt.NDArray[np.int64]

EdgeLengthField = Callable[[Float64Array], Float64Array]
"""Relative target edge length (N,) at points (N, 3)."""

ROUNDS = 30
"""Rounds of splitting, collapsing, flipping and relaxing."""
NEAREST_TRIANGLES = 32
"""Candidates for the triangle nearest to a point, by their centres."""
MIN_NORMAL_COSINE = 0.2
"""Edits that rotate the normal of a face further than this are rejected."""


class Surface:
    """A triangle mesh that points are projected onto."""

    def __init__(self, vertices: Float64Array, faces: Ids) -> None:
        self.faces = faces
        self._corners = vertices[faces]
        self._centres = cKDTree(self._corners.mean(axis=1))

    def project(self, points: Float64Array) -> tuple[Float64Array, Ids, Float64Array]:
        """Nearest points on the surface: (N, 3) positions, (N, 3) vertex ids and (N, 3) barycentric weights."""
        candidates = self._centres.query(points, k=NEAREST_TRIANGLES)[1]
        triangles = self._corners[candidates].reshape(-1, 3, 3)
        repeated = np.repeat(points, NEAREST_TRIANGLES, axis=0)
        nearest = trimesh.triangles.closest_point(  # type: ignore[no-untyped-call]
            triangles, repeated
        ).reshape(*candidates.shape, 3)
        best = np.linalg.norm(nearest - points[:, None], axis=2).argmin(axis=1)
        row = np.arange(len(points))
        face = candidates[row, best]
        weights = trimesh.triangles.points_to_barycentric(  # type: ignore[no-untyped-call]
            self._corners[face], nearest[row, best]
        )
        weights = np.clip(weights, 0.0, None)
        weights /= weights.sum(axis=1, keepdims=True)
        return np.einsum("nk,nkx->nx", weights, self._corners[face]), self.faces[face], weights


@dataclass
class EditableMesh:
    """A mesh whose edges can be split, collapsed and flipped; unused vertices may remain."""

    vertices: Float64Array
    faces: Ids

    def edges(self) -> tuple[Ids, npt.NDArray[np.bool_]]:
        """(E, 2) undirected edges and whether each lies on the boundary."""
        directed = self.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
        edges, uses = np.unique(np.sort(directed, axis=1), axis=0, return_counts=True)
        return edges, uses == 1

    def faces_at(self, *corners: int) -> Ids:
        """Indices of the faces that contain all the given vertices."""
        contained = np.ones(len(self.faces), dtype=bool)
        for corner in corners:
            contained &= (self.faces == corner).any(axis=1)
        return np.flatnonzero(contained)

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
        """Merge `drop` into `keep`; does nothing and returns False if the surface would fold or become non-manifold."""
        at_edge = self.faces_at(keep, drop)
        opposite = set(self.faces[at_edge].ravel().tolist()) - {keep, drop}
        if self.neighbours(keep) & self.neighbours(drop) != opposite:
            return False
        around = np.setdiff1d(np.union1d(self.faces_at(keep), self.faces_at(drop)), at_edge)
        before = unit_normals(self.vertices[self.faces[around]])
        moved = self.vertices.copy()
        moved[drop] = moved[keep]
        if ((before * unit_normals(moved[self.faces[around]])).sum(axis=1) < MIN_NORMAL_COSINE).any():
            return False
        self.vertices = moved
        self.faces = np.delete(np.where(self.faces == drop, keep, self.faces), at_edge, axis=0)
        return True

    def split(self, first: int, second: int) -> None:
        """Insert a vertex in the middle of an edge."""
        middle = len(self.vertices)
        self.vertices = np.vstack([self.vertices, self.vertices[[first, second]].mean(axis=0)])
        at_edge = self.faces_at(first, second)
        halves = self.faces[at_edge]
        self.faces[at_edge] = np.where(halves == first, middle, halves)
        self.faces = np.vstack([self.faces, np.where(halves == second, middle, halves)])

    def flip(self, first: int, second: int) -> None:
        """Replace an inner edge by the other diagonal of its two faces, unless that would fold the surface."""
        one, other = self.faces_at(first, second)
        left, right = (int(np.setdiff1d(self.faces[face], [first, second])[0]) for face in (one, other))
        if right in self.neighbours(left):
            return
        # Keeps the orientation: in each face, one end of the edge is replaced by the opposite corner of the other.
        new = np.stack(
            [
                np.where(self.faces[one] == first, right, self.faces[one]),
                np.where(self.faces[other] == second, left, self.faces[other]),
            ]
        )
        old_normals = unit_normals(self.vertices[self.faces[[one, other]]])
        if (unit_normals(self.vertices[new]) @ old_normals.T >= MIN_NORMAL_COSINE).all():
            self.faces[[one, other]] = new


def unit_normals(corners: Float64Array) -> Float64Array:
    """(..., 3) unit normals of (..., 3, 3) triangles."""
    normals = np.cross(corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :])
    return np.asarray(normals / (np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-15))


def vertex_normals(vertices: Float64Array, faces: Ids) -> Float64Array:
    """(V, 3) unit normals: the mean of the adjacent faces' normals, weighted by area."""
    corners = vertices[faces]
    normals = np.zeros_like(vertices)
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for corner in range(3):
        np.add.at(normals, faces[:, corner], face_normals)
    return np.asarray(normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-15))


def remesh(
    surface: Surface,
    start: EditableMesh,
    vertex_count: int,
    boundary_count: int,
    edge_length: EdgeLengthField,
    anchors: Float64Array,
) -> EditableMesh:
    """Remesh `start`, an open surface with one boundary loop, to exactly the given numbers of vertices.

    Parameters
    ----------
    surface
        The surface that inner vertices are projected onto.
    start
        The initial mesh; boundary vertices stay on its boundary polyline.
    vertex_count, boundary_count
        Number of all vertices, and of those on the boundary.
    edge_length
        Relative target edge length.
    anchors
        (A, 3) points of the surface at which there is a vertex.
    """
    mesh = start.compacted()
    boundary_line = cKDTree(_sample_boundary(mesh))
    _collapse_shortest(mesh, len(_boundary_vertices(mesh)) - boundary_count, edge_length, on_boundary=True)
    for step in range(ROUNDS):
        # Fewer and fewer edits: the last rounds only relax.
        slack = int(0.1 * vertex_count * (1 - step / ROUNDS) ** 2)
        _collapse_shortest(mesh, len(mesh.used()) - vertex_count + slack, edge_length, on_boundary=False)
        _split_longest(mesh, vertex_count - len(mesh.used()), edge_length)
        _flip_edges(mesh)
        mesh = mesh.compacted()
        _relax(mesh, surface, boundary_line, edge_length, anchors)
        _flip_edges(mesh)
    return mesh


def _boundary_vertices(mesh: EditableMesh) -> Ids:
    edges, on_boundary = mesh.edges()
    return np.unique(edges[on_boundary])


def _sample_boundary(mesh: EditableMesh, per_edge: int = 200) -> Float64Array:
    edges, on_boundary = mesh.edges()
    ends = mesh.vertices[edges[on_boundary]]
    along = np.linspace(0, 1, per_edge)[:, None, None]
    return ((1 - along) * ends[:, 0] + along * ends[:, 1]).reshape(-1, 3)


def _relative_lengths(mesh: EditableMesh, edges: Ids, edge_length: EdgeLengthField) -> Float64Array:
    first, second = mesh.vertices[edges[:, 0]], mesh.vertices[edges[:, 1]]
    return np.asarray(np.linalg.norm(first - second, axis=1) / edge_length((first + second) / 2))


def _collapse_shortest(mesh: EditableMesh, count: int, edge_length: EdgeLengthField, on_boundary: bool) -> None:
    """Collapse up to `count` edges, shortest first, either on the boundary or inside."""
    for _ in range(max(count, 0)):
        edges, is_boundary = mesh.edges()
        fixed = np.zeros(len(mesh.vertices), dtype=bool)
        fixed[edges[is_boundary]] = True
        allowed = is_boundary if on_boundary else ~fixed[edges].all(axis=1)
        candidates = edges[allowed]
        for first, second in candidates[np.argsort(_relative_lengths(mesh, candidates, edge_length))]:
            keep, drop = (second, first) if fixed[second] else (first, second)
            if mesh.collapse(int(keep), int(drop)):
                break
        else:
            raise RuntimeError("no edge can be collapsed: the source mesh is not a manifold with one boundary loop")


def _split_longest(mesh: EditableMesh, count: int, edge_length: EdgeLengthField) -> None:
    for _ in range(max(count, 0)):
        edges, on_boundary = mesh.edges()
        inner = edges[~on_boundary]
        first, second = inner[_relative_lengths(mesh, inner, edge_length).argmax()]
        mesh.split(int(first), int(second))


def _flip_edges(mesh: EditableMesh, passes: int = 8) -> None:
    """Approach a Delaunay triangulation: in up to `passes` passes, flip edges that share no face."""
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
    """Inner edges whose two opposite angles sum to more than 180 degrees, largest sum first."""
    corners = mesh.vertices[mesh.faces]
    to_next = np.roll(corners, -1, axis=1) - corners
    to_previous = np.roll(corners, 1, axis=1) - corners
    across = np.linalg.norm(np.cross(to_next, to_previous), axis=2)
    angles = np.arctan2(across, (to_next * to_previous).sum(axis=2))
    opposite = np.sort(np.stack([np.roll(mesh.faces, -1, axis=1), np.roll(mesh.faces, 1, axis=1)], axis=2), axis=2)
    edges, edge_of = np.unique(opposite.reshape(-1, 2), axis=0, return_inverse=True)
    sums = np.bincount(edge_of.ravel(), weights=angles.ravel())
    return edges[np.argsort(-sums)][: int((sums > np.pi + 1e-6).sum())]


def _relax(
    mesh: EditableMesh, surface: Surface, boundary_line: cKDTree, edge_length: EdgeLengthField, anchors: Float64Array
) -> None:
    """Move every vertex towards the mean of its neighbours, along the surface."""
    edges, on_boundary = mesh.edges()
    boundary = np.unique(edges[on_boundary])
    # Edges pull in proportion to their relative length: vertices move to where the mesh is too coarse.
    target = _neighbour_average(mesh.vertices, edges, _relative_lengths(mesh, edges, edge_length))
    along_boundary = _neighbour_average(mesh.vertices, edges[on_boundary], np.ones(int(on_boundary.sum())))
    normals = vertex_normals(mesh.vertices, mesh.faces)
    step = 0.6 * (target - mesh.vertices)
    # Tangential steps only: steps inwards would let the fingertips slide down the fingers.
    step -= (step * normals).sum(axis=1, keepdims=True) * normals
    projected = surface.project(mesh.vertices + step)[0]
    # Half of the way only: a full step of all vertices at once would oscillate.
    halfway = 0.5 * (mesh.vertices + along_boundary)[boundary]
    projected[boundary] = boundary_line.data[boundary_line.query(halfway)[1]]
    projected[cKDTree(projected).query(anchors)[1]] = anchors
    mesh.vertices = projected


def _neighbour_average(vertices: Float64Array, edges: Ids, weights: Float64Array) -> Float64Array:
    total = np.full(len(vertices), 1e-12)
    summed = 1e-12 * vertices
    for here, there in (edges.T, edges.T[::-1]):
        np.add.at(total, here, weights)
        np.add.at(summed, here, weights[:, None] * vertices[there])
    return np.asarray(summed / total[:, None])
