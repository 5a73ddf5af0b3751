"""What is done with every frame of a source: read it, find its hands, pass them on."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tqdm import tqdm

from handos_model.files.images import ImageFileError
from handos_model.recordings.formats.frame_writer import FrameWriter
from handos_model.recordings.frame import Frame, SourceError
from handos_model.recordings.frame_estimator import FrameEstimator
from handos_model.recordings.source import FrameSource


@dataclass
class RecordingSummary:
    """Counts and time of a run of the recorder."""

    frames: int = 0
    frames_with_hands: int = 0
    hands: int = 0
    """Summed over the frames."""
    kept_frames: int = 0
    """Frames of an earlier run that was continued; not among `frames`."""
    seconds: float = 0.0
    """From image to hands, summed over the frames, without reading and writing."""
    failures: list[str] = field(default_factory=list)
    """What could not be read, and why."""
    rejections: Counter[str] = field(default_factory=Counter)
    """Hands that were dropped or lost their metres because they could not be true, by reason."""


def require_time(source: FrameSource) -> None:
    """Raise ValueError if a source's hands cannot be tracked."""
    if source.frame_rate is None:
        raise ValueError(
            f"--track follows hands through time, and {source.name} has images without time: say with --fps "
            "how many images of a folder make a second, or leave out --track"
        )


def readable_frames(source: FrameSource, failures: list[str], *, shows_progress: bool = True) -> Iterator[Frame]:
    """Yield the frames that can be read; why others cannot is appended to `failures`."""
    hidden = None if shows_progress else True  # None: where there is no terminal
    with tqdm(desc=source.name, total=source.frame_count, unit=" frames", disable=hidden) as bar:
        while True:
            try:
                yield next(source.frames)
            except StopIteration:
                return
            except (ImageFileError, SourceError, OSError) as error:
                failures.append(str(error))
            bar.update()


def record_frame(
    frame: Frame, estimator: FrameEstimator, summary: RecordingSummary, writers: Sequence[FrameWriter]
) -> None:
    """Find the hands of a frame and write them; why they cannot be found goes into the summary."""
    start = time.perf_counter()
    try:
        result = estimator.estimate(frame)
    except ValueError as error:
        summary.failures.append(f"{frame.source}: {error}")
        return
    summary.seconds += time.perf_counter() - start
    for writer in writers:
        writer.write(result)
    summary.frames += 1
    summary.frames_with_hands += bool(result.hands)
    summary.hands += len(result.hands)
