"""What a training step takes on one CPU core: in single precision and in bf16, from scratch and gently.

    python benchmarks/training_step.py --frames DIR --out benchmarks/training_step.json

A round takes one step of each kind; medians over all rounds are of processor time, so that other programs count less.
"""

import argparse
import json
import statistics
import time
from dataclasses import asdict
from pathlib import Path
from typing import Final

import torch

from handos_model.architecture.input_size import InputSize
from handos_model.architecture.presets import EDGE
from handos_model.datasets.annotated_folder import AnnotatedFolder
from handos_model.evaluation.latency import machine
from handos_model.files.atomic_write import atomic_write
from handos_model.finetuning.recipe import START
from handos_model.hand.topology import HandTopology
from handos_model.training.batch import Batch
from handos_model.training.decoder_stage import SupervisedDecoder, load_decoder
from handos_model.training.detector_stage import load_supervised_detector
from handos_model.training.image_sources import OnDemandImages
from handos_model.training.loop import SupervisedModule
from handos_model.training.mixture import Mixture
from handos_model.training.run import set_up_device
from handos_model.training.views import ViewRange

VIEWS: Final = 8
SIZE: Final = InputSize(384, 384)
WARM_UP: Final = 1


def main() -> None:
    """Time both stages and print milliseconds per step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=Path, required=True, help="folder written by `handos synth`")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--out", type=Path, help="also write the results here")
    arguments = parser.parse_args()
    set_up_device(torch.device("cpu"))
    frames = OnDemandImages(AnnotatedFolder(arguments.frames), HandTopology.load().vertex_count, torch.device("cpu"))
    mixture = Mixture([(frames, 1.0)], ViewRange(smallest_hand=0.09, smallest_image=0.5), torch.device("cpu"))
    modules = {
        f"{stage}, {'gently' if gentle else 'not gently'}, {'bf16' if bf16 else 'single precision'}": make(gentle, bf16)
        for stage, make in (("detector", detector), ("decoder", decoder))
        for gentle in (False, True)
        for bf16 in (False, True)
    }
    seconds: dict[str, list[float]] = {name: [] for name in modules}
    drawing = []
    for number in range(WARM_UP + arguments.rounds):
        started = time.process_time()
        batch = mixture.draw(VIEWS, SIZE, (0, number))
        drawing.append(time.process_time() - started)
        for name, module in modules.items():
            seconds[name].append(step(module, batch))
    timed = {"drawing the views": drawing, **seconds}
    medians = {name: round(1e3 * statistics.median(each[WARM_UP:]), 1) for name, each in timed.items()}
    for name, milliseconds in medians.items():
        print(f"{milliseconds:7.0f} ms  {name}")
    if arguments.out:
        with atomic_write(arguments.out) as temporary:
            report = {"views": VIEWS, "size": asdict(SIZE), "rounds": arguments.rounds, "milliseconds": medians}
            temporary.write_text(json.dumps({"machine": machine()} | report, indent=1) + "\n")


def detector(gentle: bool, bf16: bool) -> SupervisedModule:
    """The first stage from the shipped weights."""
    module = load_supervised_detector(EDGE, START, gentle)
    module.freeze_pretrained()
    if bf16:
        module.detector.compute_in_bf16()
    return in_training(module)


def decoder(gentle: bool, bf16: bool) -> SupervisedModule:
    """The second stage from the shipped weights."""
    topology, first_stage = HandTopology.load(), load_supervised_detector(EDGE, START, gentle)
    module = SupervisedDecoder(EDGE, topology, first_stage.detector, decoded_queries=2, gentle=gentle)
    module.model.side_network = first_stage.side_network
    load_decoder(module.model.decoder, EDGE, topology, START)
    if bf16:
        module.model.compute_in_bf16()
    return in_training(module)


def in_training(module: SupervisedModule) -> SupervisedModule:
    """As the training loop prepares it."""
    module.train()
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def step(module: SupervisedModule, batch: Batch) -> float:
    """Seconds of processor time of losses and gradients."""
    started = time.process_time()
    module.zero_grad(set_to_none=False)
    torch.stack(list(module.losses(batch).values())).sum().backward()  # type: ignore[no-untyped-call]
    return time.process_time() - started


if __name__ == "__main__":
    main()
