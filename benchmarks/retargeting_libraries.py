"""Two retargeting libraries on the same hands and robots: fingertips reached, smoothness, limits, time, install size.

    python benchmarks/retargeting_libraries.py collect demo/clip.mp4 --assets DIR --out out/hands.npz
    python benchmarks/retargeting_libraries.py measure out/hands.npz --urdfs DIR --out FILE.json

`collect` needs the train extra and takes hands with known joints from the assets (docs/synthesis.md), and the tracked
hands of videos. `measure` runs every library that is installed and adds its results to FILE.json, so that each can have
an environment of its own: dex-retargeting needs `pip install dex-retargeting==0.5.0 torch six` too. URDFs are those of
https://github.com/dexsuite/dex-urdf, folder robots/hands. Smoothing is off in both libraries: it is the same formula.
"""

import json
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from packaging.requirements import Requirement

from handos_model.files.atomic_write import atomic_write
from handos_model.geometry.arrays import Float64Array
from handos_model.hand.hand import Handedness
from handos_model.retargeting.dexi_retargeter import DexiRetargeter
from handos_model.retargeting.hand_frame import ADULT_PALM_LENGTH, joints_in_hand_frame
from handos_model.retargeting.robot_file import robot_names
from handos_model.retargeting.robot_hand import RobotHand, load_robot_hand
from handos_model.retargeting.settings import RetargetingSettings

RATE: Final = 30.0
"""Hands per second."""
SECONDS: Final = 10.0
"""Of rendered hands."""
TYPES: Final = ("vector", "dexpilot")
MIN_HANDS: Final = 60
"""Of a recorded hand: shorter tracks are left out."""
MAX_HANDS: Final = 200
"""Of a recorded hand: the first of longer tracks."""
PACKAGES: Final = {"dexi-rs": ("dexi-rs",), "dex-retargeting": ("dex-retargeting", "torch", "six")}
"""What has to be installed; torch and six are imported by dex-retargeting, which does not require them."""

Solve = Callable[[Float64Array], Float64Array]
"""From a hand's joints (21, 3) in the hand frame to positions of `RobotHand.joint_names`."""

app = typer.Typer()


@dataclass(frozen=True)
class Measured:
    """One library, robot and kind of hands; millimetres, radians, seconds."""

    fingertip_error_mm: float
    """Mean over hands and fingers: vector from wrist to fingertip, robot against scaled hand."""
    fingertip_error_p95_mm: float
    acceleration_rad_s2: float
    """Mean over hands and joints: lower is smoother."""
    beyond_limits_rad: float
    """The largest."""
    ms_median: float
    ms_p95: float


def dexi_rs(robot: RobotHand) -> Solve:
    """The library that HandOS uses."""
    retarget = robot.retargeter()
    assert isinstance(retarget, DexiRetargeter)
    return lambda joints: retarget(joints, robot.side).positions


def dex_retargeting(robot: RobotHand) -> Solve:
    """The library whose file format HandOS reads."""
    from dex_retargeting.retargeting_config import RetargetingConfig

    settings = robot.settings
    assert isinstance(settings, RetargetingSettings)
    entries: dict[str, Any] = {
        name: list(value) if isinstance(value, tuple) else value for name, value in asdict(settings).items()
    }
    # It wants the joints that mimic others left out by name.
    entries |= {"urdf_path": robot.model.source, "target_joint_names": list(robot.joint_names)}
    if settings.type == "dexpilot":
        entries["target_link_human_indices"] = None
    solver = RetargetingConfig(**entries).build()
    order = [solver.joint_names.index(name) for name in robot.joint_names]
    held = np.zeros(len(solver.optimizer.idx_pin2fixed))
    begin, end = settings.human_indices

    def solve(joints: Float64Array) -> Float64Array:
        return np.asarray(solver.retarget((joints[end] - joints[begin]).astype(np.float32), held)[order])

    return solve


LIBRARIES: Final = {"dexi-rs": ("dexi_rs", dexi_rs), "dex-retargeting": ("dex_retargeting", dex_retargeting)}


@app.command()
def collect(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO...", help="Recorded hands.")],
    assets: Annotated[Path, typer.Option(metavar="DIR", help="Folder of docs/synthesis.md.")],
    out: Annotated[Path, typer.Option(metavar="FILE.npz", help="File for the hands.")],
) -> None:
    """Write sequences of hands (T, 21, 3) in metres, in the hand frame."""
    hands: dict[str, Any] = {"rendered": known_hands(assets)}
    for video in videos:
        hands |= {f"{video.stem}_{number}_{side}": joints for number, (side, joints) in enumerate(tracked_hands(video))}
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(out) as temporary, temporary.open("wb") as file:
        np.savez(file, **hands)


def known_hands(assets: Path) -> Float64Array:
    """The joints of a right hand that goes from pose to pose."""
    from handos_model.synthesis.assets import Assets
    from handos_model.synthesis.motion import changing_pose, hand_angles
    from handos_model.synthesis.posing import HandPoser
    from handos_model.synthesis.skinning import pose_mesh

    asset = Assets.load(assets).hand
    poser = HandPoser(asset)
    pose = changing_pose(np.random.default_rng(1), poser, SECONDS)
    joints = []
    for number in range(round(SECONDS * RATE)):
        rotations = poser.rotations(hand_angles(pose(number / RATE)))
        vertices, _ = pose_mesh(asset.mesh, asset.mesh.vertices, asset.mesh.pivots, rotations)
        joints.append(joints_in_hand_frame(asset.joint_regressor @ vertices, "right"))
    return np.array(joints)


def tracked_hands(video: Path) -> Iterator[tuple[Handedness, Float64Array]]:
    """Every hand that the pipeline tracks for long enough, with its side."""
    from handos_model import CameraIntrinsics, HandPipeline
    from handos_model.inference.tracking import HandTracker, TrackingSettings
    from handos_model.recordings.source import open_source

    pipeline, settings = HandPipeline.load().for_tracking(TrackingSettings())
    source, tracker = open_source(video), HandTracker()
    tracks: dict[int | None, list[tuple[Handedness, Float64Array]]] = {}
    for number, frame in enumerate(source.frames):
        height, width = frame.image.shape[:2]
        hands = pipeline(frame.image, CameraIntrinsics.from_field_of_view(width, height, 60.0))
        for hand in tracker.update(hands, number / (source.frame_rate or RATE), settings):
            if hand.joints_3d is not None and not hand.coasting:
                entry = hand.handedness, joints_in_hand_frame(hand.joints_3d, hand.handedness)
                tracks.setdefault(hand.id, []).append(entry)
    for track in tracks.values():
        side = track[-1][0]
        joints = [of_hand for handedness, of_hand in track if handedness == side]
        if len(joints) >= MIN_HANDS:
            yield side, np.array(joints[:MAX_HANDS])


@app.command()
def measure(
    hands: Annotated[Path, typer.Argument(metavar="FILE.npz", help="What `collect` wrote.")],
    urdfs: Annotated[Path, typer.Option(metavar="DIR", help="Folder robots/hands of dex-urdf.")],
    out: Annotated[Path, typer.Option(metavar="FILE.json", help="File that the results are added to.")],
) -> None:
    """Measure the libraries that are installed."""
    report: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    with np.load(hands) as archive:
        sequences = {name: archive[name] for name in archive.files}
    report["hands"] = {name: len(joints) for name, joints in sequences.items()}
    for library, (module, make) in LIBRARIES.items():
        if find_spec(module) is not None:
            report[library] = installation(library) | {"measured": dict(measurements(make, sequences, urdfs))}
    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def measurements(
    make: Callable[[RobotHand], Solve], sequences: dict[str, Float64Array], urdfs: Path
) -> Iterator[tuple[str, Any]]:
    """For each right robot hand, type and kind of hands."""
    for name in robot_names():
        if not name.endswith("_right") or "gripper" in name:
            continue
        for kind in TYPES:
            robot = load_robot_hand(name, urdf=None if name.startswith("generic_") else urdfs, retargeting_type=kind)
            assert isinstance(robot.settings, RetargetingSettings)
            robot = replace(robot, settings=replace(robot.settings, low_pass_alpha=1.0))
            for source, joints in grouped(sequences).items():
                yield f"{name} {kind} {source}", asdict(measured(make, robot, joints))


def grouped(sequences: dict[str, Float64Array]) -> dict[str, list[Float64Array]]:
    """Rendered and recorded sequences of right hands with an adult's palm."""
    right = {name: joints * (1, -1, 1) if name.endswith("left") else joints for name, joints in sequences.items()}
    scaled = {
        name: joints * (ADULT_PALM_LENGTH / np.linalg.norm(joints[:, 9:10], axis=2, keepdims=True))
        for name, joints in right.items()
    }
    return {"rendered": [scaled.pop("rendered")], "recorded": list(scaled.values())}


def measured(make: Callable[[RobotHand], Solve], robot: RobotHand, sequences: list[Float64Array]) -> Measured:
    """One library on one robot."""
    errors, accelerations, excesses, seconds = [], [], [], []
    for joints in sequences:
        solve, positions = make(robot), []
        for hand in joints:
            begin = time.perf_counter()
            positions.append(solve(hand))
            seconds.append(time.perf_counter() - begin)
            errors.append(fingertip_errors(robot, positions[-1], hand))
        path = np.array(positions)
        accelerations.append(np.abs(np.diff(path, 2, axis=0)).ravel() * RATE**2)
        excesses.append(np.maximum(robot.limits[:, 0] - path, path - robot.limits[:, 1]).max(initial=0.0))
    return Measured(
        fingertip_error_mm=round(1000 * float(np.mean(errors)), 2),
        fingertip_error_p95_mm=round(1000 * float(np.percentile(errors, 95)), 2),
        acceleration_rad_s2=round(float(np.concatenate(accelerations).mean()), 2),
        beyond_limits_rad=round(float(max(excesses)), 5),
        ms_median=round(1000 * float(np.median(seconds)), 3),
        ms_p95=round(1000 * float(np.percentile(seconds, 95)), 3),
    )


def fingertip_errors(robot: RobotHand, positions: Float64Array, hand: Float64Array) -> Float64Array:
    """Metres, for each fingertip."""
    settings = robot.settings
    assert isinstance(settings, RetargetingSettings)
    poses = robot.model.link_poses(dict(zip(robot.joint_names, positions.tolist(), strict=True)))
    wrist = poses[settings.wrist_link_name or robot.model.root][:3, 3]
    scaled = settings.scaling_factor * hand
    return np.array([np.linalg.norm(poses[link][:3, 3] - wrist - scaled[tip]) for link, tip in tips(robot).items()])


def tips(robot: RobotHand) -> dict[str, int]:
    """The links at the fingertips, the same for both types."""
    assert isinstance(robot.settings, RetargetingSettings)
    return {link: 4 * (finger + 1) for finger, link in enumerate(robot.settings.finger_tip_link_names or ())}


def installation(library: str) -> dict[str, Any]:
    """Version, licence, Python, and megabytes of the library with all that it needs except numpy."""
    sizes: dict[str, float] = {}
    pending = list(PACKAGES[library])
    while pending:
        name = pending.pop().lower().replace("_", "-")
        if name in sizes or name == "numpy":
            continue
        distribution = metadata.distribution(name)
        files = [Path(str(file.locate())) for file in distribution.files or ()]
        sizes[name] = sum(file.stat().st_size for file in files if file.is_file()) / 1e6
        requirements = [Requirement(line) for line in distribution.requires or ()]
        pending += [one.name for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})]
    information = metadata.metadata(library)
    licences = [information[key] for key in ("License-Expression", "License") if key in information]
    return {
        "version": metadata.version(library),
        "licence": licences[0],
        "python": platform.python_version(),
        "packages": len(sizes),
        "megabytes": round(sum(sizes.values())),
    }


if __name__ == "__main__":
    app()
