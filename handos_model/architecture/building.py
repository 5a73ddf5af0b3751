"""From a preset to modules with random weights."""

from handos_model.architecture.detector import Detector
from handos_model.architecture.dfine_detector import DFineDetector
from handos_model.architecture.grounding_dino_detector import GroundingDinoDetector
from handos_model.architecture.handos import HandOS
from handos_model.architecture.presets import GroundingDinoPreset, Preset
from handos_model.hand.topology import HandTopology


def build_model(preset: Preset, topology: HandTopology) -> HandOS:
    """The whole model with random weights, to load trained ones into."""
    return HandOS(preset, topology, build_detector(preset))


def build_detector(preset: Preset) -> Detector:
    """The preset's detector with random weights."""
    if isinstance(preset.detector, GroundingDinoPreset):
        return GroundingDinoDetector.untrained(preset.detector)
    return DFineDetector(preset.detector)
