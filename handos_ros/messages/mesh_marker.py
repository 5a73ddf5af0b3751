"""A hand's mesh as a serialized RViz marker: one template, into which numpy writes what changes.

Filling a marker's list of Point objects takes 10 ms per hand, overwriting the points of a serialized marker 0.2 ms.
"""

from typing import Final

import numpy as np
from geometry_msgs.msg import Point, Vector3
from rclpy.serialization import serialize_message
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from handos_model.geometry.arrays import FloatArray, IntArray

_UNLIKELY_COORDINATE: Final = 1.2345678e77
"""Marks the template's points, so that they are found in its serialized form."""

_STAMP: Final = np.dtype([("sec", np.int32), ("nanosec", np.uint32)])
_STAMP_OFFSET: Final = 8
"""The stamp comes first in a serialized MarkerArray, after 4 bytes of encapsulation and 4 of the number of markers."""


class MeshMarker:
    """The marker of one hand's mesh.

    Parameters
    ----------
    marker
        Frame, namespace, id, colour and lifetime; type, scale and points are set here.
    faces
        (F, 3) vertex indices.
    """

    def __init__(self, marker: Marker, faces: IntArray) -> None:
        self._corners = faces.reshape(-1)
        marker.type = Marker.TRIANGLE_LIST
        marker.scale = Vector3(x=1.0, y=1.0, z=1.0)
        marker.points = [Point(x=_UNLIKELY_COORDINATE, y=_UNLIKELY_COORDINATE, z=_UNLIKELY_COORDINATE)] * len(
            self._corners
        )
        self._message = bytearray(serialize_message(MarkerArray(markers=[marker])))
        placeholder = np.full((len(self._corners), 3), _UNLIKELY_COORDINATE)
        start = self._message.find(placeholder.tobytes())
        self._points = np.frombuffer(self._message, np.float64, placeholder.size, start).reshape(-1, 3)
        self._stamp = np.frombuffer(self._message, _STAMP, 1, _STAMP_OFFSET)

    def serialize(self, vertices: FloatArray, header: Header) -> bytes:
        """Serialized MarkerArray of the mesh with these vertices (V, 3) in metres, at the header's time."""
        self._stamp[0] = header.stamp.sec, header.stamp.nanosec
        self._points[:] = vertices[self._corners]
        return bytes(self._message)
