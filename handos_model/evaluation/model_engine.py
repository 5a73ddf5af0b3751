"""A model in memory as an engine, to evaluate it while it is trained."""

from dataclasses import dataclass

import torch

from handos_model.architecture.contract import NetworkOutput, NetworkProperties
from handos_model.architecture.handos import HandOS
from handos_model.geometry.arrays import ImageArray


@dataclass(frozen=True)
class ModelEngine:
    """Runs a model on its device, operator by operator: no input size takes time to prepare."""

    model: HandOS
    properties: NetworkProperties

    @property
    def description(self) -> str:
        """The device."""
        return f"a model in training, {self._device}"

    @property
    def _device(self) -> torch.device:
        return self.model.decoder.part_embedding.device

    @torch.inference_mode()
    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        """Run the network on (1, H, W, 3) BGR uint8."""
        outputs = self.model(torch.from_numpy(network_input).to(self._device))
        return NetworkOutput(*(output.cpu().numpy() for output in outputs))
