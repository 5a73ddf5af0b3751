"""What a user asks for, and what was already begun for it: an interrupted run goes on only with the same request."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handos_model.files.atomic_write import atomic_write


@dataclass(frozen=True)
class Request:
    """Arguments of `handos finetune`."""

    images: Path
    """Folder of images, with subfolders."""
    labels: Path | None
    """COCO-style JSON file; ``None``: the network labels the images itself."""
    out: Path
    """ONNX file to write; a safetensors file is written beside it."""
    state: Path
    """Folder for what an interrupted run goes on from."""
    minutes: float
    """For everything."""
    rendered: Path | None = None
    """Folder of `handos synth`, against forgetting."""

    @property
    def held_back(self) -> Path:
        """Annotated folder of the images that are not trained on."""
        return self.state / "held_back"

    @property
    def trained(self) -> Path:
        """Annotated folder of those that are."""
        return self.state / "trained"

    @property
    def file(self) -> Path:
        """Keeps the request, from when its labels and images are accepted."""
        return self.state / "request.json"

    def abandon(self) -> None:
        """Delete the labels of a run that they are not enough for, so that the state folder can be used for others."""
        for folder in (self.held_back, self.trained):
            for shard in folder.glob("shard_*.npz"):
                shard.unlink()
        self.file.unlink(missing_ok=True)  # last: it says whose the others are


def require_same_request(request: Request, names: Sequence[str]) -> None:
    """Write the request to the state folder, or compare it with the one that is there.

    Raises
    ------
    ValueError
        If the folder belongs to another request.
    """
    wanted = {
        "--images": str(request.images.resolve()),
        "--labels": None if request.labels is None else str(request.labels.resolve()),
        "--rendered": None if request.rendered is None else str(request.rendered.resolve()),
        "--minutes": request.minutes,
        "images": _digest("\n".join(names).encode()),
        "labels": None if request.labels is None else _digest(request.labels.read_bytes()),
    }
    if not request.file.is_file():
        with atomic_write(request.file) as temporary:
            temporary.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
        return
    try:
        begun = dict(json.loads(request.file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{request.file} is damaged ({error}): name another folder with --state") from error
    for name, value in wanted.items():
        if begun.get(name) != value:
            raise ValueError(
                f"{request.state} was begun with {_difference(name, begun.get(name), value)}: give that again to go "
                "on, or name another folder with --state to begin anew: what was labelled and trained in this one is "
                "kept, but not used there"
            )


def _difference(name: str, begun: object, wanted: object) -> str:
    if not name.startswith("--"):
        return f"other {name} in it"
    if begun is None:
        return f"no {name}, not with {wanted}"
    return f"{name} {begun}, not {'without it' if wanted is None else wanted}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
