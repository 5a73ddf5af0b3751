"""`AnnotationSettings`: what the results of every recording depend on, and the network that they make."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handos_model import __version__
from handos_model.inference.backends.selection import Backend
from handos_model.inference.pipeline import HandPipeline, shipped_weights
from handos_model.inference.tracking import TrackingSettings
from handos_model.recordings.bags.bag_cameras import TopicChoice
from handos_model.recordings.camera_choice import CameraChoice
from handos_model.recordings.formats.registry import FormatName


@dataclass(frozen=True)
class AnnotationSettings:
    """Options of `handos annotate` that change the results. Paths are absolute: workers run in other folders."""

    weights: Path | None = None
    """``None``: the shipped ones."""
    backend: Backend = "auto"
    score_threshold: float | None = None
    fit_translation: bool = False
    mano: Path | None = None
    camera: CameraChoice = field(default_factory=CameraChoice)
    topics: TopicChoice = field(default_factory=TopicChoice)
    image_rate: float | None = None
    """Images per second of folders that are sequences in time."""
    formats: tuple[FormatName, ...] = ()
    task: str = ""
    with_vertices: bool = False
    is_tracked: bool = True
    operator: tuple[str, float] = ("", 1.0)
    """Whose size the metres are scaled to, and the factor; "" and 1: nobody's."""

    @property
    def weights_file(self) -> Path:
        """File of the network."""
        return self.weights or shipped_weights(self.backend)

    def manifest(self) -> dict[str, Any]:
        """What the results depend on, by option; the files behind it are read."""
        camera = self.camera.intrinsics
        return {
            "version of handos": __version__,
            "--weights": hashlib.sha256(self.weights_file.read_bytes()).hexdigest()[:16],
            "--score-threshold": self.score_threshold,
            "--fit-translation": self.fit_translation,
            "--camera": None if camera is None else [camera.fx, camera.fy, camera.cx, camera.cy],
            "--field-of-view": self.camera.field_of_view,
            "--topic": list(self.topics.images),
            "--depth-topic": list(self.topics.depths),
            "--fps": self.image_rate,
            "--format": sorted(set(self.formats) - {"jsonl"}),
            "--task": self.task if "lerobot" in self.formats else None,
            "--vertices": self.with_vertices,
            "--track": self.is_tracked,
            "--operator": list(self.operator) if self.operator[0] else None,
        }

    def load_pipeline(self) -> tuple[HandPipeline, TrackingSettings | None]:
        """The network, and how its hands are tracked; ``None``: not at all."""
        pipeline = HandPipeline.load(
            self.weights,
            self.backend,
            score_threshold=self.score_threshold,
            resolution="recommended",
            fit_translation=self.fit_translation,
            mano=self.mano,
        )
        if not self.is_tracked:
            return pipeline, None
        return pipeline.for_tracking(TrackingSettings(), self.score_threshold)
