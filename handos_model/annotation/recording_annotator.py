"""`RecordingAnnotator`: what one worker does with one recording."""

import logging
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import cv2

from handos_model.annotation.dataset_folder import DatasetFolder
from handos_model.annotation.recording_report import RecordingReport
from handos_model.annotation.settings import AnnotationSettings
from handos_model.annotation.stored_answers import AnswersWriter, StoredAnswers
from handos_model.annotation.task import Outcome, Stretch, Task
from handos_model.files.atomic_write import atomic_write, is_no_room
from handos_model.geometry.arrays import ImageArray
from handos_model.inference.pipeline import HandPipeline
from handos_model.inference.preprocessing import letterbox
from handos_model.inference.tracking import TrackingSettings
from handos_model.recordings.camera_choice import CameraChoice
from handos_model.recordings.capture import open_capture, read_next
from handos_model.recordings.formats.frame_writer import OutputFormat
from handos_model.recordings.formats.registry import make_formats
from handos_model.recordings.frame import SourceError
from handos_model.recordings.recorder import Recorder
from handos_model.recordings.source import FrameSource, is_bag, open_source

_SELDOM_CUT: Final = 1.5
"""A video is cut when it has so many stretches."""

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecordingAnnotator:
    """Annotates recordings into a data set, one after the other."""

    settings: AnnotationSettings
    dataset: DatasetFolder
    manifest: Mapping[str, Any] = field(compare=False)
    """`settings.manifest()` where the work is handed out: results are made only with the same version and weights."""
    stretch_frames: int
    """Frames of a video from one cut to the next; results do not depend on it."""

    def perform(self, task: Task) -> Outcome:
        """Do a task; whatever goes wrong is an outcome, too."""
        start = time.perf_counter()
        try:
            _ = self._pipeline
        except Exception as error:
            return Outcome(task, error=f"{_reason(error)} (on {socket.gethostname()})", stops_all=True)
        try:
            outcome = self._perform(task)
        except Exception as error:
            is_settled = isinstance(error, ValueError) and not isinstance(error, OSError)
            no_room = isinstance(error, OSError) and is_no_room(error)
            _LOGGER.debug("%s failed", task.recording.path, exc_info=True)
            outcome = Outcome(task, error=_reason(error), stops_all=no_room, may_retry=not is_settled)
        return replace(outcome, seconds=time.perf_counter() - start)

    @cached_property
    def _pipeline(self) -> tuple[HandPipeline, TrackingSettings | None]:
        if not self.dataset.manifest.exists():
            raise FileNotFoundError(
                f"{self.dataset.path} cannot be seen here: put the data set and the recordings on file systems that "
                "all machines have under the same path"
            )
        here = self.settings.manifest()
        for option in ("version of handos", "--weights"):
            if here[option] != self.manifest[option]:
                raise ValueError(
                    f"{option} is {here[option]} here and {self.manifest[option]} where the work is handed out: "
                    "install the same version on all machines"
                )
        return self.settings.load_pipeline()

    def _perform(self, task: Task) -> Outcome:
        if task.stretch is not None:
            self._answer(task, task.stretch)
            return Outcome(task)
        sources = self._open(task.recording.path)
        frames = sources[0].frame_count or 0
        self._require_metres(sources)
        if task.may_be_cut and sources[0].kind == "video" and frames > _SELDOM_CUT * self.stretch_frames:
            stretches = range(0, frames, self.stretch_frames)
            cut = tuple(Stretch(start, min(self.stretch_frames, frames - start)) for start in stretches)
            return Outcome(task, cut=cut)
        return Outcome(task, report=self._annotate(task, sources))

    def _require_metres(self, sources: list[FrameSource]) -> None:
        is_calibrated = self.settings.camera != CameraChoice() or any(source.is_calibrated for source in sources)
        if self.settings.operator[0] and not is_calibrated:
            raise ValueError(
                "--operator scales metres, and there are none without --camera or --field-of-view: give one"
            )

    def _open(self, path: Path) -> list[FrameSource]:
        if is_bag(path):
            from handos_model.recordings.bags.bag_source import open_bag  # with packages of their own

            return open_bag(path, self.settings.topics)
        source = open_source(path, self.settings.image_rate if path.is_dir() else None)
        if source.kind == "image":
            raise SourceError(f"{path} is a single image, not a recording: give it to `handos run`")
        return [source]

    def _answer(self, task: Task, stretch: Stretch) -> None:
        """Run the network on a stretch, unless that has been done."""
        path = self.dataset.answers(task.recording) / f"{stretch.start:09d}.answers"
        if path.exists():
            return
        pipeline, _ = self._pipeline
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            writer = AnswersWriter(file, pipeline.score_threshold)
            for image in _images_of(task.recording.path, stretch):
                sizes = pipeline.engine.properties.input_sizes
                network_input, _ = letterbox(image, sizes.for_image(image.shape[1], image.shape[0]))
                writer.write(network_input, pipeline.engine(network_input))

    def _annotate(self, task: Task, sources: list[FrameSource]) -> RecordingReport:
        recording, start = task.recording, time.perf_counter()
        with self.dataset.attempt(recording) as folder:
            summary = self._recorder(task, folder).record(sources)
            if not summary.frames:
                raise SourceError("; ".join(summary.failures) or f"{recording.path} has no images")
            report = RecordingReport(
                str(recording.path),
                "incomplete" if summary.failures else "complete",
                str(self.dataset.results(recording).relative_to(self.dataset.path)),
                recording.size,
                summary.frames,
                summary.frames_with_hands,
                summary.hands,
                round(task.seconds + time.perf_counter() - start, 3),
                1 + len(task.errors),
                (*task.errors, *summary.failures),
            )
            self.dataset.finish_attempt(folder, report)
        return report

    def _recorder(self, task: Task, folder: Path) -> Recorder:
        settings = self.settings
        pipeline, tracking = self._pipeline
        answers = sorted(self.dataset.answers(task.recording).glob("[0-9]*.answers"))  # not what a killed worker left
        if answers:
            engine = StoredAnswers(pipeline.engine, answers, pipeline.topology.vertex_count)
            pipeline = pipeline.with_engine(engine)
        return Recorder(
            pipeline,
            folder,
            settings.camera,
            with_vertices=settings.with_vertices,
            tracking=tracking,
            hand_scale=settings.operator[1],
            formats=self._formats(folder, pipeline),
            settings=self.manifest,
            shows_progress=False,
        )

    def _formats(self, folder: Path, pipeline: HandPipeline) -> dict[str, OutputFormat]:
        settings = self.settings
        formats = make_formats(
            settings.formats,
            folder,
            pipeline.topology,
            with_vertices=settings.with_vertices,
            operator=settings.operator,
            task=settings.task,
        )
        if "lerobot" in formats:
            from handos_model.annotation.lerobot_episodes import LeRobotEpisodes

            formats["lerobot"] = LeRobotEpisodes(folder / "lerobot", settings.task)
        return formats


def _images_of(path: Path, stretch: Stretch) -> Iterator[ImageArray]:
    """Images of a video, up to a damage: what is left out is computed when the recording is written."""
    capture = open_capture(str(path))
    capture.set(cv2.CAP_PROP_POS_FRAMES, stretch.start)
    for _ in range(stretch.count):
        image = read_next(capture)
        if image is None:
            break
        yield image
    capture.release()


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
