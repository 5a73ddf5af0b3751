"""`HandPipeline`: from an image to its hands."""

from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from handos_model.architecture.contract import TRAINED_WEIGHTS_SUFFIX, Resolution, RunChoices, WeightsError
from handos_model.geometry.arrays import ImageArray
from handos_model.geometry.intrinsics import CameraIntrinsics
from handos_model.hand.hand import Hand
from handos_model.hand.mano import read_mano
from handos_model.hand.mano_conventions import MANO_TOPOLOGY_ID
from handos_model.hand.topology import HandTopology
from handos_model.inference.backends.engine import Engine
from handos_model.inference.backends.selection import Backend, load_engine, runs_trained_weights
from handos_model.inference.postprocessing import Postprocessor
from handos_model.inference.preprocessing import letterbox
from handos_model.inference.tracking import ScoreThresholds, TrackingSettings

DEFAULT_WEIGHTS: Final[Path] = Path(__file__).parents[1] / "weights" / "handos_edge.onnx"


class HandPipeline:
    """Estimates the hands of an image: letterbox, network, postprocessing.

    May be called from any thread, but not from several at once.

    Parameters
    ----------
    engine
        The network.
    score_threshold
        Minimum score of a hand, 0..1; ``None`` uses the threshold stored in the weights.
    max_hands
        Maximum number of hands, best first; ``None`` keeps all that the network has slots for.
    fit_translation
        Place hands by a closed-form fit to all of their joints, weighted by their certainty, instead of the camera
        head's output: see `geometry.translation_fit`.
    topology
        Topology of the network's vertices; ``None`` uses the shipped one.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        score_threshold: float | None = None,
        max_hands: int | None = None,
        fit_translation: bool = False,
        topology: HandTopology | None = None,
    ) -> None:
        properties = engine.properties
        if score_threshold is not None and not 0 <= score_threshold <= 1:
            raise ValueError(f"score_threshold must lie in 0..1, got {score_threshold}")
        if max_hands is not None and max_hands < 1:
            raise ValueError(f"max_hands must be at least 1, got {max_hands}; leave it out for no limit")
        self.engine = engine
        self.topology = HandTopology.load() if topology is None else topology
        _require_topology(self.topology, properties.topology_id)
        self._postprocess = Postprocessor(
            topology=self.topology,
            handedness_slope=properties.handedness_slope,
            score_threshold=properties.score_threshold if score_threshold is None else score_threshold,
            max_hands=max_hands,
            fit_translation=fit_translation,
            backend=engine.description,
        )

    @classmethod
    def load(
        cls,
        weights: Path | str | None = None,
        backend: Backend = "auto",
        *,
        score_threshold: float | None = None,
        max_hands: int | None = None,
        resolution: Resolution = None,
        fit_translation: bool = False,
        mano: Path | None = None,
    ) -> "HandPipeline":
        """Load a network and create its pipeline.

        Parameters
        ----------
        weights
            ONNX file, or for the torch backends a safetensors file; ``None`` uses the shipped network.
        backend
            Runs the network; "auto" selects the fastest that works on this machine. A named backend never falls back
            to another.
        score_threshold, max_hands, fit_translation
            As for the class; a network that decodes as many hands as it finds decodes no more than `max_hands`.
        resolution
            Side in pixels of a square with as many pixels as the network's inputs: small hands need a larger one,
            which takes more time. ``None``: as the weights recommend, on GPUs up to 640; "recommended": as the weights
            recommend everywhere. Only weights that were trained on several sizes leave a choice.
        mano
            MANO_RIGHT.pkl, for users with MANO's licence: needed by weights that were trained on its mesh.

        Raises
        ------
        FileNotFoundError, ValueError
            If the weights, MANO_RIGHT.pkl or another argument cannot be used; `WeightsError` is a ValueError.
        BackendError
            If the backend cannot run on this machine.
        """
        topology = None if mano is None else read_mano(mano)
        if max_hands is not None and max_hands < 1:
            raise ValueError(f"max_hands must be at least 1, got {max_hands}; leave it out for no limit")
        choices = RunChoices(resolution, max_hands)
        engine = load_engine(shipped_weights(backend) if weights is None else Path(weights), backend, choices)
        return cls(
            engine,
            score_threshold=score_threshold,
            max_hands=max_hands,
            fit_translation=fit_translation,
            topology=topology,
        )

    def for_tracking(
        self,
        settings: TrackingSettings,
        score_threshold: float | None = None,
        *,
        keep_threshold: float | None = None,
        max_hands: int | None = None,
    ) -> tuple["HandPipeline", TrackingSettings]:
        """A pipeline that also returns weak hands, and settings with which a `HandTracker` uses them.

        Parameters
        ----------
        settings
            Other settings of the tracker.
        score_threshold
            Minimum score of a new hand; ``None``: somewhat above what the weights recommend for single images.
        keep_threshold
            Minimum score of a hand that is tracked already; ``None``: somewhat below that of a new one.
        max_hands
            As for the class; ``None``: as this pipeline.
        """
        recommended = self.engine.properties.score_threshold
        thresholds = ScoreThresholds.around(recommended, birth=score_threshold, keep=keep_threshold)
        pipeline = copy(self)
        max_hands = self._postprocess.max_hands if max_hands is None else max_hands
        pipeline._postprocess = replace(self._postprocess, score_threshold=thresholds.keep, max_hands=max_hands)
        return pipeline, replace(settings, birth_score=thresholds.birth)

    @property
    def score_threshold(self) -> float:
        """Minimum score of a hand."""
        return self._postprocess.score_threshold

    def with_engine(self, engine: Engine) -> "HandPipeline":
        """The same with another engine of the same network."""
        pipeline = copy(self)
        pipeline.engine = engine
        return pipeline

    def __call__(self, image: ImageArray, camera: CameraIntrinsics | None = None) -> tuple[Hand, ...]:
        """Find the hands.

        Parameters
        ----------
        image
            (H, W, 3) BGR uint8.
        camera
            Intrinsics of this image; without them the hands have pixels but no metres.

        Returns
        -------
        tuple of Hand
            Best score first.
        """
        _require_bgr(image)
        height, width = image.shape[:2]
        network_input, geometry = letterbox(image, self.engine.properties.input_sizes.for_image(width, height))
        return self._postprocess(self.engine(network_input), geometry, camera)


def shipped_weights(backend: Backend = "auto") -> Path:
    """Path of the file that is part of this package: an ONNX file, or what the torch backends run.

    Raises
    ------
    FileNotFoundError
        If it is missing.
    """
    path = DEFAULT_WEIGHTS.with_suffix(TRAINED_WEIGHTS_SUFFIX) if runs_trained_weights(backend) else DEFAULT_WEIGHTS
    if not path.is_file():
        raise FileNotFoundError(
            f"the shipped weights {path} do not exist: reinstall the package, or pass other weights"
        )
    return path


def _require_topology(topology: HandTopology, topology_id: str) -> None:
    if topology.id == topology_id:
        return
    if topology_id == MANO_TOPOLOGY_ID:
        raise WeightsError(
            "the weights were trained on MANO's mesh, which its licence keeps out of this package: pass your "
            "MANO_RIGHT.pkl (mano=..., --mano)"
        )
    if topology.id == MANO_TOPOLOGY_ID:
        raise WeightsError(
            f"MANO_RIGHT.pkl was given, but the weights were trained on the hand mesh {topology_id!r}: leave mano out, "
            "or use weights that were trained on MANO's mesh"
        )
    raise WeightsError(
        f"the weights were trained on the hand mesh {topology_id!r}, but this version uses {topology.id!r}: install "
        "the version that the weights were made for, or export them again with `handos export`"
    )


def _require_bgr(image: ImageArray) -> None:
    if not isinstance(image, np.ndarray):
        raise TypeError(f"image must be a numpy array (H, W, 3) of BGR uint8, got {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(
            f"image must be (H, W, 3) BGR uint8 and not empty, got {image.shape} {image.dtype}: convert it with "
            "cv2.cvtColor, and scale 0..1 floats to 0..255"
        )
