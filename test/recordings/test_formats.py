"""Every output format is read back by the tool that it is for."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import trimesh
from foxglove import messages as foxglove
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from hands import CAMERA, TOPOLOGY, hand_at
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from recorded_bags import START, STEP
from rosbags.highlevel import AnyReader
from rosbags.typesys import get_types_from_msg

from handos_model.geometry.lens import LensDistortion
from handos_model.hand.frames import wrist_orientation
from handos_model.hand.hand import Hand
from handos_model.hand.skeleton import JOINT_NAMES
from handos_model.recordings.camera_choice import FrameCamera
from handos_model.recordings.formats.foxglove_messages import image_annotations
from handos_model.recordings.formats.frame_writer import OutputFormat
from handos_model.recordings.formats.hand_messages import camera_info
from handos_model.recordings.formats.hand_state import STATE_NAMES, HandState
from handos_model.recordings.formats.lerobot_format import IMAGE
from handos_model.recordings.formats.message_definitions import message_types
from handos_model.recordings.formats.moments import Moments
from handos_model.recordings.formats.registry import FormatName, make_formats, written_files
from handos_model.recordings.frame import Frame, RecordedHeader
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.source import FrameSource

HANDS = (
    replace(hand_at(200, side="right"), id=3),
    replace(hand_at(420, side="left"), id=4, tentative=True),
)
SOURCE = FrameSource("clip.mp4", iter(()), None, 25.0)
FOXGLOVE = [kind.rpartition("/")[2] for kind in message_types().fielddefs if kind.startswith("foxglove_msgs/")]
TYPES: dict[str, Any] = message_types().types
MESSAGES = Path(__file__).parents[2] / "msg"


def result(index: int, hands: tuple[Hand, ...] = HANDS, **camera: Any) -> FrameHands:
    image = np.full((240, 320, 3), 40 + 10 * (index % 20), np.uint8)
    stamp = START + index * STEP
    frame = Frame(image, "clip.mp4", index, stamp / 1e9, header=RecordedHeader(stamp, "left_optical"))
    return FrameHands(frame, hands, FrameCamera(CAMERA, **camera))


def make(name: FormatName, out: Path, *, with_vertices: bool = False) -> OutputFormat:
    formats = make_formats([name], out, TOPOLOGY, with_vertices=with_vertices, operator=("Ada", 1.1), task="Wave.")
    return formats[name]


def write(name: FormatName, out: Path, results: list[FrameHands], stem: str = "clip", **options: bool) -> None:
    output = make(name, out, **options)
    with output.open(SOURCE, stem) as writer:
        for one in results:
            writer.write(one)
    assert output.finish([stem]) == []


# MCAP


def read_mcap(path: Path) -> list[tuple[str, str, int, Any]]:
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        return [
            (channel.topic, schema.name if schema else "", message.log_time, content)
            for schema, channel, message, content in reader.iter_decoded_messages()
        ]


def test_mcap_is_decoded_by_a_reader_that_knows_no_message_but_by_the_file(tmp_path: Path) -> None:
    write("mcap", tmp_path, [result(0), result(1, ()), result(2)], with_vertices=True)
    messages = read_mcap(tmp_path / "mcap" / "clip.mcap")
    assert Counter((topic, kind) for topic, kind, _, _ in messages) == {
        ("/camera/image/compressed", "sensor_msgs/msg/CompressedImage"): 3,
        ("/camera/camera_info", "sensor_msgs/msg/CameraInfo"): 3,
        ("/handos/hands", "handos_ros/msg/HandArray"): 3,
        ("/handos/topology", "handos_ros/msg/HandTopology"): 1,
        ("/handos/scene", "foxglove_msgs/msg/SceneUpdate"): 3,
        ("/handos/annotations", "foxglove_msgs/msg/ImageAnnotations"): 3,
    }
    first = {topic: content for topic, _, time, content in messages if time == START}
    array, array_type, hand = first["/handos/hands"], TYPES["handos_ros/msg/HandArray"], TYPES["handos_ros/msg/Hand"]
    assert (array.header.stamp.sec, array.header.stamp.nanosec) == divmod(START, 10**9)
    assert (array.header.frame_id, array.intrinsics) == ("left_optical", array_type.INTRINSICS_CALIBRATED)
    assert (array.operator_name, array.operator_scale) == ("Ada", pytest.approx(1.1))
    right, left = array.hands
    assert (right.id, right.handedness, right.state) == (3, hand.HANDEDNESS_RIGHT, hand.STATE_TRACKED)
    assert (left.id, left.handedness, left.state) == (4, hand.HANDEDNESS_LEFT, hand.STATE_TENTATIVE)
    np.testing.assert_allclose(np.reshape(right.joints_3d, (21, 3)), HANDS[0].joints_3d)
    np.testing.assert_allclose(np.reshape(right.vertices, (-1, 3)), HANDS[0].vertices)
    turned = right.wrist_pose.orientation
    expected = wrist_orientation(HANDS[0].joints_3d, "right")
    np.testing.assert_allclose([turned.x, turned.y, turned.z, turned.w], expected, atol=1e-6)
    image = cv2.imdecode(np.frombuffer(first["/camera/image/compressed"].data, np.uint8), cv2.IMREAD_COLOR)
    assert image.mean() == pytest.approx(40, abs=1)
    assert list(first["/handos/topology"].joint_names) == list(JOINT_NAMES)


def test_foxglove_draws_the_hands_where_they_are(tmp_path: Path) -> None:
    write("mcap", tmp_path, [result(0)])
    messages = {topic: content for topic, _, _, content in read_mcap(tmp_path / "mcap" / "clip.mcap")}
    scene, annotations = messages["/handos/scene"], messages["/handos/annotations"]
    assert [entity.id for entity in scene.entities] == ["right 3", "left 4"]
    assert scene.deletions[0].type == TYPES["foxglove_msgs/msg/SceneEntityDeletion"].ALL
    (mesh,) = scene.entities[0].triangles
    np.testing.assert_allclose([[p.x, p.y, p.z] for p in mesh.points], HANDS[0].vertices)
    assert len(mesh.indices) == TOPOLOGY.faces_right.size
    (bones,) = scene.entities[0].lines
    assert (bones.type, len(bones.points)) == (TYPES["foxglove_msgs/msg/LinePrimitive"].LINE_LIST, 40)
    box, skeleton = annotations.points[:2]
    annotation = TYPES["foxglove_msgs/msg/PointsAnnotation"]
    assert (box.type, skeleton.type) == (annotation.LINE_LOOP, annotation.LINE_LIST)
    # Foxglove's origin is the corner of the first pixel, ours its centre.
    assert (box.points[0].x, box.points[0].y) == pytest.approx(tuple(HANDS[0].box[:2] + 0.5))
    assert [text.text for text in annotations.texts] == ["right 3 0.90", "left 4 0.90"]


def test_rosbags_reads_mcap_as_a_recording(tmp_path: Path) -> None:
    write("mcap", tmp_path, [result(0), result(1)])
    with AnyReader([tmp_path / "mcap" / "clip.mcap"]) as reader:
        for connection, _, data in reader.messages():
            reader.deserialize(data, connection.msgtype)
        assert reader.message_count == 11
        (topology,) = (c for c in reader.connections if c.topic == "/handos/topology")
        assert topology.ext.offered_qos_profiles[0].durability.name == "TRANSIENT_LOCAL"


def test_images_without_time_are_one_second_apart(tmp_path: Path) -> None:
    stills = replace(SOURCE, frame_rate=None, kind="folder")
    with make("mcap", tmp_path).open(stills, "clip") as writer:
        for index in range(3):
            one = result(index)
            writer.write(replace(one, frame=replace(one.frame, stamp=0.0, header=None)))
    times = {time for _, _, time, _ in read_mcap(tmp_path / "mcap" / "clip.mcap")}
    assert times == {0, 10**9, 2 * 10**9}


@pytest.mark.parametrize(
    ("lens", "model"),
    [
        (None, "plumb_bob"),
        (LensDistortion("radial_tangential", (0.1, 0, 0, 0, 0)), "plumb_bob"),
        (LensDistortion("radial_tangential", (0.1,) * 8), "rational_polynomial"),
        (LensDistortion("fisheye", (0.1, 0, 0, 0)), "equidistant"),
    ],
)
def test_the_lens_has_the_name_that_ros_gives_it(lens: LensDistortion | None, model: str) -> None:
    info = camera_info(result(0, lens=lens), START)
    assert info.distortion_model == model
    assert list(info.d) == list((0.0,) * 5 if lens is None else lens.coefficients)
    assert list(info.k) == list(CAMERA.matrix.ravel())


def test_the_definitions_are_those_of_the_messages_that_the_node_publishes() -> None:
    ours = message_types().fielddefs
    for name in ("Hand", "HandArray", "HandTopology"):
        kind = f"handos_ros/msg/{name}"
        assert ours[kind] == get_types_from_msg((MESSAGES / f"{name}.msg").read_text(), kind)[kind]


@pytest.mark.parametrize("name", FOXGLOVE)
def test_foxglove_messages_have_the_fields_of_foxgloves_own(name: str) -> None:
    descriptors = FileDescriptorSet()
    for kind in (foxglove.SceneUpdate, foxglove.ImageAnnotations):
        descriptors.MergeFromString(kind.get_schema().data)
    theirs = next(m for file in descriptors.file for m in file.message_type if m.name == name)
    _, fields = message_types().fielddefs[f"foxglove_msgs/msg/{name}"]
    assert {field for field, _ in fields} == {field.name for field in theirs.field}


# Parquet


def test_parquet_has_one_row_a_hand(tmp_path: Path) -> None:
    bare = replace(HANDS[0], metric=None, id=None)
    write("parquet", tmp_path, [result(0), result(1, ()), result(2, (bare,))], with_vertices=True)
    table = pq.read_table(tmp_path / "parquet" / "clip.parquet")
    assert table["frame"].to_pylist() == [0, 0, 2]
    assert table["handedness"].to_pylist() == ["right", "left", "right"]
    assert table["id"].to_pylist() == [3, 4, None]
    assert table["header_stamp"][0].as_py() == START
    assert table["joints_3d"][2].as_py() is None
    np.testing.assert_allclose(np.reshape(table["joints_3d"][0].as_py(), (21, 3)), HANDS[0].joints_3d)
    np.testing.assert_allclose(np.reshape(table["vertices"][1].as_py(), (-1, 3)), HANDS[1].vertices)
    assert table.schema.metadata[b"handos.schema"] == b"1"


def test_parquet_without_hands_is_an_empty_table(tmp_path: Path) -> None:
    write("parquet", tmp_path, [result(0, ())])
    table = pq.read_table(tmp_path / "parquet" / "clip.parquet")
    assert table.num_rows == 0
    assert "joints_3d" in table.column_names


# Meshes


def test_a_glb_holds_the_hands_of_a_frame_upright(tmp_path: Path) -> None:
    write("glb", tmp_path, [result(0), result(1, ())])
    assert [path.name for path in (tmp_path / "glb" / "clip").iterdir()] == ["000000.glb"]
    scene = trimesh.load_scene(tmp_path / "glb" / "clip" / "000000.glb")
    assert set(scene.geometry) == {"right_3", "left_4"}
    right = scene.geometry["right_3"].copy()
    right.apply_transform(scene.graph["right_3"][0])
    corners = HANDS[0].vertices * [1, -1, -1]
    np.testing.assert_allclose(right.bounds, [corners.min(0), corners.max(0)], atol=1e-5)


def test_a_ply_holds_a_hand_with_its_vertices_in_order(tmp_path: Path) -> None:
    write("ply", tmp_path, [result(12)])
    names = sorted(path.name for path in (tmp_path / "ply" / "clip").iterdir())
    assert names == ["000012_left_4.ply", "000012_right_3.ply"]
    mesh = trimesh.load_mesh(tmp_path / "ply" / "clip" / "000012_left_4.ply", process=False)
    np.testing.assert_allclose(mesh.vertices, HANDS[1].vertices, atol=1e-6)
    np.testing.assert_array_equal(mesh.faces, TOPOLOGY.faces_left)


def test_meshes_of_an_earlier_run_do_not_stay_among_new_ones(tmp_path: Path) -> None:
    write("ply", tmp_path, [result(0), result(1)])
    write("ply", tmp_path, [result(1)])
    assert {path.name[:6] for path in (tmp_path / "ply" / "clip").iterdir()} == {"000001"}


# LeRobot


def read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_a_lerobot_data_set_has_an_episode_for_each_source(tmp_path: Path) -> None:
    output = make("lerobot", tmp_path)
    for stem, first, count in (("b", 0, 30), ("a", 7, 20)):
        with output.open(SOURCE, stem) as writer:
            for index in range(first, first + count):
                writer.write(result(index))
    assert output.finish(["b", "none", "a"]) == []
    root = tmp_path / "lerobot"
    info = read_json(root / "meta" / "info.json")
    assert (info["codebase_version"], info["fps"], info["total_episodes"], info["total_frames"]) == ("v3.0", 25, 2, 50)
    assert info["features"]["observation.state"]["shape"] == [len(STATE_NAMES)]
    assert info["features"][IMAGE]["shape"] == [240, 320, 3]
    data = pq.read_table(root / "data")
    assert data["index"].to_pylist() == list(range(50))
    assert data["episode_index"].to_pylist() == [0] * 30 + [1] * 20
    assert data["frame_index"].to_pylist() == [*range(30), *range(20)]
    np.testing.assert_allclose(data["timestamp"].to_numpy()[30:], np.arange(20) / 25, rtol=1e-6)
    np.testing.assert_allclose(data["observation.stamp"].to_numpy()[30:], np.arange(20) / 25, atol=1e-6)
    episodes = pq.read_table(root / "meta" / "episodes").to_pylist()
    assert [(e["dataset_from_index"], e["dataset_to_index"], e["tasks"]) for e in episodes] == [
        (0, 30, ["Wave."]),
        (30, 50, ["Wave."]),
    ]
    for episode in episodes:
        place = {"chunk_index": episode["data/chunk_index"], "file_index": episode["data/file_index"]}
        rows = pq.read_table(root / info["data_path"].format(**place))
        assert rows["episode_index"].to_pylist() == [episode["episode_index"]] * episode["length"]
        with av.open(str(root / info["video_path"].format(video_key=IMAGE, **place))) as video:
            assert video.streams.video[0].codec_context.name == "h264"
            frames = list(video.decode(video=0))
        assert [frame.time for frame in frames] == pytest.approx(rows["timestamp"].to_pylist(), abs=1e-4)
    assert frames[0].to_ndarray(format="bgr24").mean() == pytest.approx(40 + 70, abs=4)
    tasks = pq.read_table(root / "meta" / "tasks.parquet")
    assert tasks.to_pylist() == [{"task_index": 0, "task": "Wave."}]
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]


def test_the_statistics_of_a_lerobot_data_set_are_those_of_its_data(tmp_path: Path) -> None:
    output = make("lerobot", tmp_path)
    for stem, count in (("a", 25), ("b", 5)):
        with output.open(SOURCE, stem) as writer:
            for index in range(count):
                writer.write(result(index, (hand_at(100.0 + index),)))
    output.finish(["a", "b"])
    stats = read_json(tmp_path / "lerobot" / "meta" / "stats.json")
    states = np.array(pq.read_table(tmp_path / "lerobot" / "data")["observation.state"].to_pylist())
    for name, expected in (("mean", states.mean(0)), ("std", states.std(0)), ("min", states.min(0))):
        np.testing.assert_allclose(stats["observation.state"][name], expected, atol=1e-6)
    assert np.shape(stats[IMAGE]["mean"]) == (3, 1, 1)
    assert 0 < stats[IMAGE]["mean"][0][0][0] < 1


def test_episodes_of_another_size_are_left_out_and_named(tmp_path: Path) -> None:
    output = make("lerobot", tmp_path)
    for stem, size in (("large", (240, 320, 3)), ("small", (120, 160, 3))):
        with output.open(SOURCE, stem) as writer:
            one = result(0)
            writer.write(replace(one, frame=replace(one.frame, image=np.zeros(size, np.uint8))))
    (message,) = output.finish(["large", "small"])
    assert message.startswith("small ")
    assert "160 x 120" in message
    assert read_json(tmp_path / "lerobot" / "meta" / "info.json")["total_episodes"] == 1


def test_videos_have_even_sides(tmp_path: Path) -> None:
    one = result(0)
    write("lerobot", tmp_path, [replace(one, frame=replace(one.frame, image=np.full((121, 161, 3), 90, np.uint8)))])
    (path,) = (tmp_path / "lerobot" / "videos").rglob("*.mp4")
    with av.open(str(path)) as video:
        (frame,) = video.decode(video=0)
    assert (frame.height, frame.width) == (122, 162)
    assert read_json(tmp_path / "lerobot" / "meta" / "info.json")["features"][IMAGE]["shape"] == [122, 162, 3]


def test_a_state_says_which_hands_are_there() -> None:
    state = dict(zip(STATE_NAMES, HandState().of(HANDS[:1]), strict=True))
    joints = HANDS[0].joints_3d
    assert joints is not None
    assert (state["left.present"], state["right.present"]) == (0, 1)
    assert state["right.wrist.x"] == pytest.approx(joints[0, 0])
    assert state["right.index_tip.z"] == pytest.approx(joints[JOINT_NAMES.index("index_tip"), 2])
    thumb, index = joints[JOINT_NAMES.index("thumb_tip")], joints[JOINT_NAMES.index("index_tip")]
    assert state["right.pinch"] == pytest.approx(np.linalg.norm(thumb - index))
    assert all(value == 0 for name, value in state.items() if name.startswith("left."))


def test_of_two_hands_of_a_side_the_one_seen_with_the_best_score_counts() -> None:
    weak, strong, coasting = hand_at(100), replace(hand_at(200), score=0.95), replace(hand_at(300), score=1.0)
    state = HandState().of((weak, strong, replace(coasting, coasting=True)))
    assert strong.joints_3d is not None
    assert state[STATE_NAMES.index("right.wrist.x")] == pytest.approx(strong.joints_3d[0, 0])


def test_orientations_do_not_jump_to_their_negative() -> None:
    states, quaternion = (
        HandState(),
        slice(STATE_NAMES.index("right.wrist.qx"), STATE_NAMES.index("right.wrist.qw") + 1),
    )
    previous = None
    for angle in np.linspace(0, 4 * np.pi, 60):
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        hand = hand_at(320)
        assert hand.metric is not None
        turned = replace(hand, metric=hand.metric.transformed(lambda points, turn=turn: points @ turn.T))
        orientation = states.of((turned,))[quaternion]
        assert previous is None or previous @ orientation > 0.9
        previous = orientation


def test_statistics_of_parts_are_those_of_the_whole() -> None:
    values = np.random.default_rng(0).normal(5, 2, (100, 3))
    whole, part, other = Moments(), Moments(), Moments()
    whole.add(values)
    part.add(values[:10])
    other.add(values[10:])
    part.merge(other)
    for name, numbers in whole.summary().items():
        np.testing.assert_allclose(part.summary()[name], numbers)
    np.testing.assert_allclose(whole.summary()["std"], values.std(0))


# All


@pytest.mark.parametrize("name", ["mcap", "parquet", "lerobot"])
def test_after_an_error_nothing_half_written_has_its_final_name(name: FormatName, tmp_path: Path) -> None:
    output = make(name, tmp_path)

    def write_until_interrupted() -> None:
        with output.open(SOURCE, "clip") as writer:
            writer.write(result(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_until_interrupted()
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert all(".partial." in path.name for path in left)
    assert set(written_files([name], tmp_path, ["clip"])) == left
    write(name, tmp_path, [result(0)])
    assert not list(tmp_path.rglob("*.partial.*"))


@pytest.mark.parametrize("name", ["mcap", "parquet", "ply", "glb", "lerobot"])
def test_what_a_format_writes_is_known_for_overwriting(name: FormatName, tmp_path: Path) -> None:
    write(name, tmp_path, [result(0), result(1)])
    (tmp_path / name / "own.txt").write_text("the user's own")
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert set(written_files([name], tmp_path, ["clip"])) == files - {tmp_path / name / "own.txt"}


def test_annotations_need_no_metres() -> None:
    bare = replace(HANDS[0], metric=None)
    assert len(image_annotations(result(0, (bare,)), START).points) == 2
