"""A training run: processes, data, stages."""

import os
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from handos_model.hand.topology import HandTopology
from handos_model.io.annotated_folder import AnnotatedFolder
from handos_model.training.configuration import StageName, TrainingConfiguration
from handos_model.training.data_sets import open_training_set
from handos_model.training.decoder_stage import train_decoder
from handos_model.training.detector_stage import train_detector
from handos_model.training.mixture import AnnotatedImages
from handos_model.training.real_photographs import RealPhotographs


def train(configuration: TrainingConfiguration, stage: StageName, state_dir: Path) -> None:
    """Train one stage; checkpoints and logs are in `state_dir`, and a run that was interrupted there goes on.

    Processes of one thread each average their gradients: on two busy cores two threads of one process wait for each
    other most of the time.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as meeting_place:
        mp.spawn(  # type: ignore[attr-defined, no-untyped-call]
            _train_process,
            (configuration, stage, state_dir, f"file://{meeting_place}/ranks"),
            nprocs=configuration.processes,
        )


def _train_process(
    rank: int, configuration: TrainingConfiguration, stage: StageName, state_dir: Path, meeting_place: str
) -> None:
    torch.set_num_threads(1)
    _keep_to_one_core(rank, configuration.processes)
    # Denormal numbers, common in young networks, are ten times slower than zero.
    torch.set_flush_denormal(True)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    if configuration.processes > 1:
        dist.init_process_group("gloo", init_method=meeting_place, rank=rank, world_size=configuration.processes)
    topology = HandTopology.load()
    sources = open_sources(configuration, stage, topology.id)
    if stage == "detector":
        train_detector(configuration, sources, topology.vertex_count, state_dir / "detector.pt")
    else:
        train_decoder(configuration, sources, topology, state_dir / "detector.pt", state_dir / "decoder.pt")
    if dist.is_initialized():
        dist.destroy_process_group()


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
    share = getattr(configuration, stage).photographs
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
