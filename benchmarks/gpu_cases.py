"""What `gpu.py` measures: backends, precisions, with and without a CUDA graph."""

from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import util
from pathlib import Path
from typing import Any, Final, Literal
from unittest import mock

import numpy as np
from gpu import ROOT, gpu_memory

from handos_model import CameraIntrinsics, HandPipeline
from handos_model.architecture.contract import NetworkOutput, NetworkProperties, RunChoices
from handos_model.architecture.input_size import InputSize
from handos_model.evaluation.latency import Latency
from handos_model.geometry.arrays import ImageArray
from handos_model.inference.backends.engine import BackendError, Engine
from handos_model.inference.backends.onnxruntime_engine import read_properties
from handos_model.inference.backends.selection import BACKENDS, Backend, require_backend
from handos_model.inference.pipeline import shipped_weights
from handos_model.inference.preprocessing import letterbox
from handos_model.recordings.source import open_source

FRAME: Final = 9
"""Of the demo clip: it shows hands."""
FIELD_OF_VIEW: Final = 60.0


@dataclass(frozen=True)
class Case:
    """One way to run the network."""

    backend: Backend
    precision: Literal["fp32", "fp16"] = "fp32"
    graph: bool = False
    """Whether a CUDA graph is replayed."""
    target: str | None = None
    """GPU architecture that TensorRT for RTX builds for, if another than the backend would choose."""

    def __str__(self) -> str:
        graph = " graph" if self.graph else ""
        return f"{self.backend} {self.precision}{graph}{'' if self.target is None else f' built for {self.target}'}"


CASES: Final = (
    Case("onnxruntime"),  # the first is the reference
    Case("tensorrt", "fp16", graph=True),
    Case("tensorrt-fp32", graph=True),
    Case("tensorrt-fp32", graph=True, target="sm80"),
    Case("tensorrt-fp32", graph=True, target="sm120"),
    Case("onnxruntime-cuda", graph=True),
    Case("torch-cuda", graph=True),
    Case("torch-cuda", "fp16", graph=True),
    Case("tensorrt", "fp16"),
    Case("onnxruntime-cuda"),
    Case("torch-cuda"),
    Case("torch"),
)


def measure(case: Case, networks: dict[str, Path], runs: int, memory_before: int | None) -> dict[str, dict[str, Any]]:
    """Measure every network, and the first only with an engine for another GPU; a failure has an "error"."""
    try:
        if case.target is None:
            require_backend(case.backend)
    except BackendError as error:
        return {"all networks": {"error": str(error)}}
    results: dict[str, dict[str, Any]] = {}
    for name, network in list(networks.items())[: None if case.target is None else 1]:
        try:
            results[name] = _measure_one(case, network, runs)
        except Exception as error:  # reported as it is
            results[name] = {"error": f"{type(error).__name__}: {error}"}
            continue
        used = gpu_memory()
        if used is not None and memory_before is not None:
            results[name]["gpu_memory_mib"] = used - memory_before
    return results


def _measure_one(case: Case, network: Path, runs: int) -> dict[str, Any]:
    frames = iter(open_source(str(ROOT / "demo" / "clip.mp4")).frames)
    image = [next(frames) for _ in range(FRAME + 1)][-1].image
    height, width = image.shape[:2]
    camera = CameraIntrinsics.from_field_of_view(width, height, FIELD_OF_VIEW)
    properties = read_properties(network)
    size = properties.input_sizes.for_image(width, height)
    engine = _load(case, network, properties, size)
    network_input, _ = letterbox(image, size)
    slots = len(engine(network_input).scores)
    pipeline = HandPipeline(engine, score_threshold=0, max_hands=slots)
    return {
        "engine": engine.description,
        "hands": slots,
        "input": str(size),
        "network": asdict(Latency.of_runs(partial(engine, network_input), runs)),
        "whole": asdict(Latency.of_runs(partial(pipeline, image, camera), runs)),
        "found": HandPipeline(engine)(image, camera),
    }


def _load(case: Case, network: Path, properties: NetworkProperties, size: InputSize) -> Engine:
    if case.target is not None:
        return _load_built_for(case.target, network, properties, size)
    spec = BACKENDS[case.backend]
    if spec.runs_trained_weights:
        return _load_torch(case, _slots_of(network), properties, size)
    if not case.graph:
        _switch_graphs_off()
    return spec.load(network, RunChoices(properties.input_sizes.side))


def _slots_of(network: Path) -> int:
    return int(network.stem.split("_")[1])


def _switch_graphs_off() -> None:
    """No backend has an option for this, which nobody but a benchmark needs."""
    from handos_model.inference.backends import bound_engine

    mock.patch.object(bound_engine, "_provider_options", return_value={"use_tf32": "0"}).start()
    device = "handos_model.inference.backends.tensorrt.cuda_bindings_device"
    if util.find_spec("cuda") is not None:
        mock.patch(f"{device}.CudaBindingsDevice.capture", side_effect=BackendError("switched off")).start()


def _load_built_for(architecture: str, network: Path, properties: NetworkProperties, size: InputSize) -> Engine:
    """Whether this GPU takes an engine of TensorRT for RTX that was built for another."""
    from handos_model.inference.backends.tensorrt.cuda_libraries import open_cuda_device
    from handos_model.inference.backends.tensorrt.library import target_named
    from handos_model.inference.backends.tensorrt.tensorrt_engine import (
        TensorRTEngine,
        build_stored_engine,
        engine_store,
    )

    target = target_named(architecture)
    stored = build_stored_engine(network, properties, size, "fp32", target, engine_store())
    return TensorRTEngine(stored, properties, "fp32", target.library, open_cuda_device())


class EagerEngine:
    """The model in torch, kernel by kernel."""

    def __init__(self, model: Any, properties: NetworkProperties, device: str) -> None:
        self._model, self.properties, self._device = model, properties, device
        self.description = f"torch, {device}, without a CUDA graph"

    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        """Run the network on (1, H, W, 3) BGR uint8."""
        import torch

        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            outputs = self._model(torch.from_numpy(np.ascontiguousarray(network_input)).to(self._device))
            return NetworkOutput(*(output.cpu().numpy() for output in outputs))


def _load_torch(case: Case, slots: int, properties: NetworkProperties, size: InputSize) -> Engine:
    import torch

    from handos_model.architecture.exported_attention import with_gathered_attention
    from handos_model.architecture.handos import build_model
    from handos_model.architecture.onnx_export import to_half_precision
    from handos_model.architecture.presets import preset_named
    from handos_model.architecture.trained_weights import read_trained_weights
    from handos_model.hand.topology import HandTopology
    from handos_model.inference.backends.torch_engine import CudaGraphEngine

    model = build_model(replace(preset_named(properties.preset), hand_slots=slots), HandTopology.load())
    model.load_state_dict(read_trained_weights(shipped_weights("torch")))
    model.eval()
    if case.backend == "torch":
        return EagerEngine(with_gathered_attention(model), properties, "cpu")
    model = (to_half_precision(model) if case.precision == "fp16" else model).to("cuda")
    if case.graph:
        return CudaGraphEngine(model, properties, size, torch.device("cuda", 0))
    return EagerEngine(model, properties, "cuda")
