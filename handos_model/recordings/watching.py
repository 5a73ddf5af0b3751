"""Shows the hands of sources without keeping them."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from handos_model.recordings.frame_estimator import FrameEstimator
from handos_model.recordings.frame_loop import RecordingSummary, readable_frames, record_frame
from handos_model.recordings.source import FrameSource
from handos_model.recordings.viewers.viewer import Viewer


def watch(
    sources: Sequence[FrameSource],
    new_estimator: Callable[[], FrameEstimator],
    viewers: Sequence[Viewer],
    failures: Sequence[str] = (),
) -> RecordingSummary:
    """Show all frames of all sources, until Ctrl+C or until all viewers are closed.

    Parameters
    ----------
    sources
        Opened sources.
    new_estimator
        Makes what finds the hands of one source.
    viewers
        Where they are shown.
    failures
        Why other sources could not be opened, for the summary.
    """
    summary = RecordingSummary(failures=list(failures))
    for source in sources:
        estimator = new_estimator()
        is_ended = _watch_source(source, estimator, viewers, summary)
        summary.rejections.update(estimator.rejections)
        if is_ended:
            break
    return summary


def _watch_source(
    source: FrameSource, estimator: FrameEstimator, viewers: Sequence[Viewer], summary: RecordingSummary
) -> bool:
    """Whether the user has seen enough."""
    with ExitStack() as stack:
        writers = [stack.enter_context(viewer.show(source)) for viewer in viewers]
        try:
            for frame in readable_frames(source, summary.failures):
                if not any(viewer.is_open for viewer in viewers):
                    return True
                record_frame(frame, estimator, summary, writers)
        except KeyboardInterrupt:
            return True
    return False
