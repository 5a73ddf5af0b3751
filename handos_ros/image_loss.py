"""Images that get lost between camera and node, which best effort does not repeat."""

from typing import Final

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

FEWEST: Final = 10
"""Lost images that are worth a warning."""
SHARE_LOST: Final = 0.05
"""Part of all images from which on their loss is worth a warning."""


class ImageLoss:
    """Counts a camera's images since activation."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self.received = 0
        self.lost = 0

    def warning(self) -> str | None:
        """What to tell the user; ``None`` while too few are lost to speak of."""
        if self.lost < max(FEWEST, SHARE_LOST * (self.lost + self.received)):
            return None
        return (
            f"{self.lost} of {self.lost + self.received} images on {self._topic} got lost on their way here: images of "
            "more than half a megabyte do not fit into Fast DDS's shared memory as it is by default. Start the "
            f"camera's driver with FASTDDS_DEFAULT_PROFILES_FILE={_profile()}, or this node with "
            f"-p qos_overrides.{self._topic}.subscription.reliability:=reliable"
        )


def _profile() -> str:
    try:
        share = get_package_share_directory("handos_ros")
    except PackageNotFoundError:
        share = "."
    return f"{share}/config/fastdds_large_images.xml"
