"""Reads robot hands from URDF."""

from pathlib import Path
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from handos_model.geometry.arrays import Float64Array
from handos_model.retargeting.robot_model import JOINT_KINDS, Mimic, RobotJoint, RobotModel, Shape, rotation_about

_GREY: Final = (0.7, 0.7, 0.72)
_X, _Y, _Z = np.eye(3)


def read_urdf(path: Path) -> RobotModel:
    """A robot hand from a URDF file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no URDF of one connected robot.
    """
    if not path.is_file():
        raise FileNotFoundError(f"robot description {path} does not exist: give the URDF file of your robot hand")
    return parse_urdf(path.read_text(encoding="utf-8", errors="replace"), str(path))


def parse_urdf(text: str, source: str) -> RobotModel:
    """A robot hand from the text of a URDF, such as that of the topic ``robot_description``.

    Raises
    ------
    ValueError
        If it is no URDF of one connected robot; `source` is named.
    """
    root = _parsed(text, source)
    try:
        links = tuple(_required(link, "name") for link in root.findall("link"))
        joints = tuple(_joint(joint) for joint in root.findall("joint"))
        colours = {_required(entry, "name"): _colour(entry) for entry in root.findall("material")}
        shapes = tuple(
            shape
            for link in root.findall("link")
            for visual in link.findall("visual")
            if (shape := _shape(_required(link, "name"), visual, colours)) is not None
        )
        _require_tree(links, joints)
    except ValueError as error:
        raise ValueError(f"robot description {source}: {error}") from error
    return RobotModel(source, root.get("name", "robot"), links, joints, shapes)


def _parsed(text: str, source: str) -> Element:
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"robot description {source} is no XML ({error}): give a URDF file") from error
    if any("ros.org/wiki/xacro" in element.tag for element in root.iter()):
        raise ValueError(f"robot description {source} is a xacro file: expand it with `xacro FILE > robot.urdf`")
    if root.tag != "robot":
        raise ValueError(f"robot description {source} begins with <{root.tag}>: give a URDF, which begins with <robot>")
    return root


def _joint(element: Element) -> RobotJoint:
    name, kind = _required(element, "name"), _required(element, "type")
    known = next((known for known in JOINT_KINDS if known == kind), None)
    if known is None:
        raise ValueError(f"joint '{name}' is of type '{kind}': robot hands have {', '.join(JOINT_KINDS)} joints")
    axis = _X if kind == "fixed" else _vector(element.find("axis"), "xyz", "1 0 0")  # exporters write 0 0 0 for fixed
    length = float(np.linalg.norm(axis))
    if length == 0:
        raise ValueError(f"joint '{name}' has the axis 0 0 0: give it a direction")
    lower, upper, velocity = _limits(element, name, kind)
    return RobotJoint(
        name=name,
        kind=known,
        parent=_required(_child(element, "parent"), "link"),
        child=_required(_child(element, "child"), "link"),
        origin=_transform(element.find("origin")),
        axis=axis / length,
        lower=lower,
        upper=upper,
        max_velocity=velocity,
        mimic=_mimic(element.find("mimic")),
    )


def _limits(element: Element, name: str, kind: str) -> tuple[float, float, float | None]:
    """Lower, upper and velocity limit."""
    limit = element.find("limit")
    velocity = _number(limit, "velocity", 0.0) if limit is not None else 0.0
    if kind in ("fixed", "continuous"):
        bound = np.inf if kind == "continuous" else 0.0
        return -bound, bound, velocity or None
    if limit is None:
        raise ValueError(f"{kind} joint '{name}' has no <limit>: give it lower and upper")
    lower, upper = _number(limit, "lower", 0.0), _number(limit, "upper", 0.0)
    if not lower < upper:
        raise ValueError(f"joint '{name}' has the limits {lower:g} to {upper:g}: lower must be less than upper")
    return lower, upper, velocity or None


def _mimic(element: Element | None) -> Mimic | None:
    if element is None:
        return None
    return Mimic(_required(element, "joint"), _number(element, "multiplier", 1.0), _number(element, "offset", 0.0))


def _require_tree(links: tuple[str, ...], joints: tuple[RobotJoint, ...]) -> None:
    """Every joint joins two links that exist, and every link but one hangs on exactly one joint."""
    for kind, names in (("link", links), ("joint", tuple(joint.name for joint in joints))):
        if len(set(names)) < len(names):
            raise ValueError(f"the {kind} '{next(n for n in names if names.count(n) > 1)}' is defined twice")
    named = {joint.name for joint in joints}
    for joint in joints:
        for link in (joint.parent, joint.child):
            if link not in links:
                raise ValueError(f"joint '{joint.name}' joins the link '{link}', which is not defined")
        if joint.mimic is not None and joint.mimic.joint not in named:
            raise ValueError(f"joint '{joint.name}' mimics the joint '{joint.mimic.joint}', which is not defined")
    children = [joint.child for joint in joints]
    roots = [link for link in links if link not in children]
    reached = _reached(roots, joints)
    if len(roots) != 1 or len(set(children)) < len(children) or len(reached) < len(links) or _has_mimic_cycle(joints):
        raise ValueError(
            f"its links form no tree with one root (roots: {', '.join(roots[:4]) or 'none'}): every link but one must "
            "be the child of exactly one joint, and no joint may mimic itself"
        )


def _reached(roots: list[str], joints: tuple[RobotJoint, ...]) -> set[str]:
    """The links that hang on the roots, directly or not: links in a circle do not."""
    reached: set[str] = set()
    pending = list(roots)
    while pending:
        link = pending.pop()
        if link not in reached:
            reached.add(link)
            pending += [joint.child for joint in joints if joint.parent == link]
    return reached


def _has_mimic_cycle(joints: tuple[RobotJoint, ...]) -> bool:
    follows = {joint.name: joint.mimic.joint for joint in joints if joint.mimic is not None}
    for start in follows:
        name, steps = start, 0
        while name in follows and steps <= len(follows):
            name, steps = follows[name], steps + 1
        if steps > len(follows):
            return True
    return False


def _shape(link: str, visual: Element, colours: dict[str, tuple[float, float, float]]) -> Shape | None:
    """The primitive of a visual; ``None`` for a mesh."""
    geometry, material = visual.find("geometry"), visual.find("material")
    if geometry is None:
        return None
    origin = _transform(visual.find("origin"))
    colour = _GREY
    if material is not None:
        colour = (
            _colour(material) if material.find("color") is not None else colours.get(material.get("name", ""), _GREY)
        )
    if (box := geometry.find("box")) is not None:
        x, y, z = _vector(box, "size", "").tolist()
        return Shape(link, "box", (x, y, z), origin, colour)
    if (cylinder := geometry.find("cylinder")) is not None:
        return Shape(link, "cylinder", (_number(cylinder, "radius"), _number(cylinder, "length")), origin, colour)
    if (sphere := geometry.find("sphere")) is not None:
        return Shape(link, "sphere", (_number(sphere, "radius"),), origin, colour)
    return None


def _colour(material: Element) -> tuple[float, float, float]:
    colour = material.find("color")
    if colour is None:
        return _GREY
    red, green, blue = (float(value) for value in colour.get("rgba", "0.7 0.7 0.72 1").split()[:3])
    return red, green, blue


def _transform(origin: Element | None) -> Float64Array:
    """(4, 4) of an <origin>: roll, pitch, yaw about fixed x, y, z."""
    transform = np.eye(4)
    transform[:3, :3] = rotation_from_rpy(_vector(origin, "rpy", "0 0 0"))
    transform[:3, 3] = _vector(origin, "xyz", "0 0 0")
    return transform


def rotation_from_rpy(rpy: Float64Array) -> Float64Array:
    """(3, 3) of roll, pitch and yaw in radians, about the fixed axes x, y and z in this order."""
    roll, pitch, yaw = (float(angle) for angle in rpy)
    return np.asarray(rotation_about(_Z, yaw) @ rotation_about(_Y, pitch) @ rotation_about(_X, roll))


def _vector(element: Element | None, attribute: str, default: str) -> Float64Array:
    text = default if element is None else element.get(attribute, default)
    try:
        values = np.array([float(value) for value in text.split()])
    except ValueError:
        values = np.empty(0)
    if values.shape != (3,) or not np.isfinite(values).all():
        raise ValueError(f'the attribute {attribute}="{text}" must hold three finite numbers')
    return values


def _number(element: Element, attribute: str, default: float | None = None) -> float:
    text = element.get(attribute)
    if text is None and default is not None:
        return default
    try:
        value = float(text or "")
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f'the attribute {attribute}="{text or ""}" of <{element.tag}> must be a finite number')
    return value


def _child(element: Element, tag: str) -> Element:
    child = element.find(tag)
    if child is None:
        raise ValueError(f"joint '{element.get('name')}' has no <{tag}>")
    return child


def _required(element: Element, attribute: str) -> str:
    value = element.get(attribute)
    if not value:
        raise ValueError(f"a <{element.tag}> has no attribute '{attribute}'")
    return value
