"""The backbone's weights are read whole or refused by name."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the model needs the train extra")
import torch

from handos_model.architecture.efficientnet_lite import EfficientNetLite


@pytest.mark.parametrize("content", [b"", b"not weights", b"c__builtin__\neval\n(S'1'\ntR."])
def test_a_damaged_file_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "lite.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"(?s)lite\.pth .*docs/training\.md"):
        EfficientNetLite().load_imagenet_weights(tmp_path / "lite.pth")


@pytest.mark.parametrize("value", [[1], {"a": 5}, {"a": torch.zeros(2)}])
def test_something_else_is_named(value: object, tmp_path: Path) -> None:
    torch.save(value, tmp_path / "lite.pth")
    with pytest.raises(ValueError, match=r"lite\.pth"):
        EfficientNetLite().load_imagenet_weights(tmp_path / "lite.pth")


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    weights = EfficientNetLite().state_dict()
    next(iter(weights.values())).view(-1)[0] = float("nan")
    torch.save(weights, tmp_path / "lite.pth")
    with pytest.raises(ValueError, match=r"lite\.pth holds weights that are not finite"):
        EfficientNetLite().load_imagenet_weights(tmp_path / "lite.pth")
