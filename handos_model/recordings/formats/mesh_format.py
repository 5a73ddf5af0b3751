"""Meshes of every frame: PLY, one file a hand, or GLB, one file a frame."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import numpy as np
import trimesh

from handos_model.files.atomic_write import atomic_write
from handos_model.hand.hand import Hand
from handos_model.hand.topology import HandTopology
from handos_model.recordings.formats.frame_writer import FrameWriter
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.source import FrameSource
from handos_model.visualization.mesh_drawing import SIDE_COLOURS

MeshKind = Literal["ply", "glb"]

_TO_GLTF: Final = np.diag([1.0, -1.0, -1.0, 1.0])
"""From the camera's axes (y down, z forward) to glTF's (y up, z towards the viewer)."""


class MeshFormat:
    """Writes `folder`/STEM/FRAME.glb, or FRAME_HAND.ply.

    PLY files are in the camera's frame. GLB files hold the hands of a frame as nodes, upright in glTF's axes.

    Parameters
    ----------
    folder
        Folder of this format's files.
    kind
        Which files.
    topology
        Topology of the hands' vertices.
    """

    def __init__(self, folder: Path, kind: MeshKind, topology: HandTopology) -> None:
        self._folder, self._kind, self._topology = folder, kind, topology

    @contextmanager
    def open(self, source: FrameSource, stem: str) -> Iterator[FrameWriter]:
        """As `OutputFormat`, but that whole files are left after an error: each is complete."""
        for path in (self._folder / stem).glob(f"[0-9][0-9][0-9][0-9][0-9][0-9]*.{self._kind}"):
            path.unlink()
        yield _Meshes(self._folder / stem, self._kind, self._topology)

    def finish(self, stems: list[str]) -> list[str]:
        """As `OutputFormat`."""
        return []


class _Meshes:
    def __init__(self, folder: Path, kind: MeshKind, topology: HandTopology) -> None:
        self._folder, self._kind, self._topology = folder, kind, topology

    def write(self, result: FrameHands) -> None:
        meshes = {
            f"{hand.handedness}_{number if hand.id is None else hand.id}": self._mesh(hand)
            for number, hand in enumerate(result.hands)
            if hand.vertices is not None
        }
        frame = f"{result.frame.index:06d}"
        if self._kind == "glb" and meshes:
            scene = trimesh.Scene()
            for name, mesh in meshes.items():
                scene.add_geometry(mesh, node_name=name, geom_name=name, transform=_TO_GLTF)
            self._write(f"{frame}.glb", scene)
        if self._kind == "ply":
            for name, mesh in meshes.items():
                self._write(f"{frame}_{name}.ply", mesh)

    def _write(self, name: str, content: "trimesh.Trimesh | trimesh.Scene") -> None:
        with atomic_write(self._folder / name, keep_partial=True) as path:
            content.export(path, file_type=self._kind)

    def _mesh(self, hand: Hand) -> trimesh.Trimesh:
        blue, green, red = SIDE_COLOURS[hand.handedness]
        # As it is: trimesh would merge and reorder vertices, whose order means something.
        return trimesh.Trimesh(
            hand.vertices, self._topology.faces(hand.handedness), vertex_colors=(red, green, blue, 255), process=False
        )
