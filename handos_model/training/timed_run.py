"""A run on a machine that is rented for minutes: it ends by the clock, and its weights can be taken at any time."""

import pickle
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from accelerate import Accelerator

from handos_model.architecture.handos import HandOS, build_model
from handos_model.architecture.presets import preset_named
from handos_model.hand.topology import HandTopology
from handos_model.training.configuration import StageConfiguration, StageName, TrainingConfiguration
from handos_model.training.decoder_stage import load_decoder, load_model, train_decoder
from handos_model.training.detector_stage import load_supervised_detector, train_detector
from handos_model.training.image_sources import AnnotatedImages, DeviceCachedImages
from handos_model.training.run import open_sources, set_up_device

_LAST_SAVE_SECONDS = 5.0
"""The last checkpoint of a stage is written within this time."""


@dataclass
class ImagesInMemory:
    """Images that every stage and every design of a run draws from, read once."""

    vertex_count: int
    device: torch.device
    loader_processes: int
    _read: dict[bytes, DeviceCachedImages] = field(default_factory=dict)

    def open(self, sources: Sequence[tuple[AnnotatedImages, float]]) -> list[tuple[DeviceCachedImages, float]]:
        """Read the images of sources that are not in memory yet."""
        return [(self._cached(images), weight) for images, weight in sources]

    def _cached(self, images: AnnotatedImages) -> DeviceCachedImages:
        # Readers pickle the paths and options that they are opened with.
        key = pickle.dumps(images)
        if key not in self._read:
            self._read[key] = DeviceCachedImages(images, self.vertex_count, self.device, self.loader_processes)
        return self._read[key]


class TimedRun:
    """Trains designs one after the other on the same images.

    Parameters
    ----------
    topology
        The mesh.
    loader_processes
        Processes that read the images.
    """

    def __init__(self, topology: HandTopology, loader_processes: int) -> None:
        self._topology = topology
        self._accelerator = Accelerator(cpu=not torch.cuda.is_available())
        set_up_device(self._accelerator.device)
        self._images = ImagesInMemory(topology.vertex_count, self._accelerator.device, loader_processes)

    @property
    def device(self) -> torch.device:
        """Where models are trained."""
        return self._accelerator.device

    def read_images(self, configuration: TrainingConfiguration, stage: StageName) -> None:
        """Read the images of a stage, for which no time is measured."""
        self._images.open(open_sources(configuration, stage, self._topology.id))

    def train(self, configuration: TrainingConfiguration, stage: StageName, state_dir: Path, end: float) -> None:
        """Train a stage from where it is in `state_dir` until `end`, a time of `time.monotonic`."""
        state_dir.mkdir(parents=True, exist_ok=True)
        sources = self._images.open(open_sources(configuration, stage, self._topology.id))
        detector_path, decoder_path = state_dir / "detector.pt", state_dir / "decoder.pt"
        minutes = max(0.0, end - _LAST_SAVE_SECONDS - time.monotonic()) / 60
        configuration = _within(configuration, stage, minutes)
        if stage == "detector":
            train_detector(configuration, sources, self._topology.vertex_count, detector_path, self._accelerator)
        else:
            train_decoder(configuration, sources, self._topology, detector_path, decoder_path, self._accelerator)


def _within(configuration: TrainingConfiguration, stage: StageName, minutes: float) -> TrainingConfiguration:
    settings = configuration.detector if stage == "detector" else configuration.decoder
    if settings is None:
        raise ValueError("the training configuration has no section detector: add it")
    # Some time has to be left for one step, or there is no checkpoint.
    timed: StageConfiguration = replace(settings, minutes=max(minutes, 1 / 60))
    return replace(configuration, detector=timed) if stage == "detector" else replace(configuration, decoder=timed)


def trained_model(configuration: TrainingConfiguration, topology: HandTopology, state_dir: Path) -> HandOS:
    """The model as far as a run has trained it: what it has no checkpoint of yet is as it started.

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint at all.
    """
    preset = preset_named(configuration.preset)
    if (state_dir / "decoder.pt").is_file():
        return load_model(preset, topology, state_dir / "decoder.pt")
    first_stage = load_supervised_detector(preset, state_dir / "detector.pt")
    model = build_model(preset, topology)
    if configuration.decoder_weights:
        load_decoder(model.decoder, preset, topology, Path(configuration.decoder_weights))
    model.detector, model.side_network = first_stage.detector, first_stage.side_network
    model.detector.freeze()
    return model.eval()
