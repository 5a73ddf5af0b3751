"""One engine is loaded per input size, when an image first needs it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

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


class UnsharedEngine(CountingEngine):
    """Fails if two threads use it at once."""

    def __init__(self, size: InputSize) -> None:
        super().__init__(size)
        self.in_use = threading.Lock()

    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        assert self.in_use.acquire(blocking=False)
        time.sleep(0.01)
        self.in_use.release()
        return super().__call__(network_input)


def test_threads_take_turns() -> None:
    loaded: list[InputSize] = []

    def load(size: InputSize) -> UnsharedEngine:
        loaded.append(size)
        return UnsharedEngine(size)

    engine = EnginePerSize(CountingEngine(InputSize(32, 32)).properties, load)
    with ThreadPoolExecutor(8) as threads:
        images = [np.zeros((1, 288, 512, 3), np.uint8)] * 16
        assert [output.scores[0] for output in threads.map(engine, images)] == [512] * 16
    assert loaded == [InputSize(320, 448), InputSize(288, 512)]
