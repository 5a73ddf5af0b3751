"""``python -m handos_model.hand.derivation.derive_topology``: derive the topology from the full-resolution hand.

Needed only to change the topology; weights are valid only for the topology that they were trained with.
"""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import Float64Array
from handos_model.hand.skeleton import FINGERTIPS, JOINT_COUNT

try:
    import trimesh
    from scipy.spatial import cKDTree

    from handos_model.hand.derivation.fitted_matrices import choose_coarse_vertices, fit_joint_regressor, fit_upsampling
    from handos_model.hand.derivation.posed_sources import SourceHand, random_hands
    from handos_model.hand.derivation.remeshing import EditableMesh, Surface, remesh
    from handos_model.hand.topology import boundary_loop
except ModuleNotFoundError as error:
    raise SystemExit(f"{error.name} is missing: install the package with its `train` and `dev` extras") from error

Ids = npt.NDArray[np.int64]

TOPOLOGY_FILE = Path(__file__).parents[1] / "hand_778.npz"
TOPOLOGY_ID = "handos-778-2"
VERTEX_COUNT = 778
WRIST_LOOP_COUNT = 16
COARSE_COUNT = 98
CUT_HEIGHT = -0.012
"""Metres along +y from the wrist joint: a little of the forearm is kept, so that the joint lies inside the mesh."""
FITTING_HANDS, TEST_HANDS = 250, 100
"""Numbers of random hands."""


def cut_at_wrist(source: SourceHand) -> EditableMesh:
    """The hand beyond the plane through the forearm at `CUT_HEIGHT`."""
    vertices, faces, _ = trimesh.intersections.slice_faces_plane(  # type: ignore[no-untyped-call]
        source.vertices, source.faces, plane_normal=[0.0, 1.0, 0.0], plane_origin=[0.0, CUT_HEIGHT, 0.0]
    )
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    mesh.merge_vertices()
    mesh.update_faces(mesh.nondegenerate_faces())
    return EditableMesh(np.array(mesh.vertices), np.array(mesh.faces, dtype=np.int64))


def relative_edge_length(source: SourceHand, points: Float64Array) -> Float64Array:
    """Relative edge length (N,) at points (N, 3): shorter on fingers, which are thin and bend, and on round tips."""
    finger_bones = [name.startswith("finger") for name in source.bone_names]
    on_finger = source.skin_weights[:, finger_bones].sum(axis=1)
    distances, near = cKDTree(source.vertices).query(points, k=4)
    closeness = 1.0 / (distances + 1e-4)
    finger_fraction = (closeness * on_finger[near]).sum(axis=1) / closeness.sum(axis=1)
    to_tip = cKDTree(source.joints[list(FINGERTIPS)]).query(points)[0]
    return np.asarray(1.0 - 0.3 * finger_fraction - 0.25 * np.exp(-((to_tip / 0.012) ** 2)))


def joint_skin_weights(source: SourceHand, ids: Ids, weights: Float64Array) -> Float64Array:
    """(V, 21) skin weights, assigned to the joint where each bone starts; those of palm and forearm to the wrist."""
    to_joint = np.zeros((len(source.bone_names), JOINT_COUNT))
    for bone, name in enumerate(source.bone_names):
        joint = 0
        if name.startswith("finger"):
            finger, part = (int(number) for number in name.removeprefix("finger").split(".")[0].split("-"))
            joint = 4 * (finger - 1) + part
        to_joint[bone, joint] = 1.0
    return np.asarray(interpolate(source.skin_weights[None], ids, weights)[0] @ to_joint)


def interpolate(values: Float64Array, ids: Ids, weights: Float64Array) -> Float64Array:
    """(N, V, D) values of source vertices (N, S, D), interpolated with vertex ids (V, 3) and weights (V, 3)."""
    return np.asarray(np.einsum("vk,nvkd->nvd", weights, values[:, ids]))


def derive(source: SourceHand) -> dict[str, Any]:
    """The arrays of the topology file; prints their errors."""
    surface = Surface(source.vertices, source.faces)
    mesh = remesh(
        surface,
        cut_at_wrist(source),
        vertex_count=VERTEX_COUNT,
        boundary_count=WRIST_LOOP_COUNT,
        edge_length=lambda points: relative_edge_length(source, points),
        # A vertex at each fingertip keeps the fingers' length and makes the tip joints regressable.
        anchors=surface.project(source.joints[list(FINGERTIPS)])[0],
    )
    rest, ids, weights = surface.project(mesh.vertices)
    loop = boundary_loop(mesh.faces)
    skin_weights = joint_skin_weights(source, ids, weights)

    posed_source = random_hands(source, FITTING_HANDS, seed=1)
    posed = interpolate(posed_source, ids, weights)
    regressor = fit_joint_regressor(posed, source.joint_regressor @ posed_source, rest, source.joints)
    coarse = choose_coarse_vertices(rest, source.joints, skin_weights, loop.astype(np.int64), COARSE_COUNT)
    upsampling = fit_upsampling(posed, rest, skin_weights, coarse)
    report_errors(source, ids, weights, regressor, coarse, upsampling)
    return {
        "id": np.array(TOPOLOGY_ID),
        "faces_right": mesh.faces.astype(np.int32),
        "joint_regressor": regressor.astype(np.float32),
        "skin_weights": skin_weights.astype(np.float32),
        "mean_vertices": rest.astype(np.float32),
        "wrist_loop": loop.astype(np.int32),
        "coarse_vertices": coarse.astype(np.int32),
        "upsampling": upsampling.astype(np.float32),
        "source_vertices": ids.astype(np.int32),
        "source_weights": weights.astype(np.float32),
    }


def report_errors(
    source: SourceHand, ids: Ids, weights: Float64Array, regressor: Float64Array, coarse: Ids, upsampling: Float64Array
) -> None:
    """Print the errors in millimetres on hands that were not used for fitting."""
    test_source = random_hands(source, TEST_HANDS, seed=2)
    test = interpolate(test_source, ids, weights)
    joint_errors = 1000 * np.linalg.norm(regressor @ test - source.joint_regressor @ test_source, axis=2)
    vertex_errors = 1000 * np.linalg.norm(upsampling @ test[:, coarse] - test, axis=2)
    for name, errors in (("joint regressor", joint_errors), ("upsampling", vertex_errors)):
        worst = errors.mean(axis=0).max()
        typer.echo(
            f"{name}: mean {errors.mean():.2f} mm, 95th percentile {np.percentile(errors, 95):.2f} mm, "
            f"largest mean of a row {worst:.2f} mm"
        )
    gain = np.sqrt((upsampling**2).sum(axis=1))
    typer.echo(
        f"upsampling: 1 mm of noise in coarse vertices becomes {gain.mean():.2f} mm, maximum {gain.max():.2f} mm"
    )


def main(
    assets: Annotated[Path, typer.Option(help="Folder with right_hand.npz.")],
    out: Annotated[Path, typer.Option(help="Topology file to write.")] = TOPOLOGY_FILE,
) -> None:
    """Derive the 778-vertex topology from the full-resolution hand."""
    try:
        source = SourceHand.read(assets)
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from error
    arrays = derive(source)
    with atomic_write(out) as temporary:
        np.savez_compressed(temporary, **arrays)
    typer.echo(f"wrote {out} ({out.stat().st_size / 1024:.0f} KiB)")


if __name__ == "__main__":
    typer.run(main)
