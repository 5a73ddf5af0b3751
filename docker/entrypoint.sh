#!/usr/bin/env bash
# Runs a command with ROS 2 and the node on the paths.
set -e

source /opt/ros/chosen/setup.bash
source /workspace/install/setup.bash
exec "$@"
