"""The worker's threads, without a node: who is served, what is dropped, and what errors cost."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from builtin_interfaces.msg import Time
from node_process import wait_until
from std_msgs.msg import Header

from handos_model.files.image_messages import ImageDecodingError
from handos_model.inference.output_check import NetworkOutputError
from handos_ros.diagnostics.counters import CameraCounters, ErrorCounters
from handos_ros.diagnostics.statuses import CameraCondition, camera_status
from handos_ros.estimation.worker import Worker
from handos_ros.outputs.camera_publishers import FoundHands
from handos_ros.parameters.node_parameters import NodeParameters


class Publishers:
    """Stores what is published, by the numbers of the images; poses and drawings wait while they are held up."""

    def __init__(self) -> None:
        self.are_poses_heard = self.are_drawings_heard = True
        self.hands: list[int] = []
        self.poses: list[int] = []
        self.drawings: list[int] = []
        self.begun: list[str] = []
        self.may_pose, self.may_draw = threading.Event(), threading.Event()
        self.may_pose.set()
        self.may_draw.set()
        self.error: Exception | None = None
        self.missing_transform = ""

    def publish_hands(self, found: FoundHands, *, with_meshes: bool) -> float:
        self.hands.append(number_of(found))
        return 0.0

    def publish_poses(self, found: FoundHands) -> str:
        self.begun.append("poses")
        assert self.may_pose.wait(30)
        self.poses.append(number_of(found))
        return self.missing_transform

    def publish_drawings(self, found: FoundHands) -> None:
        self.begun.append("drawings")
        assert self.may_draw.wait(30)
        if self.error is not None:
            raise self.error
        self.drawings.append(number_of(found))


class Camera:
    """As much of a `CameraStream` as the worker uses."""

    def __init__(self, name: str = "") -> None:
        self.image_topic = f"{name}/image"
        self.publishers, self.counters = Publishers(), CameraCounters()
        self.logged: list[str] = []
        self.logger = SimpleNamespace(error=self._log, warning=self._log)

    def _log(self, message: str, **_: Any) -> None:
        self.logged.append(message)


def number_of(found: FoundHands) -> int:
    return int(found.record.header.stamp.sec)


def image(number: int) -> Any:
    message = SimpleNamespace(header=Header(stamp=Time(sec=number)))
    return SimpleNamespace(message=message, time=SimpleNamespace(age=0.0), arrived=0.0, received=Time())


def estimate(*_: Any) -> Any:
    return SimpleNamespace(image=None, intrinsics=None, hands=(), operator=None)


@contextmanager
def running_worker(
    errors: ErrorCounters | None = None, estimate: Callable[..., Any] = estimate
) -> Iterator[Callable[[Camera, int], None]]:
    """A worker that is stopped at the end of the block, and what delivers an image of a number to it."""
    clock = SimpleNamespace(now=lambda: SimpleNamespace(to_msg=Time))
    node: Any = SimpleNamespace(get_clock=lambda: clock, context=SimpleNamespace(ok=lambda: True))
    estimator: Any = SimpleNamespace(estimate=estimate)
    parameters: Any = SimpleNamespace(current=NodeParameters())
    worker = Worker(node, estimator, parameters, ErrorCounters() if errors is None else errors)

    def deliver(camera: Any, number: int) -> None:
        worker.deliver(camera, image(number))

    try:
        yield deliver
    finally:
        worker.stop()


def deliver_one_by_one(deliver: Callable[[Camera, int], None], camera: Camera, *numbers: int) -> None:
    """Deliver each image after the hands of the one before it, and their poses unless held up, were published."""
    for number in numbers:
        published = len(camera.publishers.hands)
        deliver(camera, number)
        wait_until(lambda before=published: len(camera.publishers.hands) > before)
        if camera.publishers.are_poses_heard and camera.publishers.may_pose.is_set():
            wait_until(lambda last=number: camera.publishers.poses[-1:] == [last])


def test_hands_go_on_while_a_drawing_takes_its_time_and_of_the_others_only_the_newest_is_drawn() -> None:
    camera = Camera()
    camera.publishers.may_draw.clear()
    with running_worker() as deliver:
        deliver_one_by_one(deliver, camera, 1)
        wait_until(lambda: "drawings" in camera.publishers.begun)
        deliver_one_by_one(deliver, camera, 2, 3, 4, 5)
        wait_until(lambda: camera.publishers.poses[-1] == 5)
        assert camera.publishers.drawings == []
        camera.publishers.may_draw.set()
        wait_until(lambda: len(camera.publishers.drawings) == 2)
    assert camera.publishers.hands == [1, 2, 3, 4, 5]
    assert camera.publishers.drawings == [1, 5]
    assert (camera.counters.published, camera.counters.dropped) == (5, 0)
    condition = CameraCondition(
        "", camera.image_topic, camera.counters, silent_for=0.0, latency_limit=1.0, slow_for=0.0
    )
    shown = {value.key: value.value for value in camera_status(condition).values}
    assert (shown["drawings dropped"], shown["poses dropped"]) == ("3", "0")


def test_hands_and_drawings_go_on_while_poses_wait_for_a_transform() -> None:
    camera = Camera()
    camera.publishers.may_pose.clear()
    with running_worker() as deliver:
        deliver_one_by_one(deliver, camera, 1)
        wait_until(lambda: "poses" in camera.publishers.begun)
        deliver_one_by_one(deliver, camera, 2, 3)
        wait_until(lambda: camera.publishers.drawings[-1] == 3)
        camera.publishers.may_pose.set()
        wait_until(lambda: len(camera.publishers.poses) == 2)
    assert camera.publishers.poses == [1, 3]
    assert camera.counters.poses_dropped == 1


def test_nothing_is_made_that_nobody_listens_to() -> None:
    camera = Camera()
    camera.publishers.are_poses_heard = camera.publishers.are_drawings_heard = False
    camera.counters.transforms.add("no transform yet")
    with running_worker() as deliver:
        deliver_one_by_one(deliver, camera, 1, 2)
    assert camera.publishers.begun == []
    assert camera.counters.transforms.problem == ""
    assert camera.counters.transforms.missing == 1


def test_a_missing_transform_is_logged_and_counted_until_it_comes() -> None:
    camera = Camera()
    camera.publishers.missing_transform = "no transform to 'base'"
    with running_worker() as deliver:
        deliver_one_by_one(deliver, camera, 1)
        wait_until(lambda: camera.counters.transforms.problem)
        camera.publishers.missing_transform = ""
        deliver_one_by_one(deliver, camera, 2)
        wait_until(lambda: not camera.counters.transforms.problem)
    assert camera.counters.transforms.missing == 1
    assert camera.logged == ["poses of /image are not published: no transform to 'base'"]


def test_an_error_in_a_drawing_is_reported_and_costs_neither_hands_nor_the_next_drawing() -> None:
    camera, errors = Camera(), ErrorCounters()
    camera.publishers.error = RuntimeError("out of paint")
    with running_worker(errors) as deliver:
        deliver_one_by_one(deliver, camera, 1)
        wait_until(lambda: errors.count)
        camera.publishers.error = None
        deliver_one_by_one(deliver, camera, 2)
        wait_until(lambda: camera.publishers.drawings)
    assert camera.publishers.hands == [1, 2]
    assert camera.publishers.drawings == [2]
    assert errors.last == "RuntimeError: out of paint"
    assert camera.logged[0].startswith("skipped the drawings of an image of /image because of an error:\nTraceback")


def drawn_while_images_wait(monkeypatch: pytest.MonkeyPatch, patience: float) -> tuple[list[int], CameraCounters]:
    """What is drawn of images 1 and 2, of which the second comes while the first is processed, and takes long."""
    monkeypatch.setattr("handos_ros.estimation.image_thread.PATIENCE", patience)
    camera = Camera()
    may_end = threading.Event()

    def estimate_and_receive(_: Camera, received: Any, *__: Any) -> Any:
        if received.message.header.stamp.sec == 1:
            deliver(camera, 2)
        else:
            assert may_end.wait(30)
        return estimate()

    with running_worker(estimate=estimate_and_receive) as deliver:
        deliver(camera, 1)
        wait_until(lambda: camera.publishers.poses == [1])
        if not patience:
            wait_until(lambda: camera.publishers.drawings)
        may_end.set()
        wait_until(lambda: camera.publishers.drawings[-1:] == [2])
    return camera.publishers.drawings, camera.counters


def test_a_drawing_gives_way_to_images_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    drawings, counters = drawn_while_images_wait(monkeypatch, patience=30.0)
    assert drawings == [2]
    assert counters.drawings_dropped == 1


def test_a_drawing_does_not_give_way_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    drawings, counters = drawn_while_images_wait(monkeypatch, patience=0.0)
    assert drawings == [1, 2]
    assert counters.drawings_dropped == 0


def test_stopping_finishes_the_drawing_that_was_begun_and_no_other() -> None:
    camera = Camera()
    camera.publishers.may_draw.clear()
    with running_worker() as deliver:
        deliver_one_by_one(deliver, camera, 1)
        wait_until(lambda: "drawings" in camera.publishers.begun)
        deliver_one_by_one(deliver, camera, 2)
        threading.Timer(0.2, camera.publishers.may_draw.set).start()
    assert camera.publishers.drawings == [1]


def test_two_cameras_that_always_have_an_image_are_served_in_turn() -> None:
    left, right = Camera("left"), Camera("right")
    served: list[str] = []
    has_begun = threading.Event()

    def estimate_and_receive(camera: Camera, *_: Any) -> Any:
        """While one image is processed, both cameras bring newer ones, the left one many."""
        assert has_begun.wait(30)
        served.append(camera.image_topic)
        if len(served) <= 20:
            for k in range(10):
                deliver(left, 10 * len(served) + k)
            deliver(right, 10 * len(served) + 9)
        return estimate()

    with running_worker(estimate=estimate_and_receive) as deliver:
        deliver(left, 1)
        deliver(right, 1)
        has_begun.set()
        wait_until(lambda: len(served) > 20)
    assert served[:20] == ["left/image", "right/image"] * 10
    assert left.publishers.hands[1:10] == [10 * k + 9 for k in range(2, 20, 2)]  # the newest, each time
    assert left.counters.replaced > right.counters.replaced


def errors_after(error: Exception) -> tuple[ErrorCounters, list[str]]:
    """What is counted and logged when the estimator raises an error."""
    camera, errors = Camera(), ErrorCounters()

    def fail(*_: Any) -> None:
        raise error

    with running_worker(errors, fail) as deliver:
        deliver(camera, 1)
        wait_until(lambda: errors.count)
    return errors, camera.logged


@pytest.mark.parametrize("kind", [ImageDecodingError, NetworkOutputError])
def test_errors_that_explain_themselves_are_logged_without_a_traceback(kind: type[Exception]) -> None:
    errors, logged = errors_after(kind("the image is damaged: send another"))
    assert errors.last == "the image is damaged: send another"
    assert logged == ["/image: the image is damaged: send another"]


def test_other_errors_are_logged_with_their_traceback() -> None:
    errors, (line,) = errors_after(ZeroDivisionError("division by zero"))
    assert errors.last == "ZeroDivisionError: division by zero"
    assert "Traceback (most recent call last)" in line
