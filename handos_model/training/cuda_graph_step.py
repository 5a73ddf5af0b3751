"""A training step as one CUDA graph, which the host launches at once instead of kernel by kernel."""

from collections.abc import Callable
from dataclasses import fields

import torch
from torch import Tensor

from handos_model.training.batch import Batch

_WARM_UP_STEPS = 3
"""Steps before the capture, in which libraries choose their kernels and gradients are allocated."""

ComputeGradients = Callable[[Batch], dict[str, Tensor]]
"""Adds the gradients of a batch to the parameters' and returns the losses by name."""


class CudaGraphStep:
    """Computes gradients like a given function, by replaying its kernels.

    A step of a small model is thousands of kernels, which the GPU runs faster than the host launches them. They are
    captured whenever the shapes of the batch change; only the latest graph is kept. Gradients must be zeroed in place,
    because the graph writes to fixed addresses.

    Parameters
    ----------
    compute_gradients
        Called with a batch; must not read values back from the GPU.
    zero_gradients
        Sets the gradients to zero in place.
    """

    def __init__(self, compute_gradients: ComputeGradients, zero_gradients: Callable[[], None]) -> None:
        self._compute_gradients, self._zero_gradients = compute_gradients, zero_gradients
        self._graph: torch.cuda.CUDAGraph | None = None
        self._input: Batch | None = None
        self._losses: dict[str, Tensor] = {}

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the gradients of a batch; the losses returned are overwritten by the next call."""
        if self._input is None or not _same_shapes(batch, self._input):
            self._capture(batch)
        assert self._graph is not None
        assert self._input is not None
        for field in fields(Batch):
            getattr(self._input, field.name).copy_(getattr(batch, field.name))
        self._graph.replay()
        return self._losses

    def _capture(self, batch: Batch) -> None:
        self._graph, self._losses = None, {}
        self._input = Batch(**{field.name: getattr(batch, field.name).clone() for field in fields(Batch)})
        side_stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side_stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side_stream):
            for _ in range(_WARM_UP_STEPS):
                self._compute_gradients(self._input)
        torch.cuda.current_stream().wait_stream(side_stream)
        torch.cuda.empty_cache()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._losses = self._compute_gradients(self._input)
        # Gradients of the warm-up steps.
        self._zero_gradients()


def _same_shapes(one: Batch, other: Batch) -> bool:
    return all(getattr(one, field.name).shape == getattr(other, field.name).shape for field in fields(Batch))
