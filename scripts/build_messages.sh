#!/usr/bin/env bash
# Builds the ament package into build/ and install/ with the ROS 2 wheels of .venv (HANDOS_DISTRO=jazzy: with Jazzy's).
set -euo pipefail

cd "$(dirname "$0")/.."
source scripts/ros_environment.sh
build=build$suffix

# CMake refuses to export an include folder that lies inside the source folder, as numpy's in .venv does:
# the package is therefore built from a copy beside .venv. Its time stamps are kept, to rebuild only what changed.
rm -rf "$build/source"
mkdir -p "$build/source"
cp -a CMakeLists.txt package.xml msg handos_ros handos_model launch config "$build/source/"

if ! colcon --log-base "$build/log" build --base-paths "$build/source" --build-base "$build" \
    --install-base "install$suffix" --packages-select handos_ros --event-handlers console_direct- \
    --cmake-args -DPython3_EXECUTABLE="$venv/bin/python" -DBUILD_TESTING=OFF >"$build/colcon.txt" 2>&1; then
    cat "$build/colcon.txt" >&2
    echo "handos: building the messages failed, see above (kept in $build/colcon.txt)" >&2
    exit 1
fi
