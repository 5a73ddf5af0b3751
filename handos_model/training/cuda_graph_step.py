"""A training step as one CUDA graph, which the host launches at once instead of kernel by kernel."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from handos_model.training.batch import Batch

_WARM_UP_STEPS = 3
"""Steps before the capture, in which libraries choose their kernels and gradients are allocated."""

ComputeGradients = Callable[[Batch], dict[str, Tensor]]
"""Adds the gradients of a batch to the parameters' and returns the losses by name."""


@dataclass(frozen=True)
class _CapturedStep:
    graph: torch.cuda.CUDAGraph
    batch: Batch
    """What the graph reads."""
    losses: dict[str, Tensor]

    def replay(self, batch: Batch) -> dict[str, Tensor]:
        for field in fields(Batch):
            getattr(self.batch, field.name).copy_(getattr(batch, field.name))
        self.graph.replay()
        return self.losses


class CudaGraphStep:
    """Computes gradients like a given function, by replaying its kernels.

    A step of a small model is thousands of kernels, which the GPU runs faster than the host launches them. They are
    captured once for each shape of the batch. All graphs work in the same memory, so that many shapes need little more
    of it than the largest: a replay overwrites the losses of the others, but not the gradients. Gradients must be
    zeroed in place, because the graphs write to fixed addresses.

    Parameters
    ----------
    compute_gradients
        Called with a batch; must not read values back from the GPU.
    zero_gradients
        Sets the gradients to zero in place.
    """

    def __init__(self, compute_gradients: ComputeGradients, zero_gradients: Callable[[], None]) -> None:
        self._compute_gradients, self._zero_gradients = compute_gradients, zero_gradients
        self._captured: dict[tuple[torch.Size, ...], _CapturedStep] = {}

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the gradients of a batch; the losses returned are overwritten by the next call."""
        shapes = tuple(getattr(batch, field.name).shape for field in fields(Batch))
        if shapes not in self._captured:
            self._captured[shapes] = self._capture(batch)
        return self._captured[shapes].replay(batch)

    def _capture(self, batch: Batch) -> _CapturedStep:
        batch = Batch(**{field.name: getattr(batch, field.name).clone() for field in fields(Batch)})
        self._warm_up(batch)
        pool = next((step.graph.pool() for step in self._captured.values()), None)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            losses = self._compute_gradients(batch)
        # Gradients of the warm-up steps.
        self._zero_gradients()
        return _CapturedStep(graph, batch, losses)

    def _warm_up(self, batch: Batch) -> None:
        side_stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side_stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side_stream):
            for _ in range(_WARM_UP_STEPS):
                self._compute_gradients(batch)
        torch.cuda.current_stream().wait_stream(side_stream)
        torch.cuda.empty_cache()
