"""The arguments of the launch files, as they declare them."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory

from reference_pages.markdown import code, page, prose, table
from reference_pages.stand_ins import provide_launch

_LAUNCH = Path(__file__).parents[2] / "launch"
_INTRO = """\
`ros2 launch handos_ros FILE --show-args` prints them too. [The ROS 2 node](../ros.md#launching) and
[teleoperation](../teleoperation.md#launching) show how they are used. Where the default is a file, it is that of the
installed package."""
_SHARED = "`teleop.launch.py` includes `handos.launch.py`, whose arguments count here too, and adds or changes:"


def launch_arguments_page() -> str:
    """A table for each launch file."""
    node, teleop = (declared_arguments(_LAUNCH / f"{name}.launch.py") for name in ("handos", "teleop"))
    own = {name: argument for name, argument in teleop.items() if argument != node.get(name)}
    return page(
        "Launch arguments",
        "launch/",
        _INTRO,
        "## handos.launch.py\n\n" + _table(node),
        f"## teleop.launch.py\n\n{_SHARED}\n\n" + _table(own),
    )


def declared_arguments(file: Path) -> dict[str, tuple[str, str]]:
    """Default and description of the arguments of a launch file, by name."""
    provide_launch()
    launch, sources = import_module("launch"), import_module("launch.launch_description_sources")
    description = sources.AnyLaunchDescriptionSource(str(file)).get_launch_description(launch.LaunchContext())
    return {
        argument.name: (_default(argument), argument.description) for argument in description.get_launch_arguments()
    }


def _default(argument: Any) -> str:
    text = "".join(part if isinstance(part, str) else part.text for part in argument.default_value)
    return text.replace(f"{get_package_share_directory('handos_ros')}/", "")


def _table(arguments: Mapping[str, tuple[str, str]]) -> str:
    rows = [[code(name), code(default), prose(text)] for name, (default, text) in arguments.items()]
    return table(["argument", "default", ""], rows)
