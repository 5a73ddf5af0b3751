"""Rendered sequences: exact truth, smooth motion, the same images for the same seed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import handos

pytest.importorskip("numba", reason="rendering needs the train extra")
pytest.importorskip("scipy", reason="rendering needs the train extra")

from handos_model.datasets.hand_sequences import TRUTH_FILE, HandSequence, read_sequence, read_sequences
from handos_model.geometry.projection import project
from handos_model.synthesis.assets import Assets
from handos_model.synthesis.gestures import GESTURES
from handos_model.synthesis.hand_area import HandArea, measure_hand_area
from handos_model.synthesis.motion import constant, through
from handos_model.synthesis.people import PersonBuilder
from handos_model.synthesis.posing import HandPoser, gesture_angles
from handos_model.synthesis.reaching import OUTWARD, Reach, reach
from handos_model.synthesis.scenarios import SCENARIOS
from handos_model.synthesis.sequence_renderer import SequenceRenderer
from handos_model.synthesis.sequences import render_sequences

SIZE = (128, 96)
FRAMES = 6
"""Of a rendered sequence; where only the truth counts, sequences are longer."""


@pytest.fixture(scope="module")
def folder(assets_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sequences")
    render_sequences(assets_folder, folder, 1, 3, workers=1, frames=FRAMES, size=SIZE)
    return folder


@pytest.fixture(scope="module")
def sequences(folder: Path) -> list[HandSequence]:
    return read_sequences(folder)


@pytest.fixture(scope="module")
def renderer(assets_folder: Path) -> SequenceRenderer:
    return SequenceRenderer(assets_folder, None, SIZE)


def test_curves_pass_their_values_without_overshoot_and_rest_between_equal_ones() -> None:
    curve = through([0.0, 1.0, 2.0, 3.0], [[0.0], [1.0], [1.0], [0.0]])
    assert [float(curve(t)[0]) for t in (-1, 0, 1, 1.5, 2, 3, 9)] == [0, 0, 1, 1, 1, 0, 0]
    values = np.array([curve(t)[0] for t in np.linspace(0, 3, 301)])
    assert values.min() >= 0
    assert values.max() <= 1
    assert np.abs(np.diff(values, 2)).max() < 1e-3  # no corner


def test_every_scenario_has_a_complete_sequence(sequences: list[HandSequence]) -> None:
    assert {sequence.scenario for sequence in sequences} == set(SCENARIOS)
    for sequence in sequences:
        assert len(sequence.frames) == FRAMES
        assert all(image.shape == (SIZE[1], SIZE[0], 3) for image in sequence.images())


def test_3d_joints_project_to_2d_joints(sequences: list[HandSequence]) -> None:
    hands = [(s.camera, hand.annotation) for s in sequences for frame in s.frames for hand in frame]
    assert len(hands) > 50
    for camera, hand in hands:
        assert hand.joints_3d is not None
        # Files keep hundredths of pixels and of millimetres.
        assert np.allclose(project(hand.joints_3d, camera), hand.joints_2d, atol=0.02)


def test_an_identity_is_one_hand_of_one_side(sequences: list[HandSequence]) -> None:
    for sequence in sequences:
        for frame in sequence.frames:
            sides = {hand.identity: hand.annotation.handedness for hand in frame}
            assert len(sides) == len(frame)
            assert sides.items() <= {0: "left", 1: "right"}.items()


def test_fractions_are_ordered_and_only_the_empty_scenario_shows_no_hand(sequences: list[HandSequence]) -> None:
    for sequence in sequences:
        hands = [hand for frame in sequence.frames for hand in frame]
        assert all(0 <= hand.visible <= hand.in_image <= 1 for hand in hands)
        assert (max((hand.visible for hand in hands), default=0) < 0.05) == (sequence.scenario == "empty")


def test_a_sequence_depends_only_on_seed_and_index(folder: Path, renderer: SequenceRenderer) -> None:
    performance, look = renderer.stage("crossing", 3, 0, FRAMES / 30)
    frames = list(renderer.render(performance, look, 2, 30.0))
    kept = read_sequence(folder / "crossing_000")
    joints, kept_joints = (hand.annotation.joints_2d for hand in (frames[1].hands[0], kept.frames[1][0]))
    assert np.allclose(joints, kept_joints, rtol=0, atol=0.0051)  # the truth is written with two digits
    again = list(renderer.render(*renderer.stage("crossing", 3, 0, FRAMES / 30), 2, 30.0))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(frames, again, strict=True))
    other = next(renderer.render(*renderer.stage("crossing", 4, 0, FRAMES / 30), 1, 30.0))
    assert not np.array_equal(frames[0].image, other.image)


def test_hands_move_smoothly_and_skin_and_light_stay(renderer: SequenceRenderer) -> None:
    performance, look = renderer.stage("crossing", 5, 0, 3.0)
    wrists = np.array([performance.hands["left"].wrist(k / 30) for k in range(90)])
    speeds = np.linalg.norm(np.diff(wrists, axis=0), axis=1) * 30
    accelerations = np.linalg.norm(np.diff(wrists, 2, axis=0), axis=1) * 900
    assert 0.2 < speeds.max() < 4
    assert accelerations.max() < 40
    assert len(look.materials) == 4


def test_still_hands_do_not_move_and_only_noise_changes(renderer: SequenceRenderer) -> None:
    performance, look = renderer.stage("still", 3, 0, 3.0)
    first, second = renderer.render(performance, replace(look, noise=0.0), 2, 30.0)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.hands[0].annotation.joints_2d, second.hands[0].annotation.joints_2d)


def test_fast_motion_is_blurred(renderer: SequenceRenderer) -> None:
    performance, look = renderer.stage("waving", 3, 0, 3.0)
    sharp = replace(performance, camera=replace(performance.camera, exposure=1e-4))
    blurred = replace(performance, camera=replace(performance.camera, exposure=1 / 30))
    images = [list(renderer.render(each, replace(look, noise=0.0), 20, 30.0))[-1].image for each in (sharp, blurred)]
    assert not np.array_equal(*images)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_reaching_hand_is_where_it_shall_be_and_faces_there(assets_folder: Path, side: str) -> None:
    assets = Assets.load(assets_folder)
    hand_side = "left" if side == "left" else "right"
    people, poser = PersonBuilder(assets.person, assets.hand), HandPoser(assets.hand)
    fingers = poser.rotations(gesture_angles(GESTURES["flat"]))
    wrist, palm = np.array([0.15 * OUTWARD[hand_side], 0.45, 0.3]), np.array([0.0, 0.0, 1.0])
    goal = Reach(wrist, palm, np.array([0.5 * OUTWARD[hand_side], -1.0, 0.0]), fingers)
    other = Reach(wrist * [-1, 1, 1], palm, np.array([-0.5 * OUTWARD[hand_side], -1.0, 0.0]), fingers)
    reaches = {"left": goal, "right": other} if hand_side == "left" else {"right": goal, "left": other}
    person = people.reach(np.zeros(len(assets.person.mesh.shape_vertices), np.float32), reaches)
    joints = assets.hand.joint_regressor @ person.hands[hand_side]
    assert np.linalg.norm(joints[0] - wrist) < 0.02
    normal = np.cross(joints[5] - joints[0], joints[17] - joints[0]) * (1 if hand_side == "right" else -1)
    # The forearm points to the camera a little: the palm cannot face it entirely.
    assert normal @ palm / np.linalg.norm(normal) > 0.6


def test_area_of_a_hand_half_outside_the_image(assets_folder: Path, renderer: SequenceRenderer) -> None:
    asset = Assets.load(assets_folder).hand
    performance, _ = renderer.stage("still", 3, 0, 3.0)
    camera = performance.camera.intrinsics
    faces = asset.mesh.faces[asset.face_parts > 0]
    centred = (asset.mesh.vertices - asset.joints.mean(axis=0)) * np.array([1, -1, -1], np.float32)
    inside = measure_hand_area(centred + np.float32([0, 0, 0.5]), faces, camera, SIZE)
    assert inside.inside == inside.total > 100
    edge = np.float32([-0.5 * (SIZE[0] / 2) / camera.fx, 0, 0.5])
    half = measure_hand_area(centred + edge, faces, camera, SIZE)
    assert half.total == pytest.approx(inside.total, rel=0.2)
    assert 0.25 < half.inside / half.total < 0.75
    assert measure_hand_area(centred - np.float32([0, 0, 1]), faces, camera, SIZE) == HandArea(0, 0)


def test_repeated_run_renders_only_what_is_missing(assets_folder: Path, folder: Path) -> None:
    kept = (folder / "still_000" / TRUTH_FILE).stat().st_mtime_ns
    before = (folder / "waving_000" / "000003.jpg").read_bytes()
    (folder / "waving_000" / TRUTH_FILE).unlink()
    render_sequences(assets_folder, folder, 1, 3, workers=1, frames=FRAMES, size=SIZE)
    assert (folder / "still_000" / TRUTH_FILE).stat().st_mtime_ns == kept
    assert (folder / "waving_000" / "000003.jpg").read_bytes() == before
    assert (folder / "waving_000" / TRUTH_FILE).exists()


def test_sequences_of_another_seed_are_not_taken_for_these(assets_folder: Path, folder: Path) -> None:
    with pytest.raises(ValueError, match=rf"{folder}.*seed 3"):
        render_sequences(assets_folder, folder, 1, 4, workers=1, frames=FRAMES, size=SIZE)


def test_an_object_hides_the_hand_and_the_truth_knows(renderer: SequenceRenderer) -> None:
    performance, look = renderer.stage("behind_object", 1, 0, 1.0)
    quick = replace(performance, camera=replace(performance.camera, exposure=1e-4))
    visible = [max(hand.visible for hand in frame.hands) for frame in renderer.render(quick, look, 30, 30.0)]
    assert visible[0] > 0.5
    assert min(visible) < 0.3
    assert visible[-1] > 0.5


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((), "--count"),
        (("--count", 3, "--sequences", 1), "--sequences"),
        (("--sequences", 1, "--size", 128), "--size"),
    ],
)
def test_command_names_options_that_do_not_go_together(
    options: tuple[object, ...],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ("synth", "--assets", tmp_path, "--out", tmp_path / "out", *options)
    assert handos(*arguments, monkeypatch=monkeypatch) == 1
    assert named in capsys.readouterr().err


def test_a_palm_that_turns_round_and_round_never_makes_the_hand_jump(assets_folder: Path) -> None:
    pivots = np.array([[-0.17, 0.48, 0.02], [-0.32, 0.31, 0.03], [-0.44, 0.19, 0.18]], np.float32)
    hand_rotation = Assets.load(assets_folder).person.hand_rotation
    fingers, elbow = np.zeros((22, 3, 3), np.float32), np.array([-0.5, -1.0, 0.0])
    angles = np.linspace(0, 2 * np.pi, 721)
    twists = [
        reach(
            pivots, Reach(np.array([-0.1, 0.4, 0.35]), np.array([np.cos(a), np.sin(a), 0]), elbow, fingers), "right",
            hand_rotation,
        ).twist
        for a in angles
    ]  # fmt: skip
    assert np.degrees(np.abs(np.diff(twists))).max() < 5
    assert np.degrees(np.ptp(twists)) > 180


def test_constant_curve_stays() -> None:
    assert constant([1, 2])(0.0).tolist() == constant([1, 2])(9.0).tolist() == [1, 2]
