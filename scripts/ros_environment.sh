# To be sourced: puts the ROS 2 wheels of .venv, the messages built into install/ and this checkout's Python code on the
# paths. The checkout comes first, so that an edited node runs without building again. HANDOS_DISTRO=jazzy: the same
# with .venv-jazzy and install-jazzy.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case ${HANDOS_DISTRO:-kilted} in
    kilted) suffix= ;;
    jazzy) suffix=-jazzy ;;
    *) echo "handos: HANDOS_DISTRO is '$HANDOS_DISTRO': kilted or jazzy is needed" >&2 && exit 1 ;;
esac
venv=$root/.venv$suffix
site_packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
installed=$root/install$suffix/handos_ros
wheel_libraries=$(printf '%s:' "$site_packages"/ros_*.libs)

export PATH="$venv/bin:$PATH"
export AMENT_PREFIX_PATH="$installed:$venv"
export CMAKE_PREFIX_PATH="$venv"
export LD_LIBRARY_PATH="$installed/lib:$venv/lib:${wheel_libraries}${LD_LIBRARY_PATH:-}"
export PYTHONPATH="$root:$installed/${site_packages#"$venv"/}"
