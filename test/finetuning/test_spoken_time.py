"""Times in words."""

import pytest

from handos_model.finetuning.spoken_time import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "10 seconds"), (38, "40 seconds"), (89, "90 seconds"), (90, "2 minutes"), (1790, "30 minutes")],
)
def test_there_is_neither_one_minute_nor_none(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
