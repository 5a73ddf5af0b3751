"""Worker of `against_mediapipe.py`: HandOS, from a BGR image to hands with meshes in metres."""

import sys

import numpy as np
from timing_worker import serve

from handos_model import CameraIntrinsics, HandPipeline


def main() -> None:
    weights, backend = sys.argv[1:]
    pipeline = HandPipeline.load(weights or None, backend, max_hands=2)  # type: ignore[arg-type]
    print(pipeline.engine.description, file=sys.stderr)

    def find_hands(image: np.ndarray) -> int:
        height, width = image.shape[:2]
        return len(pipeline(image, CameraIntrinsics.from_field_of_view(width, height, 60)))

    serve(find_hands)


if __name__ == "__main__":
    main()
