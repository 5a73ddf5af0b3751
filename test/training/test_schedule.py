"""What a stage does when: sizes of views, batches, and the end by steps or by the clock."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the train extra")
from drawn_hands import SIZE, STAGE

from handos_model.architecture.input_size import InputSize
from handos_model.training.configuration import MAX_VIEW_SIZES
from handos_model.training.loop import learning_rate_factor

MANY = replace(STAGE, batch_size=8, image_size=128, early_fraction=0.25, view_sizes=((128, 128), (256, 160), (64, 96)))


def test_each_step_after_the_first_ones_draws_a_size() -> None:
    drawn = {MANY.view_size_at(0.5, np.random.default_rng(step)) for step in range(50)}
    assert drawn == {InputSize(128, 128), InputSize(160, 256), InputSize(96, 64)}
    assert MANY.view_size_at(0.2, np.random.default_rng(0)) == InputSize(SIZE, SIZE)
    assert set(MANY.all_view_sizes()) == drawn | {InputSize(SIZE, SIZE)}


def test_larger_views_are_fewer() -> None:
    sizes = (InputSize(64, 64), InputSize(128, 128), InputSize(256, 128), InputSize(1024, 1024))
    assert [MANY.batch_size_of(size) for size in sizes] == [8, 8, 4, 1]


def test_a_stage_ends_by_steps_or_by_the_clock() -> None:
    stage = replace(STAGE, steps=100, minutes=2)
    assert STAGE.done(2, 1e9) == 0.5
    assert stage.done(50, 30) == 0.5
    assert stage.done(10, 90) == 0.75
    assert stage.done(10, 120) == 1


def test_the_learning_rate_cools_down_by_the_clock() -> None:
    stage = replace(STAGE, steps=1000, cooldown=0.5)
    assert learning_rate_factor(10, 0.4, stage) == 1
    assert learning_rate_factor(10, 0.75, stage) == pytest.approx(0.5)
    assert learning_rate_factor(10, 1.0, stage) == 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"photograph_fraction": 0.7, "box_fraction": 0.4}, "box_fraction"),
        ({"photograph_fraction": 0.5, "own_fraction": 0.6}, "own_fraction"),
        ({"view_sizes": ((64, 64),) * (MAX_VIEW_SIZES + 1)}, "view_sizes"),
    ],
)
def test_impossible_stages_are_refused(change: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        replace(STAGE, **change)  # type: ignore[arg-type]
