"""``python -m handos_model.hand.derive_topology``: make the 778-vertex topology from the full-resolution hand.

Only needed to change the topology: weights belong to the one that they were trained with.
"""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from handos_model.hand.skeleton import JOINT_COUNT, JOINT_NAMES

try:
    import trimesh
    from scipy.spatial import cKDTree

    from handos_model.hand.boundary import boundary_loop
    from handos_model.hand.fitted_matrices import choose_coarse_vertices, fit_joint_regressor, fit_upsampling
    from handos_model.hand.posed_sources import SourceHand, random_hands
    from handos_model.hand.remeshing import EditableMesh, Surface, remesh
except ModuleNotFoundError as error:
    raise SystemExit(f"{error.name} is missing: deriving a topology needs the package's `train` extra") from error

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

TOPOLOGY_FILE = Path(__file__).with_name("hand_778.npz")
TOPOLOGY_ID = "handos-778-2"
VERTEX_COUNT = 778
WRIST_LOOP_COUNT = 16
COARSE_COUNT = 98
CUT_HEIGHT = -0.012
"""Metres along +y, the wrist joint being at 0: a little of the forearm stays, so that the wrist is inside."""
FITTED_HANDS, CHECKED_HANDS = 250, 100

IS_TIP = [name.endswith("_tip") for name in JOINT_NAMES]


def cut_at_wrist(source: SourceHand) -> EditableMesh:
    """The hand on the far side of the wrist plane."""
    vertices, faces, _ = trimesh.intersections.slice_faces_plane(  # type: ignore[no-untyped-call]
        source.vertices, source.faces, plane_normal=[0.0, 1.0, 0.0], plane_origin=[0.0, CUT_HEIGHT, 0.0]
    )
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    mesh.merge_vertices()
    mesh.update_faces(mesh.nondegenerate_faces())
    return EditableMesh(np.array(mesh.vertices), np.array(mesh.faces, dtype=np.int64))


def relative_size(source: SourceHand, points: Floats) -> Floats:
    """Edge length wanted at (N, 3) points: fingers are thinner and bend more than the palm, tips are round."""
    finger_bones = [name.startswith("finger") for name in source.bone_names]
    on_finger = source.skin_weights[:, finger_bones].sum(axis=1)
    distances, near = cKDTree(source.vertices).query(points, k=4)
    closeness = 1.0 / (distances + 1e-4)
    finger_share = (closeness * on_finger[near]).sum(axis=1) / closeness.sum(axis=1)
    to_tip = cKDTree(source.joints[IS_TIP]).query(points)[0]
    return np.asarray(1.0 - 0.3 * finger_share - 0.25 * np.exp(-((to_tip / 0.012) ** 2)))


def joint_skin_weights(source: SourceHand, ids: Ids, weights: Floats) -> Floats:
    """(V, 21) the bones' weights, given to the joint where each bone starts; palm and forearm go to the wrist."""
    to_joint = np.zeros((len(source.bone_names), JOINT_COUNT))
    for bone, name in enumerate(source.bone_names):
        joint = 0
        if name.startswith("finger"):
            finger, part = (int(number) for number in name.removeprefix("finger").split(".")[0].split("-"))
            joint = 4 * (finger - 1) + part
        to_joint[bone, joint] = 1.0
    return np.asarray(interpolated(source.skin_weights[None], ids, weights)[0] @ to_joint)


def interpolated(of_source: Floats, ids: Ids, weights: Floats) -> Floats:
    """(N, V, D) what (N, S, D) values of the source's vertices are at points given by triangle and weights."""
    return np.asarray(np.einsum("vk,nvkd->nvd", weights, of_source[:, ids]))


def derive(source: SourceHand) -> dict[str, Any]:
    """The arrays of the topology file, and a report of their errors on standard output."""
    surface = Surface(source.vertices, source.faces)
    mesh = remesh(
        surface,
        cut_at_wrist(source),
        vertex_count=VERTEX_COUNT,
        boundary_count=WRIST_LOOP_COUNT,
        size=lambda points: relative_size(source, points),
        # A vertex at each fingertip: the fingers keep their length, and the tip joints can be regressed.
        anchors=surface.project(source.joints[IS_TIP])[0],
    )
    rest, ids, weights = surface.project(mesh.vertices)
    loop = boundary_loop(mesh.faces)
    skin_weights = joint_skin_weights(source, ids, weights)

    posed_source = random_hands(source, FITTED_HANDS, seed=1)
    posed = interpolated(posed_source, ids, weights)
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
    source: SourceHand, ids: Ids, weights: Floats, regressor: Floats, coarse: Ids, upsampling: Floats
) -> None:
    """Print the errors in millimetres on hands that nothing was fitted on."""
    unseen_source = random_hands(source, CHECKED_HANDS, seed=2)
    unseen = interpolated(unseen_source, ids, weights)
    joint_errors = 1000 * np.linalg.norm(regressor @ unseen - source.joint_regressor @ unseen_source, axis=2)
    vertex_errors = 1000 * np.linalg.norm(upsampling @ unseen[:, coarse] - unseen, axis=2)
    for what, errors in (("joint regressor", joint_errors), ("upsampling", vertex_errors)):
        worst = errors.mean(axis=0).max()
        typer.echo(
            f"{what}: mean {errors.mean():.2f} mm, 95 % below {np.percentile(errors, 95):.2f} mm, "
            f"worst row's mean {worst:.2f} mm"
        )
    gain = np.sqrt((upsampling**2).sum(axis=1))
    typer.echo(
        f"upsampling: 1 mm of noise in coarse vertices becomes {gain.mean():.2f} mm, at most {gain.max():.2f} mm"
    )


def main(
    assets: Annotated[Path, typer.Option(help="Folder of the hand assets, with right_hand.npz.")],
    out: Annotated[Path, typer.Option(help="Topology file to write.")] = TOPOLOGY_FILE,
) -> None:
    """Derive the 778-vertex topology from the full-resolution hand."""
    try:
        source = SourceHand.read(assets)
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from error
    arrays = derive(source)
    aside = out.with_name(f".{out.stem}.partial.npz")
    np.savez_compressed(aside, **arrays)
    aside.replace(out)
    typer.echo(f"wrote {out} ({out.stat().st_size / 1024:.0f} KiB)")


if __name__ == "__main__":
    typer.run(main)
