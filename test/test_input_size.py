"""The size of the network's input follows the shape of the picture, and engines for one size are made as needed."""

import numpy as np
import pytest
from fixed_answer_graph import SLOTS

from handos_model.inference.engine import OUTPUT_NAMES, EngineOutput, NetworkProperties
from handos_model.inference.engine_per_size import EnginePerSize
from handos_model.inference.input_size import InputSize, InputSizes
from handos_model.io.frame import ImageArray

SIZES = InputSizes(side=384, multiple=32)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ((500, 500), InputSize(384, 384)),
        ((640, 480), InputSize(320, 448)),
        ((480, 640), InputSize(448, 320)),
        ((1280, 720), InputSize(288, 512)),
        ((1080, 1920), InputSize(512, 288)),
    ],
)
def test_common_pictures_get_an_input_of_their_shape(picture: tuple[int, int], expected: InputSize) -> None:
    assert SIZES.fitting(*picture) == expected


def test_no_input_has_more_pixels_than_the_square_and_none_shows_less() -> None:
    for width, height in [*np.random.default_rng(0).integers(1, 2000, (300, 2)).tolist(), (2000, 1), (1, 2000)]:
        size = SIZES.fitting(width, height)
        assert size.height * size.width <= 384**2
        assert 64 <= min(size.height, size.width) <= max(size.height, size.width) <= 1.5 * 384
        assert min(size.height / height, size.width / width) >= 384 / max(width, height)


def test_a_network_for_squares_gets_squares() -> None:
    assert InputSizes(side=320, multiple=320).fitting(1280, 720) == InputSize(320, 320)


class CountingEngine:
    """Answers every picture with its size."""

    description = "counting"

    def __init__(self, size: InputSize) -> None:
        self.properties = NetworkProperties("edge", "hand", SIZES, 0.5, 3.0)
        self.size = size

    def __call__(self, network_input: ImageArray) -> EngineOutput:
        assert network_input.shape == (1, self.size.height, self.size.width, 3)
        return EngineOutput(**{name: np.full(SLOTS, self.size.width, np.float32) for name in OUTPUT_NAMES})


def test_an_engine_is_made_for_every_size_once() -> None:
    made: list[InputSize] = []

    def load(size: InputSize) -> CountingEngine:
        made.append(size)
        return CountingEngine(size)

    engine = EnginePerSize(CountingEngine(InputSize(32, 32)).properties, load)
    assert made == [InputSize(320, 448)]
    for height, width in ((320, 448), (288, 512), (320, 448), (288, 512)):
        assert engine(np.zeros((1, height, width, 3), np.uint8)).scores[0] == width
    assert made == [InputSize(320, 448), InputSize(288, 512)]
