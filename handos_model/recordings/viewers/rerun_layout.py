"""How Rerun's window is arranged: the image, the hands in 3D, and below them the scores over time."""

from typing import Final

import rerun.blueprint as rrb

from handos_model.recordings.viewers.rerun_scene import CAMERA, HANDS_3D, SCORES

_OVER_THE_SHOULDER: Final = rrb.EyeControls3D(
    position=(0.4, -0.25, -0.15), look_target=(0.0, 0.03, 0.4), eye_up=(0.0, -1.0, 0.0)
)
"""Metres in the camera's frame: beside the camera, where its image does not hide the hands."""


def rerun_layout() -> rrb.Blueprint:
    """The layout, in Rerun's words a blueprint."""
    space = rrb.Spatial3DView(
        origin="/",
        contents=[f"/{CAMERA}/**", f"/{HANDS_3D}/**"],
        name="In front of the camera",
        eye_controls=_OVER_THE_SHOULDER,
        line_grid=False,
    )
    views = rrb.Horizontal(rrb.Spatial2DView(origin=CAMERA, name="Image"), space)
    scores = rrb.TimeSeriesView(origin=SCORES, name="Scores", axis_y=rrb.ScalarAxis(range=(0.0, 1.0)))
    return rrb.Blueprint(rrb.Vertical(views, scores, row_shares=[3, 1]), collapse_panels=True)
