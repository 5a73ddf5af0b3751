"""A machine with a stand-in GPU, CUDA library and TensorRT, for the tests of the TensorRT backend."""

import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from stand_in_cuda import StandInGpu, install_cuda_bindings, install_pycuda
from stand_in_tensorrt import RTX_VERSION, Faults, Record, make_stand_in

from handos_model.inference.backends.tensorrt.library import CLASSIC_MODULE, RTX_MODULE


@dataclass
class StandInMachine:
    """The stand-ins of a machine, which a test can break and inspect."""

    gpu: StandInGpu
    tensorrt: ModuleType
    folder: Path
    """Folder of the stored engines."""

    @property
    def faults(self) -> Faults:
        return self.tensorrt.stand_in_faults  # type: ignore[no-any-return]

    @property
    def record(self) -> Record:
        return self.tensorrt.stand_in_record  # type: ignore[no-any-return]

    def engine_file(self) -> Path:
        """The only stored engine."""
        (path,) = self.folder.glob("*.engine")
        return path


def stand_in_machine(
    monkeypatch: pytest.MonkeyPatch,
    cache: Path,
    version: str = "10.13.3.9",
    library: str = "pycuda",
    **gpu_properties: Any,
) -> StandInMachine:
    """Make this process see such a machine; TensorRT for RTX comes with an Ada GPU, the classic one with an Orin."""
    gpu = StandInGpu(**{"compute_capability": (8, 9) if version == RTX_VERSION else (8, 7), **gpu_properties})
    tensorrt = make_stand_in(version, gpu.enqueue)
    tensorrt.__spec__ = ModuleSpec(tensorrt.__name__, None)
    for name in (CLASSIC_MODULE, RTX_MODULE):
        monkeypatch.setitem(sys.modules, name, tensorrt if name == tensorrt.__name__ else None)
    if library == "pycuda":
        install_pycuda(gpu, monkeypatch)
    else:
        install_cuda_bindings(gpu, monkeypatch)
    monkeypatch.setattr("handos_model.inference.backends.selection.gpu_unavailable", lambda: None)
    capability = "{}.{}".format(*gpu.compute_capability)
    monkeypatch.setattr("handos_model.inference.backends.tensorrt.library.gpu_compute_capability", lambda: capability)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return StandInMachine(gpu, tensorrt, cache / "handos" / "tensorrt")
