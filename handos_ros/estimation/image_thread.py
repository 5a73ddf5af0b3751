"""`ImageThread`: a thread that works on the newest image of each camera, and survives what goes wrong with one."""

import threading
import traceback
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from rclpy.node import Node

from handos_model.files.image_messages import ImageDecodingError
from handos_model.inference.output_check import NetworkOutputError
from handos_ros.diagnostics.counters import ErrorCounters
from handos_ros.diagnostics.node_log import WARNING_PERIOD
from handos_ros.estimation.camera_stream import CameraStream
from handos_ros.estimation.newest_images import NewestImages

PATIENCE: Final = 0.1
"""Seconds for which a thread gives way to another."""
EXPLAINED_ERRORS: Final = (ImageDecodingError, NetworkOutputError)
"""Errors of single images whose message says everything."""

Item = TypeVar("Item")


class ImageThread(Generic[Item]):
    """Processes one item at a time, from construction until it is stopped; see `NewestImages` for which.

    An error costs its image and is counted; the next image is processed as usual.

    Parameters
    ----------
    name
        Of the thread.
    process
        Called in the thread with a camera and its newest item.
    loss
        What an error costs, for the log.
    node
        Whose end ends the thread.
    errors
        Counts errors.
    gives_way_to
        A thread that this one lets go first: while that one is busy, nothing is begun for up to `PATIENCE`. ``None``:
        no other.
    """

    def __init__(
        self,
        name: str,
        process: Callable[[CameraStream, Item], None],
        loss: str,
        node: Node,
        errors: ErrorCounters,
        gives_way_to: "ImageThread[Any] | None" = None,
    ) -> None:
        self._process, self._loss, self._node, self._errors = process, loss, node, errors
        self._gives_way_to = gives_way_to
        self._newest: NewestImages[CameraStream, Item] = NewestImages()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def offer(self, stream: CameraStream, item: Item) -> bool:
        """Queue an item of a camera; return True if it replaces one that has waited in vain. For any thread."""
        return self._newest.offer(stream, item)

    def stop(self) -> None:
        """Finish the current item, drop those that wait, and end the thread."""
        self._newest.close()
        self._thread.join()

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            stream, item = taken
            try:
                self._process(stream, item)
            except EXPLAINED_ERRORS as error:
                self._errors.add(str(error))
                stream.logger.error(f"{stream.image_topic}: {error}", throttle_duration_sec=WARNING_PERIOD)
            except Exception as error:  # whatever it was, the next image may be better
                if not self._node.context.ok():
                    return  # a signal arrived while this image was processed: nobody is left to publish to
                self._errors.add(f"{type(error).__name__}: {error}")
                stream.logger.error(
                    f"skipped {self._loss} of {stream.image_topic} because of an error:\n{traceback.format_exc()}",
                    throttle_duration_sec=WARNING_PERIOD,
                )

    def _take(self) -> tuple[CameraStream, Item] | None:
        if self._gives_way_to is not None:
            self._newest.wait_for_any()
            self._gives_way_to._newest.wait_until_idle(PATIENCE)
        return self._newest.take()
