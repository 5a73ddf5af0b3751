"""For pip; everything is said in pyproject.toml. ROS 2 builds with CMakeLists.txt."""

from setuptools import setup

setup()
