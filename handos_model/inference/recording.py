"""Runs the pipeline over sources of frames and writes down what it finds."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.tracking import HandTracker, TrackingSettings
from handos_model.io.frame import CameraIntrinsics, Frame, ImageArray
from handos_model.io.overlay import draw_hands
from handos_model.io.overlay_files import WriteOverlay, open_overlay
from handos_model.io.results import ResultsWriter
from handos_model.io.source import FrameSource


@dataclass(frozen=True)
class CameraChoice:
    """Where the intrinsics come from: calibration, an assumed field of view, or nowhere."""

    intrinsics: CameraIntrinsics | None = None
    field_of_view: float | None = None
    """Degrees along the longer side of the picture."""

    def __post_init__(self) -> None:
        if self.intrinsics is not None and self.field_of_view is not None:
            raise ValueError("give either the camera's intrinsics or a field of view, not both")

    def of_image(self, image: ImageArray) -> CameraIntrinsics | None:
        """Intrinsics of a picture."""
        if self.field_of_view is None:
            return self.intrinsics
        height, width = image.shape[:2]
        return CameraIntrinsics.from_field_of_view(width, height, self.field_of_view)


@dataclass
class RecordingSummary:
    """How a recording went."""

    frames: int = 0
    frames_with_hands: int = 0
    seconds: float = 0.0
    """From picture to hands, summed over the frames, without reading and writing."""


@dataclass(frozen=True)
class Recorder:
    """Writes `out`/hands.jsonl and, if asked for, `out`/overlay with the hands drawn into the frames."""

    pipeline: HandPipeline
    out: Path
    camera: CameraChoice
    with_overlay: bool = False
    with_vertices: bool = False
    tracking: TrackingSettings | None = None
    """How hands are followed from frame to frame of a source; ``None``: every frame stands by itself."""

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
        with self._overlay_of(source) as write_overlay:
            try:
                for frame in frames:
                    self._record_frame(frame, tracker, results, write_overlay, summary)
            except KeyboardInterrupt:
                # Ctrl+C is how a source without an end, such as a camera, ends.
                if source.frame_count is not None:
                    raise

    def _overlay_of(self, source: FrameSource) -> AbstractContextManager[WriteOverlay | None]:
        if not self.with_overlay:
            return nullcontext()
        folder = self.out / "overlay"
        return open_overlay(source, folder / Path(source.name).name if Path(source.name).is_dir() else folder)

    def _record_frame(
        self,
        frame: Frame,
        tracker: HandTracker | None,
        results: ResultsWriter,
        write_overlay: WriteOverlay | None,
        summary: RecordingSummary,
    ) -> None:
        camera = self.camera.of_image(frame.image)
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


def _require_distinct_names(sources: Sequence[FrameSource]) -> None:
    names = [Path(source.name).stem for source in sources]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"several sources are called {', '.join(repeated)}, their overlays too: run them one by one")
