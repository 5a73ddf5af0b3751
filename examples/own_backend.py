"""A backend of your own: whatever runs the network, on whatever chip, can take the place of the built-in ones.

Run: python examples/own_backend.py demo/clip.mp4
"""

import numpy as np

from handos_model import HandPipeline, hands_in
from handos_model.architecture.contract import INPUT_NAME, OUTPUT_NAMES, NetworkOutput
from handos_model.commands.script import run_script
from handos_model.inference.backends.onnxruntime_engine import default_session_options, read_properties
from handos_model.inference.pipeline import shipped_weights


class OwnEngine:
    """The three members of every backend (`handos_model.inference.backends.engine.Engine`)."""

    def __init__(self, threads: int) -> None:
        import onnxruntime

        options = default_session_options()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(shipped_weights(), options, ["CPUExecutionProvider"])
        self.properties = read_properties(shipped_weights())
        self.description = f"ONNX Runtime with {threads} thread(s)"

    def __call__(self, network_input: np.ndarray) -> NetworkOutput:
        """Run the network on (1, H, W, 3) BGR uint8: this is where your chip's library goes."""
        return NetworkOutput(*self._session.run(OUTPUT_NAMES, {INPUT_NAME: network_input}))


def main(source: str, threads: int = 1) -> None:
    """Find the hands of SOURCE with the backend above."""
    pipeline = HandPipeline(OwnEngine(threads))
    counts = [len(result.hands) for result in hands_in(source, pipeline=pipeline)]
    print(f"{pipeline.engine.description}: {sum(counts)} hands in {len(counts)} images")


if __name__ == "__main__":
    run_script(main)
