"""A training run: processes, data, stages."""

import os
import socket
from pathlib import Path

import torch
import torch.multiprocessing as mp
from accelerate import Accelerator

from handos_model.architecture.presets import GroundingDinoPreset, preset_named
from handos_model.hand.mano import read_mano
from handos_model.hand.topology import HandTopology
from handos_model.io.annotated_folder import AnnotatedFolder
from handos_model.training.configuration import StageName, TrainingConfiguration
from handos_model.training.data_sets import open_training_set
from handos_model.training.decoder_stage import train_decoder
from handos_model.training.detector_stage import train_detector
from handos_model.training.image_sources import AnnotatedImages
from handos_model.training.real_photographs import RealPhotographs


def train(configuration: TrainingConfiguration, stage: StageName, state_dir: Path) -> None:
    """Train one stage; checkpoints and logs are in `state_dir`, and a run that was interrupted there goes on.

    On CPUs every process has one thread: on two busy cores two threads of one process wait for each other most of the
    time.

    Raises
    ------
    ValueError
        If steps are to be recorded and cannot be.
    """
    if configuration.record_steps:
        _check_recordable(configuration.preset)
    state_dir.mkdir(parents=True, exist_ok=True)
    mp.spawn(  # type: ignore[attr-defined, no-untyped-call]
        _train_process, (configuration, stage, state_dir, _free_port()), nprocs=configuration.processes
    )


def _check_recordable(preset: str) -> None:
    remedy = "set it to false in the training configuration"
    if isinstance(preset_named(preset).detector, GroundingDinoPreset):
        raise ValueError(
            f"record_steps is true, but the published detector of preset {preset!r} sends numbers to the GPU in every "
            f"step: {remedy}"
        )
    if not torch.cuda.is_available():
        raise ValueError(f"record_steps is true and no CUDA GPU is found: {remedy}")


def _train_process(
    rank: int, configuration: TrainingConfiguration, stage: StageName, state_dir: Path, port: int
) -> None:
    accelerator = _join_processes(rank, port, configuration.processes)
    torch.set_num_threads(1)
    if accelerator.device.type == "cpu":
        _keep_to_one_core(rank, configuration.processes)
    else:
        # Products keep ten bits of their factors. cuDNN is not let search for its fastest algorithms: that takes long
        # at every new size, and a step waits for the host anyway.
        torch.set_float32_matmul_precision("high")
    # Denormal numbers, common in young networks, are ten times slower than zero.
    torch.set_flush_denormal(True)
    topology = HandTopology.load() if configuration.mano is None else read_mano(Path(configuration.mano))
    sources = open_sources(configuration, stage, topology.id)
    if stage == "detector":
        train_detector(configuration, sources, topology.vertex_count, state_dir / "detector.pt", accelerator)
    else:
        paths = state_dir / "detector.pt", state_dir / "decoder.pt"
        train_decoder(configuration, sources, topology, *paths, accelerator)
    accelerator.end_training()


def _join_processes(rank: int, port: int, count: int) -> Accelerator:
    """Tell accelerate, in the variables that it reads, which of the processes on this machine this is."""
    if count > 1:
        os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(count), LOCAL_WORLD_SIZE=str(count))
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    return Accelerator(cpu=not torch.cuda.is_available())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _keep_to_one_core(rank: int, processes: int) -> None:
    """On a busy machine the scheduler puts processes that wait for each other on one core, and leaves them there."""
    cores = sorted(os.sched_getaffinity(0))
    if processes <= len(cores):
        os.sched_setaffinity(0, {cores[rank]})


def open_sources(
    configuration: TrainingConfiguration, stage: StageName, topology_id: str
) -> list[tuple[AnnotatedImages, float]]:
    """Rendered images, photographs and data sets with their shares; a source with share 0 need not exist.

    Raises
    ------
    ValueError
        If nothing is left to train on, or a data set is not known.
    """
    settings = configuration.detector if stage == "detector" else configuration.decoder
    share = 0.0 if settings is None else settings.photographs
    sources: list[tuple[AnnotatedImages, float]] = []
    if configuration.rendered is not None and share < 1:
        sources.append((AnnotatedFolder(Path(configuration.rendered)), 1 - share))
    if configuration.photographs is not None and share > 0:
        held_back = frozenset(configuration.held_back_sources)
        sources.append((RealPhotographs(Path(configuration.photographs), held_back, validation=False), share))
    for entry in configuration.data_sets:
        images = open_training_set(entry.name, Path(entry.folder), topology_id)
        if stage == "decoder" or images.annotates_every_hand:
            sources.append((images, entry.weight))
    if not sources:
        raise ValueError(f"the {stage} has nothing to train on: name rendered, photographs or data_sets")
    return sources
