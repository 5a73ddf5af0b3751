"""Hands as RViz markers: mesh, skeleton and label of every hand, deleted when the hand leaves."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Vector3
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from handos_model.hand.hand import Hand, Handedness, MetricHand
from handos_model.hand.skeleton import BONES, WRIST
from handos_model.hand.topology import HandTopology
from handos_ros.messages.mesh_marker import MeshMarker

_NAMESPACES: Final = ("mesh", "bones", "joints", "label")
_COLOURS: Final = {"left": (0.35, 0.65, 1.0), "right": (1.0, 0.6, 0.25)}
_BONE_ENDS: Final = np.array(BONES).reshape(-1)
_LABEL_HEIGHT: Final = 0.03
"""Metres of the label above the wrist."""


class HandMarkers:
    """Turns hands into marker messages, and remembers which markers are shown.

    Parameters
    ----------
    topology
        The topology of the hands' vertices.
    """

    def __init__(self, topology: HandTopology) -> None:
        self._topology = topology
        self._shown: set[int] = set()
        self._meshes: dict[tuple[int, Handedness, str], MeshMarker] = {}

    def messages(self, hands: Sequence[Hand], header: Header) -> list[MarkerArray | bytes]:
        """MarkerArrays that show these hands and no others; those of meshes are already serialized."""
        shown = {hand.id: (hand, hand.metric) for hand in hands if hand.id is not None and hand.metric is not None}
        gone = self._shown - shown.keys()
        self._shown = set(shown)
        needed = {(hand_id, hand.handedness, header.frame_id) for hand_id, (hand, _) in shown.items()}
        self._meshes = {key: mesh for key, mesh in self._meshes.items() if key in needed}
        light = [_deletion(namespace, hand_id, header) for hand_id in gone for namespace in _NAMESPACES]
        meshes = []
        for hand_id, (hand, metric) in shown.items():
            light += _skeleton_and_label(hand, metric, header)
            if len(metric.vertices):
                meshes.append(self._mesh_marker(hand_id, hand, header).serialize(metric.vertices, header))
        return [MarkerArray(markers=light), *meshes]

    def _mesh_marker(self, hand_id: int, hand: Hand, header: Header) -> MeshMarker:
        key = (hand_id, hand.handedness, header.frame_id)
        if key not in self._meshes:
            self._meshes[key] = MeshMarker(_marker("mesh", hand, header), self._topology.faces(hand.handedness))
        return self._meshes[key]


def _skeleton_and_label(hand: Hand, metric: MetricHand, header: Header) -> list[Marker]:
    joints = [Point(x=x, y=y, z=z) for x, y, z in metric.joints_3d.tolist()]

    bones = _marker("bones", hand, header)
    bones.type, bones.scale.x = Marker.LINE_LIST, 0.004
    bones.points = [joints[k] for k in _BONE_ENDS]

    spheres = _marker("joints", hand, header)
    spheres.type, spheres.scale = Marker.SPHERE_LIST, Vector3(x=0.008, y=0.008, z=0.008)
    spheres.points = joints

    label = _marker("label", hand, header)
    label.type, label.scale.z = Marker.TEXT_VIEW_FACING, 0.02
    label.text = f"{hand.id} {hand.handedness} {'coasting' if hand.coasting else f'{hand.score:.2f}'}"
    wrist = joints[WRIST]
    label.pose.position = Point(x=wrist.x, y=wrist.y - _LABEL_HEIGHT, z=wrist.z)  # y points down in optical frames
    return [bones, spheres, label]


def _marker(namespace: str, hand: Hand, header: Header) -> Marker:
    """A marker without its shape."""
    red, green, blue = _COLOURS[hand.handedness]
    marker = Marker(header=header, ns=namespace, id=hand.id, action=Marker.ADD)
    marker.color = ColorRGBA(r=red, g=green, b=blue, a=0.7 if namespace == "mesh" else 1.0)
    # Long enough not to flicker; removes what a killed node has left behind.
    marker.lifetime = Duration(sec=2)
    return marker


def _deletion(namespace: str, hand_id: int, header: Header) -> Marker:
    return Marker(header=header, ns=namespace, id=hand_id, action=Marker.DELETE)
