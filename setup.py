"""For pip: what cannot be said in pyproject.toml. ROS 2 builds with CMakeLists.txt."""

from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithRobots(build_py):
    """Puts the robot hands into the package, too; colcon installs them beside it."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # then they are found in the checkout
            copytree("config/robots", Path(self.build_lib, "handos_model/retargeting/robots"))


# Not in build/, which is colcon's, and where modules that are no longer part of the project would be found again.
with TemporaryDirectory() as folder:
    setup(cmdclass={"build_py": BuildWithRobots}, options={"build": {"build_base": folder}})
