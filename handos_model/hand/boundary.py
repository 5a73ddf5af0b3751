"""The open boundary of a hand's mesh, at the wrist."""

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.integer]


def boundary_loop(faces: Ids) -> Ids:
    """Vertex ids of the only boundary loop, in the direction of the faces' edges, from the smallest id.

    Raises
    ------
    ValueError
        If the boundary is not one loop.
    """
    directed = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    edges = {(int(first), int(second)) for first, second in directed}
    following = {first: second for first, second in edges if (second, first) not in edges}
    if not following:
        raise ValueError("the mesh is closed: it has no boundary loop")
    loop = [min(following)]
    while (vertex := following[loop[-1]]) != loop[0]:
        loop.append(vertex)
    if len(loop) != len(following):
        raise ValueError(f"the boundary has {len(following)} vertices, but a loop closes after {len(loop)}")
    return np.array(loop)
