"""Checks what an engine returns for an image, whatever the backend: no number leaves it that cannot be one."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from handos_model.architecture.contract import NetworkOutput, output_shapes
from handos_model.geometry.arrays import FloatArray


class NetworkOutputError(ArithmeticError):
    """The network's output cannot describe a hand."""


@dataclass(frozen=True)
class OutputCheck:
    """Raises `NetworkOutputError` for outputs that do not keep to `NetworkOutput`."""

    vertices: int
    """Of the mesh."""
    backend: str
    """Description of the engine, for messages."""

    def require_complete(self, output: NetworkOutput) -> None:
        """Check the shapes of all slots, and their scores."""
        shape_of_slot = self._shapes
        slots = output.scores.shape[:1]
        for name, values in vars(output).items():
            if values.shape != slots + shape_of_slot[name] or values.dtype.kind != "f":
                raise NetworkOutputError(
                    f"the network's {name} are {values.dtype} of shape {values.shape}, not floating-point numbers of "
                    f"shape {slots + shape_of_slot[name]}, on {self.backend}: export the network again with "
                    "`handos export`, or use the shipped weights"
                )
        self._require_finite("scores", output.scores)
        if not ((output.scores >= 0) & (output.scores <= 1)).all():
            raise NetworkOutputError(
                f"the network's scores must lie in 0..1, got {output.scores.min()} to {output.scores.max()}, on "
                f"{self.backend}: its weights are damaged. Use the shipped weights, or export yours again"
            )

    def require_usable(self, slots: NetworkOutput) -> None:
        """Check the numbers of slots that are to become hands."""
        for name, values in vars(slots).items():
            self._require_finite(name, values)
        self._require_positive("joint_spread", slots.joint_spread)
        self._require_positive("camera's pixels_per_metre", slots.camera[:, 2])

    @cached_property
    def _shapes(self) -> dict[str, tuple[int | None, ...]]:
        return {name: shape[1:] for name, shape in output_shapes(None, self.vertices).items()}

    def _require_finite(self, name: str, values: FloatArray) -> None:
        if not np.isfinite(values).all():
            raise NetworkOutputError(
                f"the network's {name} are not finite on {self.backend}: its weights are damaged, or its precision is "
                "too low for this model. Use the shipped weights, or export yours again in single precision"
            )

    def _require_positive(self, name: str, values: FloatArray) -> None:
        if not (values > 0).all():
            raise NetworkOutputError(
                f"the network's {name} must be positive, got {values.min()}, on {self.backend}: its weights are "
                "damaged or insufficiently trained. Use the shipped weights, or train longer"
            )
