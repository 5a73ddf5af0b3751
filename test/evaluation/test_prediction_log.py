"""predictions.jsonl: reading, resuming and rejecting logs."""

from pathlib import Path

import numpy as np
import pytest

from handos_model.evaluation.prediction_log import Prediction, PredictionLog


def a_prediction(index: int) -> Prediction:
    return Prediction(index, joints_3d=np.full((21, 3), index / 7), handedness="left", score=0.5, found=True)


def test_predictions_are_read_back_from_their_log(tmp_path: Path) -> None:
    with PredictionLog(tmp_path / "new" / "log.jsonl", {"data": "a"}) as log:
        for index in range(3):
            log.append(a_prediction(index))
        read = list(log)
    assert [prediction.index for prediction in read] == [0, 1, 2]
    np.testing.assert_allclose(read[2].joints_3d, np.full((21, 3), 2 / 7), atol=1e-6)
    assert (read[2].vertices, read[2].handedness, read[2].found) == (None, "left", True)


def test_a_log_is_resumed_after_its_last_complete_line_wherever_it_was_truncated(tmp_path: Path) -> None:
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


def test_a_log_of_other_weights_is_rejected(tmp_path: Path) -> None:
    with PredictionLog(tmp_path / "log.jsonl", {"weights": "a"}):
        pass
    with pytest.raises(ValueError, match=r'log\.jsonl.*{"weights": "a"}.*{"weights": "b"}'):
        PredictionLog(tmp_path / "log.jsonl", {"weights": "b"})


def test_images_are_logged_in_order(tmp_path: Path) -> None:
    with PredictionLog(tmp_path / "log.jsonl", {}) as log, pytest.raises(ValueError, match="number 0, got 1"):
        log.append(a_prediction(1))


def test_predictions_that_are_not_finite_are_not_logged(tmp_path: Path) -> None:
    with PredictionLog(tmp_path / "log.jsonl", {}) as log:
        for broken in (Prediction(0, joints_3d=np.full((21, 3), np.nan)), Prediction(0, score=float("inf"))):
            with pytest.raises(ValueError, match="image 0 is not finite"):
                log.append(broken)
        assert len(log) == 0


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    with PredictionLog(tmp_path / "log.jsonl", {}) as log:
        log.append(a_prediction(0))
    (tmp_path / "log.jsonl").write_text("{}\n{}\n")
    with PredictionLog(tmp_path / "log.jsonl", {}) as log, pytest.raises(ValueError, match=r"log\.jsonl, line 2"):
        list(log)
