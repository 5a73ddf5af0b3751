"""ROS 2 around `handos_model`: the node, a camera player and a listener."""

from pkgutil import extend_path

# A colcon build installs this package with its generated messages. Where the checkout's copy is found first, as under
# pytest at the repository root, the messages are still found beside it.
__path__ = extend_path(__path__, __name__)
