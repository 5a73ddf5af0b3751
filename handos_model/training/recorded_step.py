"""A training step as one CUDA graph: the host launches it at once instead of kernel by kernel."""

from collections.abc import Callable
from dataclasses import fields

import torch
from torch import Tensor

from handos_model.training.sample import Batch

_WARM_UPS = 3
"""Steps before the recording, in which libraries choose their kernels and every gradient gets its memory."""

ComputeGradients = Callable[[Batch], dict[str, Tensor]]
"""Adds a batch's gradients to those of the parameters; the losses by name."""


class RecordedStep:
    """Computes gradients like the function it is given, by replaying what that did on the GPU.

    A step of a small model is thousands of kernels, which the GPU runs faster than the host launches them. They are
    recorded when a batch has other shapes than the one before; the recording of the other shapes is forgotten. The
    gradients must stay where they are: they are set to zero in place between steps.

    Parameters
    ----------
    compute_gradients
        What a step does with a batch, without asking the GPU for a value.
    forget_gradients
        Sets them to zero.
    """

    def __init__(self, compute_gradients: ComputeGradients, forget_gradients: Callable[[], None]) -> None:
        self._compute_gradients, self._forget_gradients = compute_gradients, forget_gradients
        self._graph: torch.cuda.CUDAGraph | None = None
        self._input: Batch | None = None
        self._losses: dict[str, Tensor] = {}

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """The losses are overwritten by the next step."""
        if self._input is None or not _same_shapes(batch, self._input):
            self._record(batch)
        assert self._graph is not None
        assert self._input is not None
        for field in fields(Batch):
            getattr(self._input, field.name).copy_(getattr(batch, field.name))
        self._graph.replay()
        return self._losses

    def _record(self, batch: Batch) -> None:
        self._graph, self._losses = None, {}
        self._input = Batch(**{field.name: getattr(batch, field.name).clone() for field in fields(Batch)})
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UPS):
                self._compute_gradients(self._input)
        torch.cuda.current_stream().wait_stream(aside)
        torch.cuda.empty_cache()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._losses = self._compute_gradients(self._input)
        # What the warm-up has added is not this batch's gradient.
        self._forget_gradients()


def _same_shapes(one: Batch, other: Batch) -> bool:
    return all(getattr(one, field.name).shape == getattr(other, field.name).shape for field in fields(Batch))
