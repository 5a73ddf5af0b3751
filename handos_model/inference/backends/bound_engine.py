"""Runs the network in ONNX Runtime with its input and outputs in fixed memory of the device, as GPUs need it."""

import io
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Final, Literal

import numpy as np
import onnxruntime  # type: ignore[import-untyped]

from handos_model.architecture.contract import INPUT_NAME, OUTPUT_NAMES, NetworkOutput, NetworkProperties
from handos_model.architecture.input_size import InputSize
from handos_model.geometry.arrays import ImageArray
from handos_model.inference.backends.engine import BackendError
from handos_model.inference.backends.onnxruntime_engine import default_session_options
from handos_model.inference.backends.static_shapes import read_with_fixed_hands, set_static_shape

Provider = Literal["CPUExecutionProvider", "CUDAExecutionProvider"]

_DEVICES: Final[Mapping[Provider, str]] = {
    "CPUExecutionProvider": "CPU",
    "CUDAExecutionProvider": "GPU by CUDA",
}
_FALLBACKS: Final[Mapping[Provider, tuple[str, ...]]] = {
    "CPUExecutionProvider": (),
    "CUDAExecutionProvider": ("CPUExecutionProvider",),
}
"""Providers of operators that a provider lacks."""
_CUDA_GRAPH: Final = "enable_cuda_graph"
_WARM_UP_RUNS: Final = 3
"""ONNX Runtime captures the CUDA graph in the third run."""
_LIBRARY_ERROR: Final = re.compile(r"\w+ failure \d+: [^;\n]*")
"""What CUDA says, in the middle of what ONNX Runtime says."""

_LOGGER = logging.getLogger(__name__)


class BoundEngine:
    """A HandOS network for one input size, in memory of the device. Not to be called from several threads at once.

    Parameters
    ----------
    path
        ONNX file written by `handos export`.
    properties
        Its metadata.
    size
        Input size.
    provider
        Execution provider.

    Raises
    ------
    BackendError
        If the provider does not start, where ONNX Runtime by itself would fall back to the CPU, or cannot run the
        network.
    """

    def __init__(self, path: Path, properties: NetworkProperties, size: InputSize, *, provider: Provider) -> None:
        self._path, self._size, self._provider = path, size, provider
        self.properties = properties
        self.description = f"ONNX Runtime {onnxruntime.__version__}, {_DEVICES[provider]}"
        self._missing = "" if provider == "CPUExecutionProvider" else _load_cuda()
        options = _provider_options(provider)
        with self._errors_named():
            try:
                self._start(options)
            except BackendError:
                raise
            except Exception as error:  # ONNX Runtime's exceptions have no common base class
                if _CUDA_GRAPH not in options:
                    raise
                _LOGGER.warning("the network runs without a CUDA graph, slower: %s", _reason(error))
                self._start({name: value for name, value in options.items() if name != _CUDA_GRAPH})
            else:
                self.description += ", CUDA graph" if _CUDA_GRAPH in options else ""

    def __call__(self, network_input: ImageArray) -> NetworkOutput:
        """Run the network on (1, H, W, 3) BGR uint8.

        Raises
        ------
        BackendError
            If ONNX Runtime cannot compute it, for example because it needs more memory than there is.
        """
        with self._errors_named():
            self._image.update_inplace(np.ascontiguousarray(network_input))  # ONNX Runtime 1.23 ignores strides
            return self._run()

    def _start(self, options: Mapping[str, str]) -> None:
        """Open the session, bind memory for the image and all outputs, and run."""
        self._session = self._open_session(options)
        device = "cpu" if self._provider == "CPUExecutionProvider" else "cuda"
        blank = np.zeros((1, self._size.height, self._size.width, 3), np.uint8)
        self._image = onnxruntime.OrtValue.ortvalue_from_numpy(blank, device)
        self._binding = self._session.io_binding()
        self._binding.bind_ortvalue_input(INPUT_NAME, self._image)
        shapes = {output.name: output.shape for output in self._session.get_outputs()}
        for name in OUTPUT_NAMES:
            value = onnxruntime.OrtValue.ortvalue_from_shape_and_type(shapes[name], np.float32, device)
            self._binding.bind_ortvalue_output(name, value)
        for _ in range(_WARM_UP_RUNS):
            self._run()

    def _open_session(self, options: Mapping[str, str]) -> onnxruntime.InferenceSession:
        session_options = default_session_options()
        set_static_shape(session_options, self._size)
        providers = [(self._provider, dict(options)), *_FALLBACKS[self._provider]]
        session = onnxruntime.InferenceSession(
            read_with_fixed_hands(self._path, self.properties.max_hands),
            session_options,
            providers=providers,
            enable_fallback=0,
        )
        active = session.get_providers()[0]
        if active != self._provider:
            raise BackendError(
                f"ONNX Runtime's {self._provider} does not start, only {active}: install the versions of CUDA and "
                f"cuDNN that this onnxruntime-gpu was built for; its messages above name them{self._missing}"
            )
        return session

    def _run(self) -> NetworkOutput:
        self._session.run_with_iobinding(self._binding)
        # Copies, because the next image overwrites this memory.
        return NetworkOutput(*(np.array(values) for values in self._binding.copy_outputs_to_cpu()))

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except BackendError:
            raise
        except Exception as error:  # as above
            raise BackendError(
                f"{self.description}, cannot run the network of {self._path} on inputs of {self._size} pixels: free "
                f"memory, or choose another backend. ONNX Runtime: {_reason(error)}"
            ) from error


def _provider_options(provider: Provider) -> dict[str, str]:
    if provider == "CUDAExecutionProvider":
        # TF32 would move joints as far as half precision does.
        return {_CUDA_GRAPH: "1", "use_tf32": "0"}
    return {}


def _load_cuda() -> str:
    """Load CUDA and cuDNN, which may be Python packages, and return what is missing, for a message."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        getattr(onnxruntime, "preload_dlls", lambda: None)()  # since 1.21
    lines = [line for line in printed.getvalue().splitlines() if line.startswith("Failed")]
    return f" ({'; '.join(lines)})" if lines else ""


def _reason(error: Exception) -> str:
    found = _LIBRARY_ERROR.search(str(error))
    return found[0].strip() if found else " ".join(str(error).split())
