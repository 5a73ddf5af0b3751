"""Which image a thread gets next: the newest of the camera that has waited longest."""

import threading

from handos_ros.estimation.newest_images import NewestImages


def test_a_newer_image_takes_the_place_of_an_older_one_of_its_camera() -> None:
    images: NewestImages[str, int] = NewestImages()
    assert not images.offer("left", 1)
    assert not images.offer("right", 1)
    assert images.offer("left", 2)
    assert images.take() == ("left", 2)
    assert images.take() == ("right", 1)
    assert not images.offer("left", 3)


def test_cameras_that_always_have_an_image_are_served_in_turn_however_fast_each_is() -> None:
    images: NewestImages[str, int] = NewestImages()
    served = []
    for k in range(12):
        for _ in range(10):
            images.offer("fast", k)
        images.offer("slow", k)
        images.offer("third", k)
        served.append(images.take())
    cameras, newest = zip(*(taken for taken in served if taken is not None), strict=True)
    assert cameras == ("fast", "slow", "third") * 4
    assert newest == tuple(range(12))


def test_closing_wakes_who_waits_and_what_is_left_is_not_taken() -> None:
    images: NewestImages[str, int] = NewestImages()
    taken: list[object] = []
    thread = threading.Thread(target=lambda: taken.append(images.take()))
    thread.start()
    images.close()
    thread.join()
    images.offer("left", 1)
    assert [*taken, images.take()] == [None, None]


def test_who_takes_is_idle_only_while_nothing_waits() -> None:
    images: NewestImages[str, int] = NewestImages()
    images.offer("left", 1)
    has_waited = threading.Event()

    def wait() -> None:
        images.wait_until_idle(30.0)
        has_waited.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert images.take() == ("left", 1)
    assert not has_waited.is_set()
    taking = threading.Thread(target=images.take)
    taking.start()
    assert has_waited.wait(30.0)
    images.close()
    thread.join()
    taking.join()
