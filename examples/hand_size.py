"""The operator's palm, measured with a ruler, puts their hands where they are: small hands nearer, large ones farther.

Run: python examples/hand_size.py 0.098 demo/clip.mp4    metres, from the crease of the wrist to the middle finger's
`handos calibrate NAME` keeps the size, for `handos run --operator NAME` and for the node.
"""

import numpy as np

from handos_model import HandPipeline, hands_in
from handos_model.commands.script import run_script
from handos_model.hand_size.operator_size import OperatorSize


def main(palm_length: float, source: str) -> None:
    """Print how far the hands of SOURCE are, for an adult of average size and for the operator."""
    size = OperatorSize.typed("operator", palm_length)
    pipeline = HandPipeline.load()
    for scale, whose in ((1.0, "somebody"), (size.scale, "you")):
        results = hands_in(source, field_of_view=60, hand_scale=scale, pipeline=pipeline)
        wrists = [hand.joints_3d[0] for result in results for hand in result.hands if hand.joints_3d is not None]
        if not wrists:
            raise ValueError(f"{source} shows no hands")
        print(f"if they are those of {whose} (x {scale:.3f}): wrists at {np.median(wrists, axis=0)[2]:.3f} m (median)")
    print(size)


if __name__ == "__main__":
    run_script(main)
