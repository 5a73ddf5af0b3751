"""Caches engines on disk under a key of everything that they depend on, each with a readable JSON sidecar."""

import fcntl
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from handos_model.architecture.contract import NetworkProperties
from handos_model.inference.backends.private_files import (
    opened_lock_file,
    read_private_file,
    require_private_folder,
    write_private_file,
)

_LOGGER = logging.getLogger(__name__)

_MAX_SIDECAR_BYTES: Final = 64 << 10
_NOT_BUILT: Final = "not built yet"


@dataclass(frozen=True)
class EngineIdentity:
    """Everything that an engine depends on."""

    onnx_sha256: str
    precision: str
    profile: str
    """Static shape of the input."""
    library: str
    """Which of the TensorRT libraries."""
    tensorrt: str
    """Its version."""
    gpu: str
    """Name of the GPU, or that the engine serves any of this compute capability."""
    compute_capability: str

    @property
    def key(self) -> str:
        """Hash that is part of the file name."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class StoredEngine:
    """A serialized engine and its file."""

    plan: bytes
    path: Path

    @property
    def runtime_cache(self) -> Path:
        """File of the kernels that are compiled when the engine is loaded."""
        return self.path.with_suffix(".kernels")


@dataclass(frozen=True)
class EngineStore:
    """A folder of engines that only this user can write.

    Several processes may use it at the same time: one of them builds, the others wait.
    """

    folder: Path

    def get(
        self, identity: EngineIdentity, properties: NetworkProperties, build: Callable[[Path], bytes]
    ) -> StoredEngine:
        """Read an engine, or build and store it.

        Parameters
        ----------
        identity
            Key of the engine.
        properties
            Metadata of the network, for the file name and the sidecar.
        build
            Builds the serialized engine, given the path of the timing cache.

        Raises
        ------
        BackendError
            If the folder cannot be written, or other users could write to it.
        """
        require_private_folder(self.folder)
        path = self.path_of(identity, properties)
        with _lock(path.with_suffix(".lock")):
            plan, reason = _read(path, identity)
            if plan is None:
                if reason == _NOT_BUILT:
                    _LOGGER.info("%s: %s%s", path, reason, _most_similar(path, identity))
                else:
                    _LOGGER.warning("%s: %s", path, reason)
                plan = build(self._timing_cache(identity))
                _try_to_write(path, plan, identity, properties)
        return StoredEngine(plan, path)

    def discard(self, stored: StoredEngine) -> None:
        """Remove an engine that turned out to be unusable."""
        _sidecar_path(stored.path).unlink(missing_ok=True)

    def path_of(self, identity: EngineIdentity, properties: NetworkProperties) -> Path:
        """Path of an engine."""
        architecture = "sm" + identity.compute_capability.replace(".", "")
        return self.folder / f"handos_{properties.preset}_{identity.precision}_{architecture}_{identity.key}.engine"

    def _timing_cache(self, identity: EngineIdentity) -> Path:
        device = hashlib.sha256(f"{identity.tensorrt} {identity.gpu} {identity.compute_capability}".encode())
        return self.folder / f"timing_{device.hexdigest()[:16]}.cache"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(path: Path, identity: EngineIdentity) -> tuple[bytes | None, str]:
    """The serialized engine, or ``None`` and the reason to build it."""
    sidecar = _sidecar_path(path)
    try:
        description = json.loads(read_private_file(sidecar, _MAX_SIDECAR_BYTES))
        stored, checksum = description["identity"], description["sha256"]
    except FileNotFoundError:
        return None, _NOT_BUILT
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return None, f"{sidecar.name} is damaged ({error}), so the engine is built again"
    differences = _differences(stored, asdict(identity))
    if differences:
        return None, f"the stored engine differs ({differences}), so it is built again"
    try:
        plan = read_private_file(path)
    except FileNotFoundError:
        return None, _NOT_BUILT
    except OSError as error:
        return None, f"it cannot be used ({error}), so it is built again"
    if hashlib.sha256(plan).hexdigest() != checksum:
        return None, f"the checksum of its {len(plan)} bytes is wrong, so it is built again"
    return plan, ""


def _most_similar(path: Path, identity: EngineIdentity) -> str:
    """What keeps the most similar engine from being used, for those who wonder why theirs, made ahead, is not."""
    found: list[tuple[str, str]] = []
    for sidecar in path.parent.glob(f"{path.stem.rpartition('_')[0]}_*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            stored = json.loads(read_private_file(sidecar, _MAX_SIDECAR_BYTES))["identity"]
            found.append((_differences(stored, asdict(identity)), sidecar.stem))
    if not found:
        return ""
    differences, name = min(found, key=lambda entry: entry[0].count(" instead of "))
    return f"; in {name}, {differences}"


def _differences(stored: Any, expected: dict[str, str]) -> str:
    stored = stored if isinstance(stored, dict) else {}
    return ", ".join(
        f"{name} is {stored.get(name)!r} instead of {value!r}"
        for name, value in expected.items()
        if stored.get(name) != value
    )


def _try_to_write(path: Path, plan: bytes, identity: EngineIdentity, properties: NetworkProperties) -> None:
    try:
        _write(path, plan, identity, properties)
    except OSError as error:
        # The engine took time to build, and runs without its file.
        _LOGGER.warning("the engine cannot be stored as %s (%s), so the next start builds it again", path, error)


def _write(path: Path, plan: bytes, identity: EngineIdentity, properties: NetworkProperties) -> None:
    description = {
        "identity": asdict(identity),
        "network": asdict(properties),
        "sha256": hashlib.sha256(plan).hexdigest(),
        "built": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    write_private_file(path, plan)
    # The sidecar comes last: an engine without one is ignored.
    write_private_file(_sidecar_path(path), (json.dumps(description, indent=2) + "\n").encode())


def _sidecar_path(path: Path) -> Path:
    return path.with_suffix(".json")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes, which the system releases when the process ends."""
    with opened_lock_file(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _LOGGER.info("waiting for another process, which builds %s", path.with_suffix(".engine"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
