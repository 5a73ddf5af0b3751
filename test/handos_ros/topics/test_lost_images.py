"""What the user is told about images that get lost on the way to the node."""

import pytest

from handos_ros.topics.large_images import profile_file, profile_variable
from handos_ros.topics.lost_images import lost_images_warning, newly_lost


def test_losing_images_is_reported_once_it_is_more_than_an_accident() -> None:
    assert lost_images_warning(20, 1000, "/camera/image_raw") is None
    warning = lost_images_warning(200, 1000, "/camera/image_raw") or ""
    assert "200 of 1200 images on /camera/image_raw" in warning
    profile = f"{profile_variable()}={profile_file()}"
    reliable = "qos_overrides./camera/image_raw.subscription.reliability:=reliable"
    assert 0 < warning.index(profile) < warning.index(reliable)


@pytest.mark.parametrize(("reported", "lost"), [(0, 0), (7, 7), (2**64 - 2**31, 0), (-(2**31), 0)])
def test_impossible_counts_of_lost_images_are_not_added(reported: int, lost: int) -> None:
    assert newly_lost(reported) == lost
