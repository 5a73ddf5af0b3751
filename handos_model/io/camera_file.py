"""A camera's intrinsics in a JSON file."""

import json
from pathlib import Path

from handos_model.io.frame import CameraIntrinsics

_FORMAT = '{"fx": 600.0, "fy": 600.0, "cx": 319.5, "cy": 239.5} in pixels of the pictures given'


def read_camera(path: Path) -> CameraIntrinsics:
    """Read intrinsics written as ``{"fx": ..., "fy": ..., "cx": ..., "cy": ...}``.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it holds something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"camera file {path} does not exist: write one such as {_FORMAT}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return CameraIntrinsics(**{name: float(value) for name, value in values.items()})
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"camera file {path} cannot be used ({error}): expected {_FORMAT}") from error
