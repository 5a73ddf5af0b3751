"""`handos finetune` as a user runs it: a real run of a few steps, to a network that the pipeline loads."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import handos

pytest.importorskip("torch", reason="training needs the train extra")

from drawn_hands import drawn_hands

from handos_model import HandPipeline
from handos_model.architecture.trained_weights import read_trained_model
from handos_model.datasets.annotated_folder import AnnotatedFolder, write_shard
from handos_model.files.images import write_image
from handos_model.finetuning import finetune, outcome, recipe, stages
from handos_model.hand.topology import HandTopology
from handos_model.inference.pipeline import DEFAULT_WEIGHTS
from handos_model.training.checkpoint import load_checkpoint


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-five drawn hands in five subfolders, with labels.json, and as rendered frames."""
    folder = tmp_path_factory.mktemp("own")
    content: dict[str, list[dict[str, object]]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 0, "name": "right_hand"}],
    }
    for number, frame in enumerate((7 * drawn_hands())[:25]):
        name = f"{number % 5}/{number}.png"
        write_image(folder / "images" / name, frame.image)
        keypoints = [float(value) for x, y in frame.hands[0].joints_2d for value in (x, y, 2)]
        content["images"].append({"id": number, "file_name": name, "width": 128, "height": 128})
        content["annotations"].append({"id": number, "image_id": number, "category_id": 0, "keypoints": keypoints})
    (folder / "labels.json").write_text(json.dumps(content))
    write_shard(folder / "rendered", 0, 6 * drawn_hands())
    return folder


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps of a few small views in each stage."""
    for name, value in {
        "_VIEWS_PER_IMAGE": 0,
        "_FEWEST_STEPS": 2,
        "_BATCH_SIZE": 2,
        "_IMAGE_SIZE": 96,
        "_MOST_PROCESSES": 1,
    }.items():
        monkeypatch.setattr(recipe, name, value)


@pytest.mark.usefixtures("short")
def test_an_interrupted_run_goes_on_and_writes_a_network_that_runs(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    out, state, train = tmp_path / "mine.onnx", tmp_path / "mine_state", stages.train
    out.with_suffix(".int8.onnx").write_text("of an earlier network")
    command = ("finetune", "--images", images / "images", "--labels", images / "labels.json", "--out", out)
    command = (*command, "--rendered", images / "rendered")
    # What two steps on drawn hands bring is chance.
    monkeypatch.setattr(outcome, "reasons_against", lambda *_: [])

    def train_detector_only(configuration: object, stage: str, folder: Path) -> None:
        if stage == "decoder":
            raise KeyboardInterrupt
        train(configuration, stage, folder)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(stages, "train", train_detector_only)
        assert handos(*command, monkeypatch=monkeypatch) == 130
    assert not out.exists()
    (interrupted,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("handos: interrupted")]
    assert str(state / "detector.pt") in interrupted
    assert "the same command" in interrupted
    labelled = {path: path.stat().st_mtime_ns for path in state.rglob("shard_*.npz")}
    assert load_checkpoint(state / "detector.pt")["step"] == 2

    assert handos(*command, monkeypatch=monkeypatch) == 0
    assert {path: path.stat().st_mtime_ns for path in state.rglob("shard_*.npz")} == labelled
    assert [len(AnnotatedFolder(state / part)) for part in ("trained", "held_back")] == [20, 5]
    assert load_checkpoint(state / "detector.pt")["step"] == load_checkpoint(state / "decoder.pt")["step"] == 2
    for network in (out, out.with_suffix(".int8.onnx")):
        HandPipeline.load(network, "onnxruntime")(np.zeros((120, 160, 3), np.uint8))
    trained, properties = read_trained_model(out.with_suffix(".safetensors"), HandTopology.load())
    shipped, before = read_trained_model(recipe.START, HandTopology.load())
    assert properties.preset == before.preset
    assert any(not value.equal(shipped.state_dict()[name]) for name, value in trained.state_dict().items())
    shown, noise = capfd.readouterr()
    assert "5 images that were held back, 5 hands" in shown
    assert "4 rendered images, 4 hands" in shown
    assert f"-> {out}" in shown
    assert f"-> {out.with_suffix('.int8.onnx')}" in shown
    assert "exporting" in shown
    bars = ("detector", "decoder", "held back", "rendered", "check images", "label images")
    assert [line for line in noise.replace("\r", "\n").splitlines() if line.strip() and not line.startswith(bars)] == []

    monkeypatch.setattr(outcome, "export_onnx", lambda *_: pytest.fail("exported again"))
    assert handos(*command, monkeypatch=monkeypatch) == 0
    repeated = capfd.readouterr().out
    assert f"finished, and {out} is written" in repeated
    assert f"-> {out}" in repeated


def test_a_network_that_is_not_better_is_kept_apart(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # Nothing was learnt: the trained network is the shipped one.
    monkeypatch.setattr(stages, "train", lambda *_: None)
    monkeypatch.setattr(outcome, "load_model", lambda *_: read_trained_model(recipe.START, HandTopology.load())[0])
    monkeypatch.setattr(outcome, "export_onnx", lambda _model, _properties, path: shutil.copy(DEFAULT_WEIGHTS, path))
    out = tmp_path / "mine.onnx"
    command = ("finetune", "--images", images / "images", "--labels", images / "labels.json", "--out", out)
    assert handos(*command, "--state", tmp_path / "state", monkeypatch=monkeypatch) == 1
    assert not list(tmp_path.glob("mine*"))
    HandPipeline.load(tmp_path / "state/trained.onnx")
    shown, warned = capfd.readouterr()
    assert "exporting" in shown
    assert "--rendered" in warned
    assert "handos synth" in warned
    assert "neither boxes nor joints become better" in shown
    assert str(tmp_path / "state/trained.onnx") in shown
    assert "--rendered" in shown

    monkeypatch.setattr(outcome, "export_onnx", lambda *_: pytest.fail("exported again"))
    assert handos(*command, "--state", tmp_path / "state", monkeypatch=monkeypatch) == 1
    shown, warned = capfd.readouterr()
    assert f"finished, and {out} was not written" in shown
    assert "neither boxes nor joints become better" in shown
    assert warned == ""


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--images", "nothing", "--out", "a.onnx"), "nothing"),
        (("--images", "IMAGES", "--out", "a.pt"), "a.pt"),
        (("--images", "IMAGES", "--out", "a.onnx", "--labels", "gone.json"), "gone.json"),
        (("--images", "IMAGES", "--out", "a.onnx", "--rendered", "empty"), "empty"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_is_written(
    options: tuple[str, ...],
    named: str,
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    given = [str(images / "images") if option == "IMAGES" else option for option in options]
    assert handos("finetune", *given, monkeypatch=monkeypatch) == 1
    assert named in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_too_few_labels_are_named(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # The network is not certain of any drawn hand.
    command = ("finetune", "--images", images / "images", "--out", tmp_path / "mine.onnx")
    assert handos(*command, monkeypatch=monkeypatch) == 1
    assert "0 labelled images" in capfd.readouterr().err
    # The same state folder can be used with labels.
    assert not [path for path in (tmp_path / "mine_state").rglob("*") if path.name in ("request.json", "result.json")]
    assert not list((tmp_path / "mine_state").rglob("shard_*.npz"))


def test_labels_for_other_sizes_are_refused_and_do_not_block_the_corrected_ones(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.json"
    command = ("finetune", "--images", images / "images", "--labels", labels, "--out", tmp_path / "mine.onnx")
    monkeypatch.setattr(finetune, "_label_images", lambda *_: (_ for _ in ()).throw(ValueError("labelling begins")))
    right = (images / "labels.json").read_text()
    labels.write_text(right.replace('"width": 128', '"width": 130'))
    assert handos(*command, monkeypatch=monkeypatch) == 1
    assert "128 x 128 pixels, not 130 x 128" in capfd.readouterr().err
    labels.write_text(right)
    assert handos(*command, monkeypatch=monkeypatch) == 1
    assert "labelling begins" in capfd.readouterr().err
