"""From a preset to modules with random weights."""

from handos_model.architecture.detector import Detector
from handos_model.architecture.dfine_detector import DFineDetector
from handos_model.architecture.grounding_dino_detector import GroundingDinoDetector
from handos_model.architecture.handos import HandOS
from handos_model.architecture.presets import GroundingDinoPreset, Preset
from handos_model.hand.topology import HandTopology


def build_model(preset: Preset, topology: HandTopology, image_size: int) -> HandOS:
    """The whole model with random weights, to load trained ones into."""
    return HandOS(preset, topology, build_detector(preset, image_size))


def build_detector(preset: Preset, image_size: int) -> Detector:
    """The preset's detector with random weights.

    Raises
    ------
    ValueError
        If its maps do not fit into images of this size.
    """
    detector: Detector
    if isinstance(preset.detector, GroundingDinoPreset):
        detector = GroundingDinoDetector.untrained(preset.detector)
    else:
        detector = DFineDetector(preset.detector, image_size)
    if image_size % detector.input_multiple:
        raise ValueError(
            f"image size {image_size} does not suit preset {preset.name!r}: choose a multiple of "
            f"{detector.input_multiple}"
        )
    return detector
