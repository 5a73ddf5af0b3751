"""Images lost between camera and node, which best effort does not resend."""

from typing import Final

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

from handos_ros.counters import CameraCounters

MIN_LOST: Final = 10
"""Lost images before a warning."""
MIN_FRACTION: Final = 0.05
"""Fraction of all images that must be lost before a warning."""


def newly_lost(total_count_change: int) -> int:
    """Images lost since the middleware's last event.

    Fast DDS now and then reports -2 ** 31, which arrives here as a number of nearly 2 ** 64.
    """
    return total_count_change if 0 <= total_count_change < 2**31 else 0


def lost_images_warning(counters: CameraCounters, topic: str) -> str | None:
    """What to tell the user about lost images; ``None`` while there are too few to mention."""
    sent = counters.lost + counters.received
    if counters.lost < max(MIN_LOST, MIN_FRACTION * sent):
        return None
    return (
        f"{counters.lost} of {sent} images on {topic} were lost on their way here: images of more than half a megabyte "
        "do not fit into Fast DDS's default shared memory. Start the camera's driver with "
        f"FASTDDS_DEFAULT_PROFILES_FILE={_profile()}, or this node with "
        f"-p qos_overrides.{topic}.subscription.reliability:=reliable"
    )


def _profile() -> str:
    try:
        share = get_package_share_directory("handos_ros")
    except PackageNotFoundError:
        share = "."
    return f"{share}/config/fastdds_large_images.xml"
