"""One engine is loaded per input size, when an image first needs it."""

import numpy as np
from fixed_answer_graph import SLOTS

from handos_model.architecture.contract import OUTPUT_NAMES, NetworkOutput, NetworkProperties
from handos_model.architecture.input_size import InputSize, InputSizes
from handos_model.geometry.arrays import ImageArray
from handos_model.inference.backends.engine_per_size import EnginePerSize

SIZES = InputSizes(side=384, multiple=32)


class CountingEngine:
    """Returns the width of its input in every output."""

    description = "counting"

    def __init__(self, size: InputSize) -> None:
        self.properties = NetworkProperties("edge", "hand", SIZES, 0.5, 3.0)
        self.size = size

    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        assert network_input.shape == (1, self.size.height, self.size.width, 3)
        return NetworkOutput(**{name: np.full(SLOTS, self.size.width, np.float32) for name in OUTPUT_NAMES})


def test_one_engine_is_loaded_per_size() -> None:
    loaded: list[InputSize] = []

    def load(size: InputSize) -> CountingEngine:
        loaded.append(size)
        return CountingEngine(size)

    engine = EnginePerSize(CountingEngine(InputSize(32, 32)).properties, load)
    assert loaded == [InputSize(320, 448)]
    for height, width in ((320, 448), (288, 512), (320, 448), (288, 512)):
        assert engine(np.zeros((1, height, width, 3), np.uint8)).scores[0] == width
    assert loaded == [InputSize(320, 448), InputSize(288, 512)]
