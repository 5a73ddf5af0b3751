"""Published data sets as training images: losses use exactly what is annotated."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from dataset_folders import random_hands, write_dexycb, write_freihand, write_hint, write_ho3d

from handos_model.architecture.decoder import DecoderOutput, HandPrediction
from handos_model.architecture.input_size import InputSize
from handos_model.datasets.training_splits import TRAINING_SPLITS, TrainingSplit, open_training_split
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.mano_conventions import MANO_TOPOLOGY_ID
from handos_model.hand.topology import HandTopology
from handos_model.training.batch import Batch
from handos_model.training.configuration import DatasetConfiguration, read_configuration
from handos_model.training.decoder_losses import DecoderLosses
from handos_model.training.image_batch import stack_images
from handos_model.training.run import open_sources
from handos_model.training.views import ViewRange, sample_views

TOPOLOGY = HandTopology.load()
CAMERA = CameraIntrinsics(614.6, 614.1, 320.3, 241.7)
HANDS = random_hands(2)
STAGE = {
    "steps": 1,
    "batch_size": 2,
    "image_size": 64,
    "early_image_size": 64,
    "learning_rate": 1e-3,
    "gradient_norm": 1,
    "photograph_fraction": 0,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for every name in `TRAINING_SPLITS`."""
    root = tmp_path_factory.mktemp("data")
    pixels = [np.random.default_rng(k).uniform((100, 100), (300, 260), (21, 2)) for k in range(2)]
    freihand = write_freihand(root / "freihand", "training", HANDS, CameraIntrinsics(480, 475, 112, 110))
    ho3d = write_ho3d(root / "ho3d", "train", [HANDS[0], None], CAMERA)
    dexycb = write_dexycb(root / "dexycb", [HANDS[0][0], None], [CAMERA] * 8, range(10), (0, 1), range(8))
    hint = root / "hint"
    for part in ("newdays", "epick", "ego4d"):
        write_hint(hint, f"TRAIN_{part}_img", pixels, [(90, 90, 310, 270)] * 2)
    folder_of = {"freihand": freihand, "ho3d": ho3d, "dexycb": dexycb, "hint": hint}
    return {name: folder_of[name.split("_")[0]] for name in TRAINING_SPLITS}


@pytest.mark.parametrize("name", TRAINING_SPLITS)
def test_every_image_has_a_hand(name: str, folders: dict[str, Path]) -> None:
    images = open_training_split(name, folders[name], TOPOLOGY.id)
    assert len(images) >= 2
    assert [len(images[index].hands) for index in range(4)] == [1, 1, 1, 1]


@pytest.mark.parametrize(("topology_id", "has_mesh"), [(MANO_TOPOLOGY_ID, True), (TOPOLOGY.id, False)])
def test_meshes_are_kept_for_models_of_their_topology(
    topology_id: str, has_mesh: bool, folders: dict[str, Path]
) -> None:
    (hand,) = open_training_split("freihand", folders["freihand"], topology_id)[0].hands
    assert (hand.vertices is not None) == has_mesh
    assert hand.joints_3d is not None


def view_of(source: TrainingSplit, vertices: int) -> Batch:
    """A view of the first image, 64 pixels wide."""
    return sample_views(
        stack_images([source[0]], vertices), InputSize(64, 64), ViewRange(blank=0), torch.Generator().manual_seed(0)
    )


def test_a_batch_marks_what_is_annotated(folders: dict[str, Path]) -> None:
    def batch_of(name: str, topology_id: str) -> tuple[bool, bool]:
        source = open_training_split(name, folders[name], topology_id)
        batch = view_of(source, 778)
        assert batch.is_hand.all()
        return bool(batch.has_3d.all()), bool(batch.has_mesh.all())

    assert batch_of("freihand", MANO_TOPOLOGY_ID) == (True, True)
    assert batch_of("freihand", TOPOLOGY.id) == (True, False)
    assert batch_of("ho3d", MANO_TOPOLOGY_ID) == (True, False)
    assert batch_of("dexycb_s1", MANO_TOPOLOGY_ID) == (True, False)
    assert batch_of("hint_epick", MANO_TOPOLOGY_ID) == (False, False)


@pytest.mark.parametrize(
    ("name", "trained"),
    [("hint_epick", set()), ("ho3d", {"joints_3d", "camera"}), ("freihand", {"joints_3d", "camera"})],
)
def test_losses_of_what_is_not_annotated_are_zero(name: str, trained: set[str], folders: dict[str, Path]) -> None:
    source = open_training_split(name, folders[name], TOPOLOGY.id)
    batch = view_of(source, TOPOLOGY.vertex_count)
    hands = batch.select_hands(torch.tensor([0]), torch.tensor([0]))
    vertices = torch.from_numpy(TOPOLOGY.mean_vertices)[None]
    layer = HandPrediction(
        joints_2d=torch.rand(1, 21, 2),
        joint_spread=torch.full((1, 21), 0.1),
        vertices=vertices,
        joints_3d=torch.from_numpy(TOPOLOGY.joint_regressor) @ vertices,
        camera=torch.tensor([[0.5, 0.5, 2.0]]),
    )
    losses = DecoderLosses(TOPOLOGY)(DecoderOutput([], [layer]), hands, 64, torch.tensor([True]))
    of_3d = {"joints_3d", "camera", "vertices", "normals", "edges"}
    assert {key for key in of_3d if losses[key] > 0} == trained
    assert losses["projection"] > 0
    assert losses["handedness"] > 0


def configuration_with(tmp_path: Path, **data: object) -> Path:
    values: dict[str, object] = {
        "preset": "edge",
        "seed": 0,
        "processes": 1,
        "backbone_weights": "none",
        "views": {},
        "detector": STAGE,
        "decoder": STAGE,
    }
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(values | data))
    return path


def test_data_sets_are_drawn_by_their_weights(tmp_path: Path, folders: dict[str, Path]) -> None:
    entries = [
        {"name": "freihand", "folder": str(folders["freihand"]), "weight": 0.75},
        {"name": "hint_epick", "folder": str(folders["hint_epick"]), "weight": 0.25},
    ]
    configuration = read_configuration(configuration_with(tmp_path, datasets=entries))
    assert configuration.datasets[0] == DatasetConfiguration("freihand", str(folders["freihand"]), 0.75)
    assert [weight for _, weight in open_sources(configuration, "decoder", TOPOLOGY.id)] == [0.75, 0.25]
    # HInt's images show hands that are not annotated; a detector would learn them as background.
    assert [weight for _, weight in open_sources(configuration, "detector", TOPOLOGY.id)] == [0.75]


def test_a_configuration_without_data_is_rejected(tmp_path: Path) -> None:
    configuration = read_configuration(configuration_with(tmp_path))
    with pytest.raises(ValueError, match="the decoder has nothing to train on"):
        open_sources(configuration, "decoder", TOPOLOGY.id)


def test_unknown_data_sets_and_keys_are_named(tmp_path: Path) -> None:
    entry = {"name": "coco", "folder": "x", "weight": 1}
    configuration = read_configuration(configuration_with(tmp_path, datasets=[entry]))
    with pytest.raises(ValueError, match=r"unknown data set 'coco'.*freihand, ho3d"):
        open_sources(configuration, "decoder", TOPOLOGY.id)
    with pytest.raises(ValueError, match="datasets: unknown key 'wieght'"):
        read_configuration(configuration_with(tmp_path, datasets=[entry | {"wieght": 1}]))
