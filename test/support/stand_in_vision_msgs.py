"""Stands in for the messages of vision_msgs 4, which is not on PyPI: same fields, and wrong ones are refused alike."""

from typing import Any, ClassVar

from geometry_msgs.msg import Pose, PoseWithCovariance, Vector3
from std_msgs.msg import Header


class Message:
    """Behaves like a generated class: unknown fields and values of another type are AssertionErrors."""

    FIELDS: ClassVar[dict[str, Any]] = {}

    def __init__(self, **values: Any) -> None:
        assert values.keys() <= self.FIELDS.keys(), f"invalid arguments: {values.keys() - self.FIELDS.keys()}"
        for name, kind in self.FIELDS.items():
            default = [] if isinstance(kind, list) else kind()
            setattr(self, name, values.get(name, default))

    def __setattr__(self, name: str, value: Any) -> None:
        kind = self.FIELDS[name]
        if isinstance(kind, list):
            assert isinstance(value, list | tuple), f"{name} must be a sequence"
            assert all(isinstance(entry, kind[0]) for entry in value), f"{name} must hold {kind[0].__name__}"
        else:
            assert isinstance(value, kind), f"{name} must be of type {kind.__name__}, it is {value!r}"
        super().__setattr__(name, value)


class Point2D(Message):
    FIELDS: ClassVar = {"x": float, "y": float}


class Pose2D(Message):
    FIELDS: ClassVar = {"position": Point2D, "theta": float}


class BoundingBox2D(Message):
    FIELDS: ClassVar = {"center": Pose2D, "size_x": float, "size_y": float}


class BoundingBox3D(Message):
    FIELDS: ClassVar = {"center": Pose, "size": Vector3}


class ObjectHypothesis(Message):
    FIELDS: ClassVar = {"class_id": str, "score": float}


class ObjectHypothesisWithPose(Message):
    FIELDS: ClassVar = {"hypothesis": ObjectHypothesis, "pose": PoseWithCovariance}


class Detection2D(Message):
    FIELDS: ClassVar = {"header": Header, "results": [ObjectHypothesisWithPose], "bbox": BoundingBox2D, "id": str}


class Detection2DArray(Message):
    FIELDS: ClassVar = {"header": Header, "detections": [Detection2D]}


class Detection3D(Message):
    FIELDS: ClassVar = {"header": Header, "results": [ObjectHypothesisWithPose], "bbox": BoundingBox3D, "id": str}


class Detection3DArray(Message):
    FIELDS: ClassVar = {"header": Header, "detections": [Detection3D]}
