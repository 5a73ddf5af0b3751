"""Trained weights as a safetensors file: what was written is read, and everything else is refused by name."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the model needs the train extra")
import torch
from safetensors.torch import save_file

from handos_model.architecture.contract import NetworkProperties, WeightsError
from handos_model.architecture.handos import build_model
from handos_model.architecture.input_size import InputSizes
from handos_model.architecture.presets import EDGE
from handos_model.architecture.trained_weights import read_trained_model, read_trained_weights, write_trained_weights
from handos_model.hand.topology import HandTopology
from handos_model.inference.pipeline import DEFAULT_WEIGHTS

TOPOLOGY = HandTopology.load()
PROPERTIES = NetworkProperties("edge", TOPOLOGY.id, InputSizes(384, 32), 0.4, 2.0)


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    model = build_model(EDGE, TOPOLOGY)
    write_trained_weights(model, PROPERTIES, tmp_path / "m.safetensors")
    read, properties = read_trained_model(tmp_path / "m.safetensors", TOPOLOGY)
    assert properties == replace(PROPERTIES, max_hands=EDGE.hand_slots)
    assert not read.training
    expected = model.state_dict()
    assert read.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in read.state_dict().items())
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.safetensors"):
        read_trained_weights(tmp_path / "gone.safetensors")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    path.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00half a header")
    with pytest.raises(WeightsError, match=r"half\.safetensors"):
        read_trained_weights(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(value: float, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"a.good": torch.zeros(2), "a.bad": torch.tensor([1.0, value])}, path, PROPERTIES.to_metadata())
    with pytest.raises(WeightsError, match=r"m\.safetensors .*a\.bad .*not finite"):
        read_trained_weights(path)


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        (None, "handos.preset"),
        (replace(PROPERTIES, topology_id="another").to_metadata(), "'another'"),
        (replace(PROPERTIES, preset="huge").to_metadata(), "'huge'"),
        (PROPERTIES.to_metadata() | {"handos.score_threshold": "nan"}, "score_threshold .*nan"),
        (PROPERTIES.to_metadata(), "decoder"),
    ],
    ids=[
        "of another program",
        "of another mesh",
        "of an unknown preset",
        "with a bad threshold",
        "without all tensors",
    ],
)
def test_other_weights_are_refused(metadata: dict[str, str] | None, named: str, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"detector": torch.zeros(1)}, path, metadata)
    with pytest.raises(ValueError, match=named):
        read_trained_model(path, TOPOLOGY)


def test_weights_are_loaded_into_a_design_with_more_queries() -> None:
    shipped = DEFAULT_WEIGHTS.with_suffix(".safetensors")
    model, properties = read_trained_model(shipped, TOPOLOGY, "crowd")
    assert (model.slots, model.detector.model.config.num_queries) == (12, 60)
    assert (properties.preset, properties.max_hands, properties.trained_sides) == ("crowd", 12, (288, 640))
    expected = read_trained_weights(shipped)
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())


def test_weights_that_do_not_fit_a_design_are_refused() -> None:
    with pytest.raises(WeightsError, match="of preset 'edge', does not hold all of preset 'crowd-lite2'"):
        read_trained_model(DEFAULT_WEIGHTS.with_suffix(".safetensors"), TOPOLOGY, "crowd-lite2")


@torch.no_grad()
def test_fewer_slots_alone_change_no_hand() -> None:
    model, _ = read_trained_model(DEFAULT_WEIGHTS.with_suffix(".safetensors"), TOPOLOGY)
    image = torch.randint(0, 256, (1, 160, 224, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    twelve = model(image)
    model.slots = 4
    for many, few in zip(twelve, model(image), strict=True):
        torch.testing.assert_close(many[:4], few, rtol=1e-4, atol=1e-4)
