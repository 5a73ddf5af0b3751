"""The hands of one image as a mesh for Blender, in metres: in Blender, File > Import > Wavefront (.obj).

Run: python examples/mesh_to_blender.py demo/clip.mp4 --out out/hands.obj --frame 90
The same for every frame of a video, with colours: handos run VIDEO --field-of-view 60 --format glb --out results
"""

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from handos_model import HandTopology, hands_in
from handos_model.commands.script import run_script
from handos_model.files.atomic_write import atomic_write


def main(source: str, out: Path = Path("out/hands.obj"), frame: Annotated[int, typer.Option(min=0)] = 0) -> None:
    """Write the hands of frame number FRAME of SOURCE."""
    topology, lines, first = HandTopology.load(), [], 1
    results = hands_in(source, field_of_view=60)
    skipped = sum(1 for _ in islice(results, frame))
    result = next(results, None)
    if result is None:
        raise ValueError(f"{source} has no frame {frame}: give a --frame from 0 to {skipped - 1}")
    for hand in result.hands:
        if hand.vertices is not None:
            # From the camera's axes (y down, z forward) to those of OBJ files (y up, z towards the viewer).
            lines.append(f"o {hand.handedness}_{hand.id}")
            lines += [f"v {x:.5f} {-y:.5f} {-z:.5f}" for x, y, z in hand.vertices]
            lines += [f"f {a} {b} {c}" for a, b, c in topology.faces(hand.handedness) + first]
            first += len(hand.vertices)
    with atomic_write(out) as path:
        path.write_text("\n".join(lines) + "\n")
    print(f"{out}: {sum(line[0] == 'o' for line in lines)} hands")


if __name__ == "__main__":
    run_script(main)
