"""A tiny ONNX file that fulfils the contract between network and runtime and has a fixed, known output.

It runs in the real ONNX Runtime, so that everything around the network is tested without trained weights. As a script
it writes the file of a network that takes no CPU time, like one that runs on a GPU:

    python test/support/fixed_answer_graph.py FILE.onnx
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from handos_model.hand.skeleton import ROOT_JOINT
from handos_model.hand.topology import HandTopology

INPUT_SIZE = 320
SLOTS = 4
HANDEDNESS_SLOPE = 3.0

Answer = dict[str, npt.NDArray[np.float32]]
"""The outputs of the graph by name: see `handos_model.architecture.contract.NetworkOutput`."""


def two_hands(topology: HandTopology) -> Answer:
    """A right hand (score 0.9) left of the image's centre, a left one (0.8) right of it, and two unused slots."""
    right = topology.mean_vertices - (topology.joint_regressor @ topology.mean_vertices)[ROOT_JOINT]
    mirrored = right * np.array([-1, 1, 1], np.float32)
    vertices = np.stack([right, mirrored, right, right]).astype(np.float32)
    joints_3d = topology.joint_regressor @ vertices
    camera = np.array([[100, 160, 500], [220, 150, 400], [0, 0, 1], [0, 0, 1]], np.float32)
    joints_2d = camera[:, None, :2] + camera[:, None, 2:] * joints_3d[..., :2]
    return {
        "scores": np.array([0.9, 0.8, 0.05, 0.0], np.float32),
        "boxes": np.concatenate([joints_2d.min(1), joints_2d.max(1)], axis=1),
        "joints_2d": joints_2d,
        "joint_spread": np.tile(np.linspace(1, 3, 21, dtype=np.float32), (SLOTS, 1)),
        "vertices": vertices,
        "joints_3d": joints_3d,
        "camera": camera,
    }


def metadata(topology_id: str, score_threshold: float = 0.5) -> dict[str, str]:
    """The metadata of every HandOS network."""
    return {
        "handos.preset": "fixed-answer",
        "handos.topology": topology_id,
        "handos.image_size": str(INPUT_SIZE),
        "handos.image_multiple": str(INPUT_SIZE),
        "handos.score_threshold": str(score_threshold),
        "handos.handedness_slope": str(HANDEDNESS_SLOPE),
    }


def write_fixed_answer_graph(
    path: Path,
    answer: Answer,
    properties: Mapping[str, str],
    input_shape: tuple[int, int, int, int] = (1, INPUT_SIZE, INPUT_SIZE, 3),
) -> Path:
    """Write the graph: it returns `answer` for every image, with all scores 0 if the image's centre is black.

    Parameters
    ----------
    path
        ONNX file to write.
    answer
        Outputs by name.
    properties
        The file's metadata_props.
    input_shape
        Shape of the uint8 input.
    """
    nodes = [
        helper.make_node("Constant", [], [f"known_{name}"], value=_tensor(values)) for name, values in answer.items()
    ]
    nodes += [helper.make_node("Identity", [f"known_{name}"], [name]) for name in answer if name != "scores"]
    if "scores" in answer:
        nodes += _scores_if_centre_is_lit(input_shape)
    graph = helper.make_graph(
        nodes,
        "fixed_answer",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, input_shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, values.shape) for name, values in answer.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(properties))
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def _scores_if_centre_is_lit(input_shape: tuple[int, int, int, int]) -> list[onnx.NodeProto]:
    centre = np.array([0, input_shape[1] // 2, input_shape[2] // 2, 0])
    constants = {"centre": centre, "behind_centre": centre + 1, "axes": np.arange(4), "one_value": np.array([1])}
    return [
        *(helper.make_node("Constant", [], [name], value=_tensor(values)) for name, values in constants.items()),
        # TensorRT accepts bytes as an input, but in no operator other than this one.
        helper.make_node("Cast", ["image"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["numbers", "centre", "behind_centre", "axes"], ["blue"]),
        helper.make_node("Cast", ["blue"], ["lit"], to=TensorProto.BOOL),
        helper.make_node("Cast", ["lit"], ["bright"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["bright", "one_value"], ["factor"]),
        helper.make_node("Mul", ["known_scores", "factor"], ["scores"]),
    ]


def _tensor(values: npt.NDArray[np.generic]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(values))


if __name__ == "__main__":
    TOPOLOGY = HandTopology.load()
    write_fixed_answer_graph(Path(sys.argv[1]), two_hands(TOPOLOGY), metadata(TOPOLOGY.id))
