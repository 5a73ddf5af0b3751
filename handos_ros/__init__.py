"""ROS 2 around `handos_model`: the node `handos`, the node `retarget`, a camera player and a listener.

The way of an image: it comes on a topic (`topics`), is received and waits (`estimation`), gets a time (`clocks`),
pixels, intrinsics and depth (`images`), and hands (`estimation`), which become messages (`messages`) and are published
(`outputs`). What is counted on the way goes to /diagnostics (`diagnostics`).
"""

from pkgutil import extend_path

# A colcon build installs this package with its generated messages. Where the checkout's copy is found first, as under
# pytest at the repository root, the messages are still found beside it.
__path__ = extend_path(__path__, __name__)
