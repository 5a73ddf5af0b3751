"""Runs the pipeline over sources and writes their hands to files."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from handos_model.files.images import write_image
from handos_model.geometry.arrays import ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.tracking import HandTracker, TrackingSettings
from handos_model.recordings.frame import Frame
from handos_model.recordings.json_lines import ResultsWriter
from handos_model.recordings.source import FrameSource
from handos_model.recordings.video_writer import VideoWriter
from handos_model.visualization.overlay import draw_hands

_WriteOverlay = Callable[[Frame, ImageArray], None]


@dataclass(frozen=True)
class CameraChoice:
    """Source of the intrinsics: a calibration, an assumed field of view, or none."""

    intrinsics: CameraIntrinsics | None = None
    field_of_view: float | None = None
    """Degrees along the longer side of the image."""

    def __post_init__(self) -> None:
        if self.intrinsics is not None and self.field_of_view is not None:
            raise ValueError("give either the camera's intrinsics or a field of view, not both")

    def intrinsics_for(self, image: ImageArray) -> CameraIntrinsics | None:
        """Intrinsics of an image (H, W, 3); ``None`` if they are unknown."""
        if self.field_of_view is None:
            return self.intrinsics
        height, width = image.shape[:2]
        return CameraIntrinsics.from_field_of_view(width, height, self.field_of_view)


@dataclass
class RecordingSummary:
    """Counts and time of a run of the recorder."""

    frames: int = 0
    frames_with_hands: int = 0
    seconds: float = 0.0
    """From image to hands, summed over the frames, without reading and writing."""


@dataclass(frozen=True)
class Recorder:
    """Writes `out`/hands.jsonl and, on request, `out`/overlay with the hands drawn over the frames."""

    pipeline: HandPipeline
    out: Path
    camera: CameraChoice
    with_overlay: bool = False
    with_vertices: bool = False
    tracking: TrackingSettings | None = None
    """Settings for tracking hands through the frames of a source; ``None``: no tracking."""

    def record(self, sources: Sequence[FrameSource]) -> RecordingSummary:
        """Run over all frames of all sources.

        Raises
        ------
        ValueError
            If two sources would write the same overlay.
        """
        if self.with_overlay:
            _require_distinct_names(sources)
        summary = RecordingSummary()
        with ResultsWriter(self.out / "hands.jsonl", with_vertices=self.with_vertices) as results:
            for source in sources:
                self._record_source(source, results, summary)
        return summary

    def _record_source(self, source: FrameSource, results: ResultsWriter, summary: RecordingSummary) -> None:
        tracker = None if self.tracking is None else HandTracker()
        frames = tqdm(source.frames, desc=source.name, total=source.frame_count, unit=" frames", disable=None)
        with self._open_overlay(source) as write_overlay:
            try:
                for frame in frames:
                    self._record_frame(frame, tracker, results, write_overlay, summary)
            except KeyboardInterrupt:
                # Ctrl+C is the normal end of an endless source, such as a camera.
                if source.frame_count is not None:
                    raise

    def _open_overlay(self, source: FrameSource) -> AbstractContextManager[_WriteOverlay | None]:
        if not self.with_overlay:
            return nullcontext()
        folder = self.out / "overlay"
        return _overlay_writer(source, folder / Path(source.name).name if Path(source.name).is_dir() else folder)

    def _record_frame(
        self,
        frame: Frame,
        tracker: HandTracker | None,
        results: ResultsWriter,
        write_overlay: _WriteOverlay | None,
        summary: RecordingSummary,
    ) -> None:
        camera = self.camera.intrinsics_for(frame.image)
        start = time.perf_counter()
        hands = self.pipeline(frame.image, camera)
        if tracker is not None and self.tracking is not None:
            hands = tracker.update(hands, frame.stamp, self.tracking)
        summary.seconds += time.perf_counter() - start
        summary.frames += 1
        summary.frames_with_hands += bool(hands)
        results.write(frame, hands, camera, camera_is_assumed=self.camera.field_of_view is not None)
        if write_overlay is not None:
            write_overlay(frame, draw_hands(frame.image, hands, self.pipeline.topology, camera))


@contextmanager
def _overlay_writer(source: FrameSource, folder: Path) -> Iterator[_WriteOverlay]:
    """Yield a function that writes overlays: to `folder`/NAME.mp4 for a video, to `folder`/IMAGE for still images."""
    if source.frame_rate is None:  # still images
        yield lambda frame, overlay: write_image(folder / Path(frame.source).name, overlay)
        return
    with VideoWriter(folder / f"{Path(source.name).stem}.mp4", source.frame_rate) as video:
        yield lambda frame, overlay: video.write(overlay)


def _require_distinct_names(sources: Sequence[FrameSource]) -> None:
    names = [Path(source.name).stem for source in sources]
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise ValueError(
            f"several sources are named {', '.join(duplicates)}, so their overlays would overwrite each other: run "
            "them one by one"
        )
