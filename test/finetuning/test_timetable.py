"""How the time that a user gives is shared out."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")

from handos_model.finetuning import timetable as module
from handos_model.finetuning.timetable import Timetable


class Clock:
    """A clock that stands still until it is set forward."""

    now = 0.0

    def monotonic(self) -> float:
        """As `time.monotonic`."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_everything_together_takes_the_time_that_the_user_gives(tmp_path: Path, clock: Clock) -> None:
    timetable = Timetable(tmp_path / "timetable.json", 10)
    with timetable.preparing("labels"):
        clock.now += 60
    with timetable.preparing("before"):
        clock.now += 20
    detector = 60 * timetable.stage_minutes("detector", 0.0, closing=100.0)
    assert detector == pytest.approx((600 - 60 - 20 - 2 * 20 - 100) / 2)
    timetable.note_start(50)
    decoder = 60 * timetable.stage_minutes("decoder", detector, closing=100.0)
    assert 60 + 20 + 50 + detector + 50 + decoder + 100 == pytest.approx(600)
    assert timetable.overrun(closing=100.0) == pytest.approx(0)


def test_what_the_detector_does_not_need_is_the_decoders(tmp_path: Path) -> None:
    timetable = Timetable(tmp_path / "timetable.json", 10)
    detector = timetable.stage_minutes("detector", 0.0, 0.0)
    decoder = timetable.stage_minutes("decoder", 60.0, 0.0)
    assert decoder == pytest.approx(2 * detector - 1)


def test_an_interrupted_run_goes_on_with_the_same_schedule(tmp_path: Path, clock: Clock) -> None:
    timetable = Timetable(tmp_path / "timetable.json", 10)
    interrupted = timetable.preparing("labels")
    interrupted.__enter__()
    clock.now += 100
    assert not interrupted.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    resumed = Timetable(tmp_path / "timetable.json", 10)
    with resumed.preparing("labels"):
        clock.now += 20
    detector = resumed.stage_minutes("detector", 0.0, 0.0)
    assert detector == pytest.approx((600 - 120 - 40) / 2 / 60)
    assert Timetable(tmp_path / "timetable.json", 10).stage_minutes("detector", 0.0, 500.0) == detector


def test_training_gets_some_time_also_if_the_other_steps_need_all_of_it(tmp_path: Path) -> None:
    timetable = Timetable(tmp_path / "timetable.json", 10)
    minutes = [timetable.stage_minutes("detector", 0.0, 1000.0), timetable.stage_minutes("decoder", 90.0, 1000.0)]
    assert sum(minutes) == pytest.approx(3)
    assert timetable.overrun(closing=1000.0) == pytest.approx(180 + 2 * 20 + 1000 - 600)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "timetable.json"
    for content in ("", "[]", '{"seconds": {}}', '{"seconds": {"labels": null}, "minutes": {}}'):
        file.write_text(content)
        with pytest.raises(ValueError, match=r"timetable\.json"):
            Timetable(file, 10)
