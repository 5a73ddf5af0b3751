"""The network's answers in a file are those that it gave."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from handos_model.annotation.stored_answers import AnswersWriter, StoredAnswers
from handos_model.architecture.contract import NetworkOutput
from handos_model.inference.pipeline import HandPipeline


@pytest.fixture
def pipeline(weights: Path) -> HandPipeline:
    return HandPipeline.load(weights)


def input_of(pipeline: HandPipeline, level: int) -> npt.NDArray[np.uint8]:
    size = pipeline.engine.properties.input_sizes.for_image(320, 240)
    return np.full((1, size.height, size.width, 3), level, np.uint8)


def store(path: Path, pipeline: HandPipeline, levels: list[int], threshold: float = 0.0) -> StoredAnswers:
    with path.open("wb") as file:
        writer = AnswersWriter(file, threshold)
        for level in levels:
            writer.write(input_of(pipeline, level), pipeline.engine(input_of(pipeline, level)))
    return StoredAnswers(pipeline.engine, [path], pipeline.topology.vertex_count)


def require_equal(one: NetworkOutput, other: NetworkOutput) -> None:
    for field in fields(NetworkOutput):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_answers_come_back_bit_by_bit_in_any_order(pipeline: HandPipeline, tmp_path: Path) -> None:
    stored = store(tmp_path / "a.answers", pipeline, [0, 90, 91])
    for level in (0, 90, 91, 0, 91):
        require_equal(stored(input_of(pipeline, level)), pipeline.engine(input_of(pipeline, level)))
    assert stored.computed == 0


def test_what_is_not_stored_is_computed(pipeline: HandPipeline, tmp_path: Path) -> None:
    stored = store(tmp_path / "a.answers", pipeline, [90])
    require_equal(stored(input_of(pipeline, 95)), pipeline.engine(input_of(pipeline, 95)))
    assert stored.computed == 1


def test_of_a_file_that_was_cut_off_the_whole_answers_are_used(pipeline: HandPipeline, tmp_path: Path) -> None:
    path = tmp_path / "a.answers"
    store(path, pipeline, [90, 91])
    path.write_bytes(path.read_bytes()[:-5])
    stored = StoredAnswers(pipeline.engine, [path], pipeline.topology.vertex_count)
    for level in (90, 91):
        require_equal(stored(input_of(pipeline, level)), pipeline.engine(input_of(pipeline, level)))
    assert stored.computed == 1


def test_slots_without_hands_need_no_room(pipeline: HandPipeline, tmp_path: Path) -> None:
    image = np.full((240, 320, 3), 90, np.uint8)
    stored = store(tmp_path / "a.answers", pipeline, [90], pipeline.score_threshold)
    with_answers = pipeline.with_engine(stored)
    for ours, theirs in zip(with_answers(image), pipeline(image), strict=True):
        np.testing.assert_array_equal(ours.joints_2d, theirs.joints_2d)
    assert len(stored(input_of(pipeline, 90)).scores) == 2
