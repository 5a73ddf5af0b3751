"""Runs the pipeline over sources and writes their hands to files."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.tracking import TrackingSettings
from handos_model.recordings.camera_choice import CameraChoice
from handos_model.recordings.formats.frame_writer import FrameWriter, OutputFormat
from handos_model.recordings.formats.registry import require_suitable
from handos_model.recordings.frame import Frame
from handos_model.recordings.frame_estimator import FrameEstimator
from handos_model.recordings.frame_loop import RecordingSummary, readable_frames, record_frame, require_time
from handos_model.recordings.json_lines import ResultsWriter
from handos_model.recordings.output_folder import Existing, OutputFolder
from handos_model.recordings.output_names import require_separate_stems, source_stem
from handos_model.recordings.overlay_files import overlay_writer, require_separate_overlays
from handos_model.recordings.run_record import RunRecord
from handos_model.recordings.source import FrameSource, SourceKind
from handos_model.recordings.viewers.viewer import Viewer


@dataclass(frozen=True)
class Recorder:
    """Writes `out`/hands.jsonl and, on request, other formats, and overlays with the hands drawn over the frames."""

    pipeline: HandPipeline
    out: Path
    camera: CameraChoice
    with_overlay: bool = False
    with_vertices: bool = False
    tracking: TrackingSettings | None = None
    """Settings for tracking hands through the frames of a source; ``None``: no tracking."""
    hand_scale: float = 1.0
    """Factor by which the hands are larger than the network assumes: `OperatorSize.scale`."""
    formats: Mapping[str, OutputFormat] = field(default_factory=dict)
    """By name, beside hands.jsonl."""
    existing: Existing = "refuse"
    """What to do with results in `out`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What else the results depend on, by option: results are continued only if it is the same."""
    viewers: Sequence[Viewer] = ()
    """Where the frames are shown, beside what is written."""
    shows_progress: bool = True
    """Whether each source has a progress bar, where there is a terminal."""

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
            If two sources would write the same file, a source lacks what a format or tracking needs, or results of
            other settings are to be continued.
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
            stems = [source_stem(name, kind) for name, kind in run.sources.items()]
            for output in self.formats.values():
                summary.failures.extend(output.finish(stems))
            run.failures = summary.failures
            run.write(folder.record)
        return summary

    def _require_consistent(self, sources: Sequence[FrameSource], folder: OutputFolder) -> None:
        if self.with_overlay:
            require_separate_overlays(sources, folder.overlays)
        has_camera = self.camera != CameraChoice()
        for source in sources:
            require_suitable(self.formats, source, has_camera=has_camera)
            if self.tracking is not None:
                require_time(source)
            if self.existing == "resume" and source.kind == "live":
                raise ValueError(f"{source.name} cannot be continued: leave out --resume and name another folder")

    def _begin(self, sources: Sequence[FrameSource], folder: OutputFolder) -> RunRecord:
        """Take over the record of an earlier run, or delete its results and begin a new one."""
        kinds = {source.name: source.kind for source in sources}
        if self.existing == "resume" and folder.record.exists():
            run = RunRecord.read(folder.record)
            run.require_same_settings(self._all_settings(), self.out)
            kinds = run.sources | kinds
            self._require_separate_files(kinds)
            return RunRecord(run.settings, kinds, run.finished)
        self._require_separate_files(kinds)
        if self.existing == "overwrite":
            folder.clear(sources)
        return RunRecord(self._all_settings(), kinds)

    def _require_separate_files(self, kinds: Mapping[str, SourceKind]) -> None:
        if self.formats:
            require_separate_stems(kinds)

    def _all_settings(self) -> dict[str, Any]:
        intrinsics = self.camera.intrinsics
        return {
            "--camera": None if intrinsics is None else [intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy],
            "--field-of-view": self.camera.field_of_view,
            "--overlay": self.with_overlay,
            "--vertices": self.with_vertices,
            "--track": self.tracking is not None,
            "--format": sorted(self.formats),
            **self.settings,
        }

    def _begins_again(self, source: FrameSource, run: RunRecord) -> bool:
        """Whether an unfinished source cannot go on with its next frame: the tracker's state or a file is lost."""
        is_one_file = (self.with_overlay and source.is_recording) or bool(self.formats)
        return source.name not in run.finished and (self.tracking is not None or is_one_file)

    def _record_source(self, source: FrameSource, progress: "_Progress") -> None:
        is_whole = self.tracking is not None or source.is_recording or bool(self.formats)
        if source.name in progress.run.finished and is_whole:
            self._report_growth(source, progress)
            return
        estimator = FrameEstimator(self.pipeline, self.camera, self.tracking, self.hand_scale)
        failures = len(progress.summary.failures)
        with ExitStack() as stack:
            writers = self._open_writers(source, progress, stack)
            try:
                for frame in readable_frames(source, progress.summary.failures, shows_progress=self.shows_progress):
                    if not progress.is_done(source, frame):
                        record_frame(frame, estimator, progress.summary, writers)
            except KeyboardInterrupt:
                # Ctrl+C is the normal end of an endless source, such as a camera.
                if source.kind != "live":
                    raise
        progress.summary.rejections.update(estimator.rejections)
        if len(progress.summary.failures) == failures and source.name not in progress.run.finished:
            progress.run.finished.append(source.name)
            progress.run.write(progress.folder.record)

    def _report_growth(self, source: FrameSource, progress: "_Progress") -> None:
        done = sum(Path(source.name) in Path(name).parents for name in progress.done_images)
        if source.kind == "folder" and source.frame_count != done:
            progress.summary.failures.append(
                f"folder {source.name} has {source.frame_count} images now, of which {done} are in the results: with "
                "--track or --format they cannot be continued, run it into another folder or give --overwrite"
            )

    def _open_writers(self, source: FrameSource, progress: "_Progress", stack: ExitStack) -> list[FrameWriter]:
        """Writers of all that belongs to a source; its lines come last: a frame that has its line is complete."""
        writers = [
            stack.enter_context(output.open(source, source_stem(source.name, source.kind)))
            for output in self.formats.values()
        ]
        if self.with_overlay:
            overlays = overlay_writer(source, progress.folder.overlays, self.pipeline.topology)
            writers.append(stack.enter_context(overlays))
        writers.extend(stack.enter_context(viewer.show(source)) for viewer in self.viewers)
        return [*writers, progress.results]


@dataclass
class _Progress:
    """State of a run."""

    folder: OutputFolder
    run: RunRecord
    done: set[tuple[str, int]]
    """`source` and `index` of the frames that an earlier run has finished."""
    results: ResultsWriter
    summary: RecordingSummary

    def is_done(self, source: FrameSource, frame: Frame) -> bool:
        """Whether an earlier run has finished a frame; the position of an image changes when others join its folder."""
        if source.is_recording:
            return (frame.source, frame.index) in self.done
        return frame.source in self.done_images

    @cached_property
    def done_images(self) -> frozenset[str]:
        """The `source` of the frames in `done`."""
        return frozenset(source for source, _ in self.done)
