"""An ONNX file as a function in torch.

The file itself is run, operator by operator, instead of the model in PyTorch, because the export folds and transposes
weights. So any network gives the same hands here as on the other backends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor

from handos_model.architecture.contract import REEXPORT, WeightsError
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.torch_operators import Function, Node, UnknownOperatorError, function_of


@dataclass(frozen=True)
class _Step:
    function: Function
    inputs: Sequence[str]
    outputs: Sequence[str]
    finished: Sequence[str]
    """Tensors that nothing reads afterwards."""


class TorchGraph:
    """The network of an ONNX file on a device.

    Parameters
    ----------
    path
        The file that `network` was read from, for messages.
    network
        An ONNX file's content.
    device
        Where to compute.

    Raises
    ------
    BackendError
        If the file uses an operator that no HandOS network has.
    WeightsError
        If its weights cannot be read.
    """

    def __init__(self, path: Path, network: bytes, device: torch.device) -> None:
        self._path = path
        graph = onnx.load_from_string(network).graph
        self._constants = {weight.name: self._read_weight(weight).to(device) for weight in graph.initializer}
        self._outputs = [output.name for output in graph.output]
        nodes = [node for node in graph.node if not self._folded(node, device)]
        last_use = {name: k for k, node in enumerate(nodes) for name in (*node.input, *node.output)}
        kept = {*self._outputs, *self._constants, ""}
        try:
            self._steps = [
                self._step(node, [name for name in last_use if last_use[name] == k and name not in kept])
                for k, node in enumerate(nodes)
            ]
        except UnknownOperatorError as error:
            raise BackendError(
                f"torch cannot run {path}: {error}. Use the backend onnxruntime, or export with this version"
            ) from error

    @torch.inference_mode()
    def __call__(self, image: Tensor) -> Mapping[str, Tensor]:
        """(1, H, W, 3) uint8 on the graph's device -> outputs by name.

        Raises
        ------
        BackendError
            If torch cannot compute it, for example because it needs more memory than there is.
        torch.cuda.OutOfMemoryError
            If the GPU has too little memory.
        """
        try:
            return self._run(image)
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception as error:  # operators on unsuitable shapes and types raise several kinds
            raise BackendError(f"torch cannot run {self._path}: {error}. Free memory, or {REEXPORT}") from error

    def _run(self, image: Tensor) -> Mapping[str, Tensor]:
        values = {**self._constants, "image": image}
        for step in self._steps:
            results = step.function(*(values[name] if name else None for name in step.inputs))
            results = (results,) if isinstance(results, Tensor) else results
            values.update(zip(step.outputs, results, strict=True))
            for name in step.finished:
                del values[name]
        return {name: values[name] for name in self._outputs}

    def _read_weight(self, weight: onnx.TensorProto) -> Tensor:
        try:
            return torch.from_numpy(numpy_helper.to_array(weight).copy())
        except Exception as error:  # it may declare another size than it has, or lie in another file
            raise WeightsError(
                f"weights file {self._path}: its weights {weight.name[:100]} cannot be read ({error}): {REEXPORT}"
            ) from error

    def _folded(self, node: onnx.NodeProto, device: torch.device) -> bool:
        """Store the result of a constant or of a transposed constant; return False for any other node."""
        if node.op_type == "Constant":
            self._constants[node.output[0]] = self._read_weight(node.attribute[0].t).to(device)
            return True
        if node.op_type == "Transpose" and node.input[0] in self._constants:
            (order,) = (attribute.ints for attribute in node.attribute)
            self._constants[node.output[0]] = self._constants[node.input[0]].permute(*order).contiguous()
            return True
        return False

    def _step(self, node: onnx.NodeProto, finished: Sequence[str]) -> _Step:
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        described = Node(node.op_type, attributes, list(node.input), list(node.output), self._constants)
        return _Step(function_of(described), described.inputs, described.outputs, finished)
