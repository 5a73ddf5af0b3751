"""An arm without a body: hand and forearm, an upper arm that leads out of the image, a sleeve."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from handos_model.geometry.arrays import FloatArray, IntArray
from handos_model.hand.hand import Handedness
from handos_model.synthesis.assets import HandAsset
from handos_model.synthesis.mesh import Mesh, vertex_normals
from handos_model.synthesis.posing import HandPoser
from handos_model.synthesis.skinning import pose_mesh

MIRROR = np.array([-1, 1, 1], np.float32)
UPPER_ARM_RINGS = (0.12, 0.55)
"""Metres from the elbow to the two rings of vertices that form the upper arm."""


@dataclass(frozen=True)
class Arm:
    """A posed arm in the axes of the hand asset (mirrored for a left arm), metres."""

    vertices: FloatArray
    """(V, 3) of the hand asset."""
    rest_heights: FloatArray
    """(V,) metres along the arm at rest: 0 at the wrist, negative towards the elbow."""
    side: Handedness


@dataclass(frozen=True)
class Sleeve:
    """A tube of cloth around the forearm."""

    start: float
    """Metres from the wrist to the cuff, towards the elbow."""
    thickness: float
    """Metres between skin and cloth."""


class ArmBuilder:
    """Builds arms from the hand asset."""

    def __init__(self, asset: HandAsset) -> None:
        self._asset = asset
        self._poser = HandPoser(asset)

    def sample(self, rng: np.random.Generator, side: Handedness) -> Arm:
        """A random shape in a random pose."""
        return self.pose(self.sample_shape(rng), self._poser.sample(rng), side)

    def sample_shape(self, rng: np.random.Generator) -> FloatArray:
        """(S,) coefficients of the shape components, in standard deviations."""
        count = len(self._asset.mesh.shape_vertices)
        return np.asarray(rng.normal(0, 0.9, count).clip(-2.2, 2.2), np.float32)

    def pose(self, shape: FloatArray, rotations: FloatArray, side: Handedness) -> Arm:
        """An arm with shape coefficients (S,) and local bone rotations (B, 3, 3) of a right hand."""
        mesh = self._asset.mesh
        vertices, pivots = mesh.apply_shape(shape)
        posed, _ = pose_mesh(mesh, vertices, pivots, rotations)
        return Arm(posed * MIRROR if side == "left" else posed, vertices[:, 1], side)

    def skin_mesh(
        self,
        arm: Arm,
        vertices: FloatArray,
        arm_direction: FloatArray,
        tint: FloatArray,
        material: int,
        hand_id: int,
    ) -> Mesh:
        """The arm's skin in the scene.

        Parameters
        ----------
        arm, vertices
            The arm and its (V, 3) vertices in camera coordinates.
        arm_direction
            (3,) unit vector from the elbow along the upper arm.
        tint
            (V, 3) factors of the skin's colour.
        material, hand_id
            Indices of the scene's material and hand.
        """
        mesh, (elbow_loop, upper_faces, upper_uv) = self._asset.mesh, self._upper_arm
        faces = np.concatenate([mesh.faces, upper_faces])
        uv = np.concatenate([mesh.uv[mesh.face_uv], upper_uv])
        if arm.side == "left":
            faces, uv = faces[:, ::-1], uv[:, ::-1]
        rings = np.concatenate([vertices[elbow_loop] + arm_direction * np.float32(reach) for reach in UPPER_ARM_RINGS])
        return Mesh(
            vertices=np.concatenate([vertices, rings]).astype(np.float32),
            faces=np.ascontiguousarray(faces),
            uv=np.ascontiguousarray(uv),
            materials=np.full(len(faces), material, np.int16),
            part_ids=np.concatenate([self._asset.face_parts, np.zeros(len(upper_faces), np.uint8)]),
            tint=np.concatenate([tint, np.ones_like(rings)]).astype(np.float32),
            hand_ids=np.full(len(faces), hand_id, np.int8),
        )

    def forearm_direction(self, vertices: FloatArray) -> FloatArray:
        """(3,) unit vector from wrist to elbow of an arm with (V, 3) vertices."""
        elbow = vertices[self._upper_arm[0]].mean(axis=0)
        along = elbow - self._asset.joint_regressor[0] @ vertices
        return np.asarray(along / np.linalg.norm(along), np.float32)

    def sleeve_mesh(self, arm: Arm, skin: Mesh, sleeve: Sleeve, material: int) -> Mesh:
        """A sleeve over the result of `skin_mesh`; its faces belong to no hand."""
        rest = np.concatenate([arm.rest_heights, np.full(len(skin.vertices) - len(arm.rest_heights), -1.0)])
        covered = (rest[skin.faces] < -sleeve.start).all(axis=1)
        used, faces = np.unique(skin.faces[covered], return_inverse=True)
        normals = vertex_normals(skin.vertices, skin.faces)[used]
        # Wider at the cuff, with folds around the arm.
        folds = 1 + 0.25 * np.sin(rest[used] * 210) + 0.6 * np.exp((rest[used] + sleeve.start) * 25)
        vertices = skin.vertices[used] + normals * (sleeve.thickness * folds)[:, None].astype(np.float32)
        faces = faces.reshape(-1, 3).astype(np.int32)
        uv = skin.uv[covered] * np.float32(5.0)
        # The inside, visible at the cuff, is a second surface.
        vertices = np.concatenate([vertices, vertices])
        uv = np.concatenate([uv, uv[:, ::-1]])
        faces = np.concatenate([faces, faces[:, ::-1] + len(used)])
        return Mesh(
            vertices=vertices.astype(np.float32),
            faces=faces.astype(np.int32),
            uv=uv,
            materials=np.full(len(faces), material, np.int16),
            part_ids=np.zeros(len(faces), np.uint8),
            tint=np.ones((len(vertices), 3), np.float32),
            hand_ids=np.full(len(faces), -1, np.int8),
        )

    @cached_property
    def _upper_arm(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Open edge at the elbow (n,), faces (F, 3) between it and the rings, and their (F, 3, 2) uv."""
        mesh = self._asset.mesh
        loop, loop_uv = _boundary_loop_with_uv(mesh.faces, mesh.face_uv)
        count, base = len(loop), len(mesh.vertices)
        ids = np.stack([loop, base + np.arange(count), base + count + np.arange(count)])
        faces, uv = [], []
        for ring in range(2):
            for k in range(count):
                a, b = k, (k + 1) % count
                corners = [(ring, b), (ring, a), (ring + 1, a), (ring, b), (ring + 1, a), (ring + 1, b)]
                faces.append([ids[corner] for corner in corners])
                uv.append([mesh.uv[loop_uv[k][0 if at == a else 1]] for _, at in corners])
        return (
            loop.astype(np.int32),
            np.array(faces, np.int32).reshape(-1, 3),
            np.array(uv, np.float32).reshape(-1, 3, 2),
        )


def _boundary_loop_with_uv(faces: IntArray, face_uv: IntArray) -> tuple[IntArray, list[tuple[int, int]]]:
    """Vertices of the mesh's only boundary loop, in order, and rows of the uv of each edge's two ends."""
    following: dict[int, tuple[int, tuple[int, int]]] = {}
    edges = {(int(f[k]), int(f[(k + 1) % 3])) for f in faces for k in range(3)}
    for face, uv in zip(faces, face_uv, strict=True):
        for k in range(3):
            a, b = int(face[k]), int(face[(k + 1) % 3])
            if (b, a) not in edges:
                following[a] = (b, (int(uv[k]), int(uv[(k + 1) % 3])))
    start = next(iter(following))
    loop, ends, at = [], [], start
    for _ in following:
        loop.append(at)
        at, uv_ends = following[at]
        ends.append(uv_ends)
        if at == start:
            return np.array(loop, np.int32), ends
    raise ValueError(f"the mesh's boundary of {len(following)} vertices is not one loop: give another mesh")
