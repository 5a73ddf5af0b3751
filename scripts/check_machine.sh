#!/usr/bin/env bash
# Says in one line what this machine lacks for the set-up, and fails; silent when nothing is missing.
# usage: check_machine.sh PYTHON [--without-ros]
set -euo pipefail

python=$1

missing() {
    echo "handos: $1" >&2
    exit 1
}

command -v "$python" >/dev/null ||
    missing "no '$python' found: install Python 3.10-3.13, or name it with make PYTHON=..."

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case $version in
    3.10 | 3.11 | 3.12 | 3.13) ;;
    *) missing "'$python' is Python $version: 3.10, 3.11, 3.12 or 3.13 is needed, name it with make PYTHON=..." ;;
esac

"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    missing "Python $version cannot make virtual environments: install its venv module (Debian: python$version-venv)"

[ "${2:-}" != --without-ros ] || exit 0

headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
[ -f "$headers/Python.h" ] ||
    missing "no $headers/Python.h: install the headers of Python $version (Debian: python$version-dev)"

system="$(uname -s) on $(uname -m)"
[ "$system" = "Linux on x86_64" ] ||
    missing "ROS 2 wheels exist for Linux on x86-64, this is $system: use a ROS 2 workspace (see README.md)"

command -v "${CXX:-c++}" >/dev/null ||
    missing "no C++ compiler '${CXX:-c++}': install one (Debian: g++), or name it in CXX"
command -v cmake >/dev/null || missing "no cmake: install it (Debian: cmake)"

case $PWD in
    *[[:space:]]*)
        missing "the path '$PWD' contains a space, which ROS 2's build tools cannot handle: clone elsewhere"
        ;;
esac
