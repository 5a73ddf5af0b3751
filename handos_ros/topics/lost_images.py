"""Images lost between camera and node, which best effort does not resend."""

from typing import Final

from handos_ros.topics.large_images import PROFILE_NAME, profile_file, profile_variable

MIN_LOST: Final = 10
"""Lost images before a warning."""
MIN_FRACTION: Final = 0.05
"""Fraction of all images that must be lost before a warning."""


def newly_lost(total_count_change: int) -> int:
    """Images lost since the middleware's last event.

    Fast DDS now and then reports -2 ** 31, which arrives here as a number of nearly 2 ** 64.
    """
    return total_count_change if 0 <= total_count_change < 2**31 else 0


def lost_images_warning(lost: int, received: int, topic: str) -> str | None:
    """What to tell the user about lost images; ``None`` while there are too few to mention."""
    sent = lost + received
    if lost < max(MIN_LOST, MIN_FRACTION * sent):
        return None
    return f"{lost} of {sent} images on {topic} were lost on their way here: {large_images_remedy(topic)}"


def large_images_remedy(topic: str) -> str:
    """Why images on `topic` get lost, and what to do, the surest first."""
    return (
        "Fast DDS's default shared memory is too small for images of more than half a megabyte. Start the camera's "
        f"driver with {profile_variable()}={profile_file() or PROFILE_NAME}; over a network, or where that does not "
        f"help, start this node with -p qos_overrides.{topic}.subscription.reliability:=reliable"
    )
