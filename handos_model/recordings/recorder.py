"""Runs the pipeline over sources and writes their hands to files."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tqdm import tqdm

from handos_model.files.images import ImageFileError
from handos_model.geometry.arrays import ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand
from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.plausibility import check_hands
from handos_model.inference.tracking import HandTracker, TrackingSettings
from handos_model.recordings.frame import Frame, SourceError
from handos_model.recordings.json_lines import ResultsWriter
from handos_model.recordings.output_folder import Existing, OutputFolder
from handos_model.recordings.overlay_files import WriteOverlay, overlay_writer, require_separate_overlays
from handos_model.recordings.run_record import RunRecord
from handos_model.recordings.source import FrameSource
from handos_model.visualization.overlay import draw_hands


@dataclass(frozen=True)
class CameraChoice:
    """Source of the intrinsics: a calibration, an assumed field of view, or none."""

    intrinsics: CameraIntrinsics | None = None
    field_of_view: float | None = None
    """Degrees along the longer side of the image."""

    def __post_init__(self) -> None:
        if self.intrinsics is not None and self.field_of_view is not None:
            raise ValueError("give either the camera's intrinsics or a field of view, not both")
        if self.field_of_view is not None:
            CameraIntrinsics.from_field_of_view(640, 480, self.field_of_view)  # refuses impossible ones

    def intrinsics_for(self, image: ImageArray) -> CameraIntrinsics | None:
        """Intrinsics of an image (H, W, 3); ``None`` if they are unknown. Raises ValueError if they cannot be true."""
        height, width = image.shape[:2]
        if self.field_of_view is None:
            if self.intrinsics is not None:
                self.intrinsics.require_plausible(width, height)
            return self.intrinsics
        return CameraIntrinsics.from_field_of_view(width, height, self.field_of_view)


@dataclass
class RecordingSummary:
    """Counts and time of a run of the recorder."""

    frames: int = 0
    frames_with_hands: int = 0
    kept_frames: int = 0
    """Frames of an earlier run that was continued; not among `frames`."""
    seconds: float = 0.0
    """From image to hands, summed over the frames, without reading and writing."""
    failures: list[str] = field(default_factory=list)
    """What could not be read, and why."""
    rejections: Counter[str] = field(default_factory=Counter)
    """Hands that were dropped or lost their metres because they could not be true, by reason."""


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
    existing: Existing = "refuse"
    """What to do with results in `out`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What else the results depend on, by option: results are continued only if it is the same."""

    def record(self, sources: Sequence[FrameSource], failures: Sequence[str] = ()) -> RecordingSummary:
        """Run over all frames of all sources, beyond those that cannot be read.

        Frames reach the disk one by one: after an error or an interrupt, `OutputFolder.safe_results` tells what is
        there.

        Parameters
        ----------
        sources
            Opened sources.
        failures
            Why others could not be opened, for the record.

        Raises
        ------
        FileExistsError
            If `out` holds results that are neither continued nor replaced.
        ValueError
            If two sources would write the same overlay, images without time are to be tracked, or results of other
            settings are to be continued.
        OSError
            If the results cannot be written.
        """
        folder = OutputFolder(self.out)
        folder.require_usable(self.existing)
        self._require_consistent(sources, folder)
        run = self._begin(sources, folder)
        again = [] if self.existing != "resume" else [s.name for s in sources if self._begins_again(s, run)]
        done = folder.continue_partial(again) if self.existing == "resume" else set()
        summary = RecordingSummary(kept_frames=len(done), failures=list(failures))
        run.write(folder.record)
        resume = self.existing == "resume"
        with ResultsWriter(folder.results, with_vertices=self.with_vertices, resume=resume) as results:
            for source in sources:
                self._record_source(source, _Progress(folder, run, done, results, summary))
            run.failures = summary.failures
            run.write(folder.record)
        return summary

    def _require_consistent(self, sources: Sequence[FrameSource], folder: OutputFolder) -> None:
        if self.with_overlay:
            require_separate_overlays(sources, folder.overlays)
        for source in sources:
            if self.tracking is not None and source.frame_rate is None:
                raise ValueError(
                    f"--track follows hands through time, and {source.name} has images without time: say with --fps "
                    "how many images of a folder make a second, or leave out --track"
                )
            if self.existing == "resume" and source.kind == "live":
                raise ValueError(f"{source.name} cannot be continued: leave out --resume and name another folder")

    def _begin(self, sources: Sequence[FrameSource], folder: OutputFolder) -> RunRecord:
        """Take over the record of an earlier run, or delete its results and begin a new one."""
        kinds = {source.name: source.kind for source in sources}
        if self.existing == "resume" and folder.record.exists():
            run = RunRecord.read(folder.record)
            run.require_same_settings(self._all_settings(), self.out)
            return RunRecord(run.settings, run.sources | kinds, run.finished)
        if self.existing == "overwrite":
            folder.clear(sources)
        return RunRecord(self._all_settings(), kinds)

    def _all_settings(self) -> dict[str, Any]:
        intrinsics = self.camera.intrinsics
        return {
            "--camera": None if intrinsics is None else [intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy],
            "--field-of-view": self.camera.field_of_view,
            "--overlay": self.with_overlay,
            "--vertices": self.with_vertices,
            "--track": self.tracking is not None,
            **self.settings,
        }

    def _begins_again(self, source: FrameSource, run: RunRecord) -> bool:
        """Whether an unfinished source cannot go on with its next frame: the tracker's state or its overlay is lost."""
        is_one_file = self.with_overlay and source.kind == "video"
        return source.name not in run.finished and (self.tracking is not None or is_one_file)

    def _record_source(self, source: FrameSource, progress: "_Progress") -> None:
        if source.name in progress.run.finished and (self.tracking is not None or source.kind == "video"):
            self._report_growth(source, progress)
            return
        tracker = None if self.tracking is None else HandTracker()
        failures = len(progress.summary.failures)
        with self._open_overlay(source, progress.folder) as write_overlay:
            try:
                for frame in _readable_frames(source, progress.summary.failures):
                    if not progress.is_done(source, frame):
                        self._record_frame(frame, tracker, progress, write_overlay)
            except KeyboardInterrupt:
                # Ctrl+C is the normal end of an endless source, such as a camera.
                if source.kind != "live":
                    raise
        if len(progress.summary.failures) == failures and source.name not in progress.run.finished:
            progress.run.finished.append(source.name)
            progress.run.write(progress.folder.record)

    def _report_growth(self, source: FrameSource, progress: "_Progress") -> None:
        done = sum(Path(name).parent == Path(source.name) for name in progress.done_images)
        if source.kind == "folder" and source.frame_count != done:
            progress.summary.failures.append(
                f"folder {source.name} has {source.frame_count} images now, of which {done} were tracked: hands cannot "
                "be followed from there on, run it into another folder or give --overwrite"
            )

    def _open_overlay(self, source: FrameSource, folder: OutputFolder) -> AbstractContextManager[WriteOverlay | None]:
        return overlay_writer(source, folder.overlays) if self.with_overlay else nullcontext()

    def _record_frame(
        self, frame: Frame, tracker: HandTracker | None, progress: "_Progress", write_overlay: WriteOverlay | None
    ) -> None:
        summary = progress.summary
        try:
            camera = self.camera.intrinsics_for(frame.image)
        except ValueError as error:
            summary.failures.append(f"{frame.source}: {error}")
            return
        start = time.perf_counter()
        hands = self._keep_plausible(self.pipeline(frame.image, camera), frame, camera, summary)
        if tracker is not None and self.tracking is not None:
            if progress.image_shape not in (None, frame.image.shape):
                tracker.forget()  # pixels mean something else now
            progress.image_shape = frame.image.shape
            hands = tracker.update(hands, frame.stamp, self.tracking)
            hands = self._keep_plausible(hands, frame, camera, summary)
        summary.seconds += time.perf_counter() - start
        summary.frames += 1
        summary.frames_with_hands += bool(hands)
        # The overlay first: a frame that has its line is complete.
        if write_overlay is not None:
            write_overlay(frame, draw_hands(frame.image, hands, self.pipeline.topology, camera))
        progress.results.write(frame, hands, camera, camera_is_assumed=self.camera.field_of_view is not None)

    def _keep_plausible(
        self, hands: tuple[Hand, ...], frame: Frame, camera: CameraIntrinsics | None, summary: RecordingSummary
    ) -> tuple[Hand, ...]:
        checked = check_hands(hands, frame.image.shape, camera)
        summary.rejections.update(checked.rejections)
        return checked.hands


@dataclass
class _Progress:
    """State of a run."""

    folder: OutputFolder
    run: RunRecord
    done: set[tuple[str, int]]
    """`source` and `index` of the frames that an earlier run has finished."""
    results: ResultsWriter
    summary: RecordingSummary
    image_shape: tuple[int, ...] | None = None
    """Of the newest frame."""

    def is_done(self, source: FrameSource, frame: Frame) -> bool:
        """Whether an earlier run has finished a frame; the position of an image changes when others join its folder."""
        if source.kind == "video":
            return (frame.source, frame.index) in self.done
        return frame.source in self.done_images

    @cached_property
    def done_images(self) -> frozenset[str]:
        """The `source` of the frames in `done`."""
        return frozenset(source for source, _ in self.done)


def _readable_frames(source: FrameSource, failures: list[str]) -> Iterator[Frame]:
    """Yield the frames that can be read; why others cannot is appended to `failures`."""
    with tqdm(desc=source.name, total=source.frame_count, unit=" frames", disable=None) as bar:
        while True:
            try:
                yield next(source.frames)
            except StopIteration:
                return
            except (ImageFileError, SourceError, OSError) as error:
                failures.append(str(error))
            bar.update()
