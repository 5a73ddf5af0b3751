"""Hands as Rerun shows them: over the image, as meshes in front of the camera, and their scores as curves."""

from typing import Final

import numpy as np
import rerun as rr

from handos_model.files.images import encode_jpeg
from handos_model.geometry.arrays import FloatArray, IntArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand, Handedness
from handos_model.hand.skeleton import BONES, JOINT_COUNT, JOINT_NAMES
from handos_model.hand.topology import HandTopology
from handos_model.recordings.frame import Frame
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.source import FrameSource
from handos_model.recordings.viewers.hand_names import HandNames
from handos_model.visualization.mesh_drawing import SIDE_COLOURS
from handos_model.visualization.overlay import FINGER_COLOURS

CAMERA: Final = "camera"
IMAGE: Final = f"{CAMERA}/image"
HANDS_2D: Final = f"{CAMERA}/hands"
HANDS_3D: Final = "hands"
SCORES: Final = "scores"
"""Roots of the entities; below them hands are named by `HandNames`."""

_TOP_LEFT: Final = 0.5
"""Rerun counts pixels from the corner of the first, this project from its centre."""
_IMAGE_DISTANCE: Final = 0.15
"""Metres from the camera at which its image stands in 3D, in front of the hands."""
_JOINT_RADIUS: Final = 0.003
"""Metres."""
_DRAWN_RADIUS: Final = rr.Radius.ui_points(3.0)
"""Of joints over the image, in points of the screen."""
_CLASSES: Final[dict[Handedness, int]] = {"left": 0, "right": 1}
_KEYPOINTS: Final = np.arange(JOINT_COUNT)


class RerunScene:
    """Logs the frames of one source.

    Parameters
    ----------
    recording
        Where to.
    topology
        Topology of the hands' vertices.
    source
        Whose frames come.
    """

    def __init__(self, recording: rr.RecordingStream, topology: HandTopology, source: FrameSource) -> None:
        self._recording, self._topology, self._source = recording, topology, source
        self._names = HandNames()
        self._shown: set[str] = set()
        """Entities of the frame before."""
        self._known: set[str] = set()
        """All entities so far."""
        self._camera: tuple[CameraIntrinsics, tuple[int, ...]] | None = None
        """The last one that was logged, and the shape of its images."""
        recording.set_log_time_enabled(False)  # when the hands were found tells nothing
        recording.log("/", rr.ViewCoordinates.RDF, _skeletons(), static=True)

    def write(self, result: FrameHands) -> None:
        """Log one frame."""
        self._set_time(result.frame)
        self._log_camera(result)
        self._recording.log(IMAGE, rr.EncodedImage(contents=encode_jpeg(result.frame.image), media_type="image/jpeg"))
        before, self._shown = self._shown, set()
        for name, hand in zip(self._names.of(result.hands), result.hands, strict=True):
            self._log_hand_2d(f"{HANDS_2D}/{name}", hand)
            self._log_hand_3d(f"{HANDS_3D}/{name}", hand)
            self._log_scores(f"{SCORES}/{name}", hand)
        for gone in before - self._shown:
            self._recording.log(gone, rr.Clear(recursive=False))

    def _set_time(self, frame: Frame) -> None:
        self._recording.set_time("frame", sequence=frame.index)
        if self._source.kind in ("bag", "live"):
            self._recording.set_time("time", timestamp=np.datetime64(round(frame.stamp * 1e9), "ns"))
        elif self._source.is_video:
            self._recording.set_time("time", duration=frame.stamp)

    def _log_camera(self, result: FrameHands) -> None:
        camera = result.camera.intrinsics
        height, width = result.frame.image.shape[:2]
        if camera is None or (camera, (height, width)) == self._camera:
            return
        self._camera = camera, (height, width)
        pinhole = rr.Pinhole(
            focal_length=(camera.fx, camera.fy),
            principal_point=(camera.cx + _TOP_LEFT, camera.cy + _TOP_LEFT),
            resolution=(width, height),
            camera_xyz=rr.ViewCoordinates.RDF,
            image_plane_distance=_IMAGE_DISTANCE,
        )
        self._recording.log(CAMERA, pinhole)

    def _log_hand_2d(self, path: str, hand: Hand) -> None:
        box = hand.box + _TOP_LEFT
        identity = "" if hand.id is None else f" {hand.id}"
        label = f"{hand.handedness}{identity} {hand.score:.2f}"
        self._log(
            f"{path}/box",
            rr.Boxes2D.from_fields(
                centers=[(box[:2] + box[2:]) / 2], half_sizes=[(box[2:] - box[:2]) / 2], labels=label
            ),
            rr.Boxes2D.from_fields(colors=_colour(hand)),
        )
        self._log(
            f"{path}/joints",
            rr.Points2D.from_fields(positions=hand.joints_2d + _TOP_LEFT),
            rr.Points2D.from_fields(
                radii=_DRAWN_RADIUS, class_ids=_CLASSES[hand.handedness], keypoint_ids=_KEYPOINTS, show_labels=False
            ),
        )

    def _log_hand_3d(self, path: str, hand: Hand) -> None:
        if hand.joints_3d is None:
            return
        self._log(
            f"{path}/joints",
            rr.Points3D.from_fields(positions=hand.joints_3d),
            rr.Points3D.from_fields(
                radii=_JOINT_RADIUS, class_ids=_CLASSES[hand.handedness], keypoint_ids=_KEYPOINTS, show_labels=False
            ),
        )
        if hand.vertices is not None:
            faces = self._topology.faces(hand.handedness)
            self._log(
                f"{path}/mesh",
                rr.Mesh3D.from_fields(vertex_positions=hand.vertices, vertex_normals=_normals(hand.vertices, faces)),
                rr.Mesh3D.from_fields(triangle_indices=faces, albedo_factor=_colour(hand)),
            )

    def _log_scores(self, path: str, hand: Hand) -> None:
        """The hand's score, and the mean of its joints' confidences."""
        colour = _colour(hand)
        self._log(f"{path}/hand", rr.Scalars(float(hand.score)), rr.SeriesLines(colors=[colour]))
        darker = tuple(channel // 2 for channel in colour)
        self._log(f"{path}/joints", rr.Scalars(float(hand.joint_scores.mean())), rr.SeriesLines(colors=[darker]))

    def _log(self, path: str, now: rr.AsComponents, always: rr.AsComponents) -> None:
        """Log what an entity is now and, once, what is always true of it: a name is that of one side."""
        if path not in self._known:
            self._known.add(path)
            self._recording.log(path, always, static=True)
        self._recording.log(path, now)
        self._shown.add(path)


def _skeletons() -> rr.AnnotationContext:
    """What makes skeletons of joints."""
    joints = [
        rr.AnnotationInfo(id=joint, label=name, color=_rgb(FINGER_COLOURS[name.split("_")[0]]))
        for joint, name in enumerate(JOINT_NAMES)
    ]
    classes = [
        rr.ClassDescription(
            info=rr.AnnotationInfo(id=number, label=side, color=_rgb(SIDE_COLOURS[side])),
            keypoint_annotations=joints,
            keypoint_connections=BONES,
        )
        for side, number in _CLASSES.items()
    ]
    return rr.AnnotationContext(classes)


def _normals(vertices: FloatArray, faces: IntArray) -> FloatArray:
    """(V, 3) unit normals of the vertices: the sums of their faces' normals, by area."""
    corners = vertices[faces]
    of_faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], of_faces)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.finfo(np.float32).tiny)


def _colour(hand: Hand) -> tuple[int, int, int]:
    return _rgb(SIDE_COLOURS[hand.handedness])


def _rgb(bgr: tuple[int, int, int]) -> tuple[int, int, int]:
    blue, green, red = bgr
    return red, green, blue
