"""The messages, as their files define and explain them."""

from pathlib import Path

from reference_pages.markdown import page

_ROOT = Path(__file__).parents[2]


def messages_page() -> str:
    """One section for each file in msg/."""
    files = sorted((_ROOT / "msg").glob("*.msg"))
    intro = (
        "The messages of the package `handos_ros`, as `ros2 interface show handos_ros/msg/Hand` prints them. "
        "[The ROS 2 node](../ros.md#messages) says more about some of their fields."
    )
    sections = [f"## {file.stem}\n\n```sh\n{file.read_text().strip()}\n```" for file in files]
    return page("Messages", "msg/", intro, *sections)
