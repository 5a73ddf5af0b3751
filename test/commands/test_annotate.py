"""`handos annotate`: many recordings, cut, killed, damaged, on a full disk and on a cluster."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import ray
from annotated_folders import coming_and_going, content_of, rows_of, write_video
from command_line import handos
from dying_annotator import DyingAnnotator
from full_disk import size_limit
from process_groups import wait_until_gone
from ray_cluster import RayCluster, ray_cluster
from recorded_bags import camera_messages, write_bag

from handos_model.annotation import recording_annotator
from handos_model.annotation.annotation import Annotation
from handos_model.annotation.dataset_folder import DatasetFolder
from handos_model.annotation.local_workers import LocalWorkers
from handos_model.annotation.recording import Recording, find_recordings
from handos_model.annotation.recording_annotator import RecordingAnnotator
from handos_model.annotation.settings import AnnotationSettings
from handos_model.annotation.stored_answers import StoredAnswers
from handos_model.annotation.task import Task
from handos_model.files.images import write_image

Annotate = Callable[..., int]
FORMATS = ("--field-of-view", 60, "--format", "parquet", "--format", "mcap", "--format", "lerobot")


@pytest.fixture
def annotate(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Annotate:
    """`handos annotate` in the folder of the test; its exit code."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: handos(
        *("annotate", *arguments, "--weights", weights, "--workers", 2), monkeypatch=monkeypatch
    )


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    write_video(tmp_path / "videos" / "long.mp4", coming_and_going(130))
    write_video(tmp_path / "videos" / "below" / "short.mp4", coming_and_going(20))
    return tmp_path / "videos"


def command(weights: Path, *arguments: object) -> list[str]:
    """The same as a process of its own."""
    program = "from handos_model.commands.cli import main; main()"
    return [sys.executable, "-c", program, "annotate", *map(str, arguments), "--weights", str(weights)]


def test_a_recording_has_the_results_of_handos_run(
    annotate: Annotate, videos: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert annotate("videos", "--out", "dataset", "--format", "parquet") == 0
    row = rows_of(Path("dataset"))["long.mp4"]
    assert (row["status"], row["frames"], row["attempts"], row["errors"]) == ("complete", 130, 1, [])
    assert row["frames_with_hands"] >= 60
    assert row["seconds"] > 0
    options = ("--track", "--format", "parquet", "--weights", weights, "--out", "run")
    assert handos("run", videos / "long.mp4", *options, monkeypatch=monkeypatch) == 0
    for name in ("hands.jsonl", "parquet/long.parquet"):
        assert (Path("dataset") / row["folder"] / name).read_bytes() == (Path("run") / name).read_bytes()
    assert pq.read_table(Path("dataset") / row["folder"] / "parquet").num_rows == row["hands"]


def test_a_cut_does_not_show(annotate: Annotate, videos: Path) -> None:
    assert annotate("videos", "--out", "whole", *FORMATS) == 0
    assert annotate("videos", "--out", "cut", *FORMATS, "--stretch", 17) == 0
    content = content_of(Path("cut"))
    assert content == content_of(Path("whole"))
    lines = next(content[name] for name in content if name.startswith("recordings/long") and name.endswith("s.jsonl"))
    ids = {hand["id"] for line in lines.splitlines() for hand in json.loads(line)["hands"]}
    assert ids == set(range(1, 13))  # two hands that come six times: ids run through all stretches


def test_stretches_are_not_computed_twice(
    annotate: Annotate, videos: Path, monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    made: list[StoredAnswers] = []
    monkeypatch.setattr(
        recording_annotator, "StoredAnswers", lambda *arguments: made.append(StoredAnswers(*arguments)) or made[-1]
    )
    annotator, dataset = annotator_of(weights, stretch_frames=17)
    task = Task(Recording.at(videos / "long.mp4"))
    with dataset.claim(annotator.manifest):
        stretches = annotator.perform(task).cut
        assert [stretch.start for stretch in stretches] == list(range(0, 130, 17))
        assert sum(stretch.count for stretch in stretches) == 130
        for stretch in stretches:
            assert annotator.perform(Task(task.recording, stretch)).error is None
        assert annotator.perform(Task(task.recording, may_be_cut=False)).report is not None
    assert [answers.computed for answers in made] == [0]


def test_bags_and_folders_of_images_are_recordings(annotate: Annotate, tmp_path: Path) -> None:
    write_bag(tmp_path / "sources" / "drive", camera_messages(12))
    for number in range(5):
        write_image(tmp_path / "sources" / "images" / f"{number}.png", np.full((240, 320, 3), 90, np.uint8))
    assert annotate("sources", "--out", "dataset", "--fps", 10) == 0
    rows = rows_of(Path("dataset"))
    assert {name: (row["status"], row["frames"]) for name, row in rows.items()} == {
        "drive": ("complete", 12),
        "images": ("complete", 5),
    }


def test_a_damaged_recording_costs_only_itself(
    annotate: Annotate, videos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (videos / "bad.mp4").write_text("not a video")
    data = (write_bag(videos / "bag", camera_messages(30))).read_bytes()
    (videos / "cut_off.mcap").write_bytes(data[: len(data) // 2])
    assert annotate("videos", "gone.mp4", "--out", "dataset") == 1
    message = capsys.readouterr().err
    rows = rows_of(Path("dataset"))
    assert {name: row["status"] for name, row in rows.items()} == {
        "bad.mp4": "failed",
        "gone.mp4": "failed",
        "cut_off.mcap": "incomplete",
        "bag": "complete",
        "long.mp4": "complete",
        "short.mp4": "complete",
    }
    assert 0 < rows["cut_off.mcap"]["frames"] < 30
    for name in ("bad.mp4", "gone.mp4", "cut_off.mcap"):
        assert name in rows[name]["errors"][-1]
        assert name in message
    assert rows["bad.mp4"]["attempts"] == 1


def test_what_is_done_is_skipped_and_what_failed_is_tried_again(
    annotate: Annotate, videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = (videos / "long.mp4").read_bytes()
    (videos / "long.mp4").write_text("not yet a video")
    assert annotate("videos", "--out", "dataset") == 1
    short = rows_of(Path("dataset"))["short.mp4"]
    (videos / "long.mp4").write_bytes(good)
    assert annotate("videos", "--out", "dataset") == 0
    assert rows_of(Path("dataset"))["short.mp4"] == short
    assert rows_of(Path("dataset"))["long.mp4"]["status"] == "complete"
    monkeypatch.setattr(LocalWorkers, "__init__", lambda *_: pytest.fail("workers were started"))
    assert annotate("videos", "--out", "dataset") == 0


def test_a_recording_that_has_changed_is_annotated_again(annotate: Annotate, videos: Path) -> None:
    assert annotate("videos", "--out", "dataset") == 0
    write_video(videos / "long.mp4", coming_and_going(40))
    assert annotate("videos", "--out", "dataset") == 0
    assert rows_of(Path("dataset"))["long.mp4"]["frames"] == 40
    assert len(list(Path("dataset/recordings").iterdir())) == 2
    assert not Path("dataset/.work").exists()


def test_other_settings_are_refused_with_what_differs(
    annotate: Annotate, videos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert annotate("videos", "--out", "dataset", "--field-of-view", 60) == 0
    before = content_of(Path("dataset"))
    assert annotate("videos", "--out", "dataset", "--field-of-view", 50, "--no-track") == 1
    message = capsys.readouterr().err
    assert all(part in message for part in ("--field-of-view was 60.0 and is 50.0", "--track was True and is False"))
    assert content_of(Path("dataset")) == before


def test_a_folder_with_something_else_is_refused(annotate: Annotate, videos: Path) -> None:
    assert annotate("videos", "--out", "videos") == 1
    assert sorted(path.name for path in videos.iterdir()) == ["below", "long.mp4"]


def test_two_runs_do_not_write_to_one_data_set(
    annotate: Annotate, videos: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    annotator, dataset = annotator_of(weights, Path("dataset").absolute())
    with dataset.claim(annotator.manifest):
        assert annotate("videos", "--out", "dataset") == 1
    assert "another `handos annotate`" in capsys.readouterr().err


def test_one_lerobot_data_set_is_made_of_all_recordings(
    annotate: Annotate, videos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert annotate("videos/below", "--out", "dataset", *FORMATS) == 0
    assert json.loads(Path("dataset/lerobot/meta/info.json").read_text())["total_episodes"] == 1
    assert annotate("videos", "--out", "dataset", *FORMATS) == 0
    information = json.loads(Path("dataset/lerobot/meta/info.json").read_text())
    assert (information["total_episodes"], information["total_frames"]) == (2, 150)
    assert not list(Path("dataset/recordings").rglob("meta"))


def test_recordings_of_earlier_runs_stay_in_the_data_set(annotate: Annotate, videos: Path) -> None:
    (videos / "bad.mp4").write_text("not a video")
    assert annotate("videos/bad.mp4", "videos/below", "--out", "dataset", *FORMATS) == 1
    Path("dataset/recordings.jsonl").unlink()  # as if it had been killed
    assert annotate("videos/bad.mp4", "--out", "dataset", *FORMATS) == 1
    assert annotate("videos/long.mp4", "--out", "dataset", *FORMATS) == 0
    rows = rows_of(Path("dataset"))
    statuses = {"bad.mp4": "failed", "short.mp4": "complete", "long.mp4": "complete"}
    assert {name: row["status"] for name, row in rows.items()} == statuses
    assert json.loads(Path("dataset/lerobot/meta/info.json").read_text())["total_episodes"] == 2


def test_a_recording_of_another_size_is_left_out_of_the_lerobot_data_set_and_named(
    annotate: Annotate, videos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = cv2.VideoWriter("videos/other.avi", cv2.VideoWriter.fourcc(*"MJPG"), 25, (640, 480))
    for _ in range(5):
        writer.write(np.full((480, 640, 3), 90, np.uint8))
    writer.release()
    assert annotate("videos", "--out", "dataset", *FORMATS) == 1
    row = rows_of(Path("dataset"))["other.avi"]
    assert row["status"] == "complete"
    assert "LeRobot" in row["errors"][-1]
    assert json.loads(Path("dataset/lerobot/meta/info.json").read_text())["total_episodes"] == 2


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(
    annotate: Annotate, videos: Path, weights: Path
) -> None:
    options = ("--stretch", 17, *FORMATS)
    assert annotate("videos", "--out", "whole", *options) == 0
    for files in (3, 6, 11):
        process = subprocess.Popen(command(weights, "videos", "--out", "out", *options), start_new_session=True)
        while process.poll() is None and len([path for path in Path("out").rglob("*") if path.is_file()]) < files:
            time.sleep(0.002)
        process.kill()
        process.wait()
        wait_until_gone(process.pid)
    assert annotate("videos", "--out", "out", *options) == 0
    assert content_of(Path("out")) == content_of(Path("whole"))


def test_ctrl_c_ends_the_run_with_the_table_and_what_is_safe(annotate: Annotate, videos: Path, weights: Path) -> None:
    write_video(videos / "longer.mp4", coming_and_going(1500))
    process = subprocess.Popen(
        command(weights, "videos", "--out", "out", "--workers", 1),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while process.poll() is None and not list(Path("out/recordings").glob("*")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, message = process.communicate()
    assert process.returncode == 130
    assert "1 of 3 recordings are safe" in message
    assert sorted(row["status"] for row in rows_of(Path("out")).values()) == ["complete", "waiting", "waiting"]
    assert annotate("videos", "--out", "out") == 0


def test_on_a_full_disk_the_run_ends_and_goes_on_when_there_is_room(
    annotate: Annotate, videos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--vertices", "--field-of-view", 60)
    assert annotate("videos", "--out", "whole", *options) == 0
    with size_limit(500_000):
        assert annotate("videos", "--out", "out", *options) == 1
    message = capsys.readouterr().err
    assert "make room" in message
    assert "the same command" in message
    assert rows_of(Path("out"))["long.mp4"]["status"] == "failed"
    assert not list(Path("out/recordings").glob("long*"))
    assert annotate("videos", "--out", "out", *options) == 0
    assert content_of(Path("out")) == content_of(Path("whole"))


def annotator_of(
    weights: Path, out: Path = Path("dataset"), stretch_frames: int = 3000
) -> tuple[RecordingAnnotator, DatasetFolder]:
    settings, dataset = AnnotationSettings(weights=weights), DatasetFolder(out.absolute())
    return RecordingAnnotator(settings, dataset, settings.manifest(), stretch_frames), dataset


@pytest.mark.parametrize(("deaths", "status"), [(1, "complete"), (2, "complete"), (3, "failed")])
def test_a_worker_that_dies_is_replaced_and_its_recording_tried_again(
    deaths: int, status: str, videos: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    annotator, dataset = annotator_of(weights)
    dying: Any = DyingAnnotator(annotator, tmp_path / "deaths", "long.mp4", deaths)
    annotation = Annotation(find_recordings(["videos"], dataset.path, with_images=False), dataset, retries=2)
    workers = LocalWorkers(dying, 2)
    with dataset.claim(annotator.manifest):
        annotation.run(workers)
        annotation.write_table()
    workers.close()
    rows = rows_of(dataset.path)
    assert rows["short.mp4"]["status"] == "complete"
    assert (rows["long.mp4"]["status"], rows["long.mp4"]["attempts"]) == (status, min(deaths + 1, 3))
    assert ["SIGKILL" in error for error in rows["long.mp4"]["errors"]] == [True] * deaths


def test_weights_that_cannot_be_used_end_the_run_at_once(
    annotate: Annotate, videos: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.onnx").write_text("not a network")
    options = ("--weights", "bad.onnx", "--workers", 1)
    assert handos("annotate", "videos", "--out", "dataset", *options, monkeypatch=monkeypatch) == 1
    assert "bad.onnx" in capsys.readouterr().err
    assert "waiting" in {row["status"] for row in rows_of(Path("dataset")).values()}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with tempfile.TemporaryDirectory(prefix="ray") as folder, ray_cluster(Path(folder)) as running:
        yield running


def test_a_ray_cluster_of_two_nodes_gives_the_same_bytes(
    cluster: RayCluster, annotate: Annotate, videos: Path, weights: Path
) -> None:
    (videos / "bad.mp4").write_text("not a video")
    options = ("--stretch", 17, *FORMATS)
    assert annotate("videos", "--out", "whole", *options) == 1
    arguments = command(weights, "videos", "--out", "out", *options, "--ray", cluster.address)
    assert subprocess.run(arguments, env=os.environ | cluster.environment).returncode == 1
    assert content_of(Path("out")) == content_of(Path("whole"))


def test_a_worker_of_ray_that_dies_is_replaced(
    cluster: RayCluster, annotate: Annotate, videos: Path, weights: Path
) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from dying_annotator import DyingAnnotator\n"
        "from handos_model.annotation import ray_workers\n"
        "original = ray_workers.RayWorkers.__init__\n"
        "def make(self, annotator, *rest):\n"
        "    original(self, DyingAnnotator(annotator, Path('deaths').absolute(), 'long.mp4', 1), *rest)\n"
        "ray_workers.RayWorkers.__init__ = make\n"
        "from handos_model.commands.cli import main\n"
        "main()\n"
    )
    _, _, _, *arguments = command(weights, "videos", "--out", "out", "--ray", cluster.address)
    run = subprocess.run([sys.executable, "-c", program, *arguments], env=os.environ | cluster.environment)
    assert run.returncode == 0
    rows = rows_of(Path("out"))
    assert (rows["long.mp4"]["status"], rows["long.mp4"]["attempts"]) == ("complete", 2)
    assert "died unexpectedly" in rows["long.mp4"]["errors"][0]


def test_a_cluster_that_does_not_exist_is_named(
    annotate: Annotate, videos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no Ray instance")

    monkeypatch.setattr(ray, "init", refuse)
    assert annotate("videos", "--out", "dataset", "--ray", "auto") == 1
    assert "--ray auto" in capsys.readouterr().err


def test_gpus_of_ray_without_ray_are_refused(
    annotate: Annotate, videos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert annotate("videos", "--out", "dataset", "--gpus-per-worker", 0.5) == 1
    assert "--ray" in capsys.readouterr().err


@pytest.mark.parametrize("missing", [("gone",), ("gone.mp4", "gone.mcap")])
def test_nothing_is_created_for_sources_that_do_not_exist(
    missing: tuple[str, ...], annotate: Annotate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert annotate(*missing, "--out", "dataset") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "gone") in line
    assert not list(tmp_path.iterdir())


def test_what_will_have_no_metres_is_told_with_the_remedy(
    annotate: Annotate, videos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert annotate("videos/below", "--out", "dataset") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "short.mp4" in line
    assert "--field-of-view 60" in line
    assert annotate("videos/below", "--out", "dataset") == 0
    assert capsys.readouterr().err == "", "everything is done"
    assert annotate("videos/below", "--out", "other", "--field-of-view", 60) == 0
    assert capsys.readouterr().err == ""
