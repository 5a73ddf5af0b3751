"""Parity of an exported network with its weights is not passed by numbers that cannot be compared."""

from pathlib import Path
from typing import Any

import pytest

from handos_model.evaluation import export_parity
from handos_model.evaluation.export_parity import Parity, require_parity


@pytest.mark.parametrize("difference", [float("nan"), float("inf"), 0.0011])
def test_differences_that_are_large_or_not_a_number_are_rejected(
    difference: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_parity, "measure_parity", lambda *_: Parity(1, 0.0, 0.0, difference, difference))
    model: Any = None
    with pytest.raises(ArithmeticError, match=r"network\.onnx differs"):
        require_parity(model, Path("network.onnx"), [], "single")
