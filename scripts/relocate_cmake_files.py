"""Points the CMake files of the ROS 2 wheels at this virtual environment.

They name the include folders of Python and numpy on the machine that built the wheels (/opt/python/cp3XX-cp3XX/...),
which exist nowhere else, so no package with messages would build.
"""

import re
import sys
import sysconfig
from pathlib import Path

import numpy as np

from handos_model.files.atomic_write import atomic_write

BUILD_MACHINE_PYTHON = r"/opt/python/cp\d+-cp\d+"


def relocate(text: str) -> str:
    """Replace the build machine's include folders by those of the running Python."""
    text = re.sub(rf"{BUILD_MACHINE_PYTHON}/lib/python[\d.]+/site-packages/numpy/[\w/]*include", np.get_include(), text)
    return re.sub(rf"{BUILD_MACHINE_PYTHON}/include/python[\d.]+", sysconfig.get_path("include"), text)


def rewrite(path: Path) -> None:
    """Relocate one file."""
    text = path.read_text(encoding="utf-8")
    relocated = relocate(text)
    if relocated != text:
        with atomic_write(path) as temporary:
            temporary.write_text(relocated, encoding="utf-8")


def main() -> None:
    for path in Path(sys.prefix, "share").rglob("*.cmake"):
        rewrite(path)


if __name__ == "__main__":
    main()
