"""Names of a camera's topics."""

from rclpy.node import Node

from handos_model.geometry.camera_info import camera_info_beside


def in_camera_namespace(camera: str, name: str) -> str:
    """Name of a camera's topic or frame before remapping: under the camera's name, if it has one."""
    return f"{camera}/{name}" if camera else name


def image_topic(node: Node, camera: str = "") -> str:
    """Full name of the image topic, remapped."""
    return node.resolve_topic_name(in_camera_namespace(camera, "image"))


def depth_topic(node: Node, camera: str = "") -> str:
    """Full name of the depth topic, remapped."""
    return node.resolve_topic_name(in_camera_namespace(camera, "depth"))


def camera_info_topic(node: Node, camera: str = "") -> str:
    """Full name of the camera_info topic: beside the image topic, unless `camera_info` itself is remapped."""
    name = in_camera_namespace(camera, "camera_info")
    remapped = node.resolve_topic_name(name)
    if remapped != node.resolve_topic_name(name, only_expand=True):
        return remapped
    return camera_info_beside(image_topic(node, camera))
