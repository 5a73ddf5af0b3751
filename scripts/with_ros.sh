#!/usr/bin/env bash
# Runs a command with ROS 2, the messages and the Python packages of this checkout.
# usage: with_ros.sh COMMAND [ARGUMENT...]
set -euo pipefail

source "$(dirname "$0")/ros_environment.sh"
exec "$@"
