"""Keeps engines between runs, each under a key of everything that it depends on, with a readable file beside it."""

import fcntl
import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from handos_model.inference.engine import NetworkProperties

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineIdentity:
    """What an engine was built from and for: with any difference it is another one."""

    onnx_sha256: str
    precision: str
    profile: str
    """Shape of the input, which is fixed: one profile."""
    tensorrt: str
    gpu: str
    compute_capability: str

    @property
    def key(self) -> str:
        """Name under which it is kept."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class StoredEngine:
    """A serialized engine, and what the network in it says about itself."""

    plan: bytes
    properties: NetworkProperties
    path: Path


@dataclass(frozen=True)
class EngineStore:
    """A folder of engines. Any number of processes may use it at once: one of them builds, the others wait."""

    folder: Path

    def get(
        self, identity: EngineIdentity, properties: NetworkProperties, build: Callable[[Path], bytes]
    ) -> StoredEngine:
        """Read an engine, or build and keep it.

        Parameters
        ----------
        identity
            Which engine.
        properties
            Of the network, for who reads the folder.
        build
            Makes the serialized engine, given the file of the timing cache.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path_of(identity, properties)
        with _locked(path.with_suffix(".lock")):
            plan, obstacle = _read(path, identity)
            if plan is None:
                _LOGGER.info("%s: %s", path, obstacle)
                plan = build(self._timing_cache(identity))
                _write(path, plan, identity, properties)
        return StoredEngine(plan, properties, path)

    def discard(self, stored: StoredEngine) -> None:
        """Forget an engine that turned out to be unusable."""
        _sidecar_of(stored.path).unlink(missing_ok=True)

    def path_of(self, identity: EngineIdentity, properties: NetworkProperties) -> Path:
        """Where an engine is kept."""
        return self.folder / f"handos_{properties.preset}_{identity.precision}_{identity.key}.engine"

    def _timing_cache(self, identity: EngineIdentity) -> Path:
        device = hashlib.sha256(f"{identity.tensorrt} {identity.gpu} {identity.compute_capability}".encode())
        return self.folder / f"timing_{device.hexdigest()[:16]}.cache"


def sha256_of(path: Path) -> str:
    """Checksum of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(path: Path, identity: EngineIdentity) -> tuple[bytes | None, str]:
    """The serialized engine, or ``None`` and why it has to be built."""
    sidecar = _sidecar_of(path)
    if not path.is_file() or not sidecar.is_file():
        return None, "not built yet"
    try:
        described = json.loads(sidecar.read_text())
        kept, checksum = described["identity"], described["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        return None, f"{sidecar.name} is damaged ({error}), so it is built again"
    differences = _differences(kept, asdict(identity))
    if differences:
        return None, f"it belongs to something else ({differences}), so it is built again"
    plan = path.read_bytes()
    if hashlib.sha256(plan).hexdigest() != checksum:
        return None, f"its {len(plan)} bytes are not those that were written, so it is built again"
    return plan, ""


def _differences(kept: Any, wanted: dict[str, str]) -> str:
    kept = kept if isinstance(kept, dict) else {}
    return ", ".join(
        f"{name} is {kept.get(name)!r} and not {value!r}" for name, value in wanted.items() if kept.get(name) != value
    )


def _write(path: Path, plan: bytes, identity: EngineIdentity, properties: NetworkProperties) -> None:
    described = {
        "identity": asdict(identity),
        "network": asdict(properties),
        "sha256": hashlib.sha256(plan).hexdigest(),
        "built": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    # The sidecar comes last: until it is there, the engine does not count.
    _replace(path, plan)
    _replace(_sidecar_of(path), (json.dumps(described, indent=2) + "\n").encode())


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def _sidecar_of(path: Path) -> Path:
    return path.with_suffix(".json")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Be the only process inside; the lock ends with the process, however it ends."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _LOGGER.info("another process builds %s: waiting for it", path.with_suffix(".engine"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
