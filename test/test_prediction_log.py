"""The log of an evaluation's predictions: read back, gone on with, refused."""

from pathlib import Path

import numpy as np
import pytest

from handos_model.benchmarks.predictions import Prediction, PredictionLog


def a_prediction(index: int) -> Prediction:
    return Prediction(index, joints_3d=np.full((21, 3), index / 7), handedness="left", score=0.5, found=True)


def test_predictions_come_back_from_their_log(tmp_path: Path) -> None:
    with PredictionLog(tmp_path / "new" / "log.jsonl", {"data": "a"}) as log:
        for index in range(3):
            log.append(a_prediction(index))
        read = list(log)
    assert [prediction.index for prediction in read] == [0, 1, 2]
    np.testing.assert_allclose(read[2].joints_3d, np.full((21, 3), 2 / 7), atol=1e-6)
    assert (read[2].vertices, read[2].handedness, read[2].found) == (None, "left", True)


def test_a_log_goes_on_behind_its_last_whole_line_wherever_it_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with PredictionLog(path, {"data": "a"}) as log:
        for index in range(3):
            log.append(a_prediction(index))
    whole = path.read_bytes()
    for end in (*range(0, len(whole), 11), len(whole)):
        path.write_bytes(whole[:end])
        with PredictionLog(path, {"data": "a"}) as log:
            assert len(log) == max(0, whole[:end].count(b"\n") - 1)
            for index in range(len(log), 3):
                log.append(a_prediction(index))
        assert path.read_bytes() == whole


def test_a_log_of_other_weights_is_not_gone_on_with(tmp_path: Path) -> None:
    with PredictionLog(tmp_path / "log.jsonl", {"weights": "a"}):
        pass
    with pytest.raises(ValueError, match=r'log\.jsonl holds predictions of {"weights": "a"}, not of {"weights": "b"}'):
        PredictionLog(tmp_path / "log.jsonl", {"weights": "b"})


def test_images_are_logged_in_order(tmp_path: Path) -> None:
    with PredictionLog(tmp_path / "log.jsonl", {}) as log, pytest.raises(ValueError, match="next image is number 0"):
        log.append(a_prediction(1))
