"""A training run: its processes, data and stages."""

import os
import socket
import sys
import threading
import warnings
from pathlib import Path

import torch
from accelerate import Accelerator
from tqdm import tqdm

from handos_model.architecture.presets import GroundingDinoPreset, preset_named
from handos_model.datasets.annotated_folder import AnnotatedFolder
from handos_model.datasets.boxed_photographs import BoxedPhotographs
from handos_model.datasets.photographs import Photographs
from handos_model.datasets.training_splits import open_training_split
from handos_model.hand.mano import read_mano
from handos_model.hand.topology import HandTopology
from handos_model.training.configuration import StageName, TrainingConfiguration
from handos_model.training.decoder_stage import train_decoder
from handos_model.training.detector_stage import train_detector
from handos_model.training.image_sources import AnnotatedImages
from handos_model.training.processes import run_together


def train(configuration: TrainingConfiguration, stage: StageName, state_dir: Path) -> None:
    """Train one stage; checkpoints and logs go to `state_dir`, and a run that was interrupted there is resumed.

    Call it in the main thread, and keep other runs out of the folder: see `state_folder.claim_state`.

    Raises
    ------
    ValueError
        If the configuration or the data cannot be used, as one of the processes has found out.
    ChildProcessError
        If one of the processes was killed.
    """
    require_data(configuration, stage)
    state_dir.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    try:
        run_together(
            _train_stage, [(rank, configuration, stage, state_dir, port) for rank in range(configuration.processes)]
        )
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the process that drew the progress bar could not end its line
        raise


def require_data(configuration: TrainingConfiguration, stage: StageName) -> None:
    """Tell what is missing for a stage before anything is started or written.

    Raises
    ------
    OSError, ValueError
        If the configuration or the data cannot be used.
    """
    if configuration.cuda_graph:
        _require_cuda_graph_support(configuration.preset)
    _open_data(configuration, stage)


def _require_cuda_graph_support(preset: str) -> None:
    remedy = "set it to false in the training configuration"
    if isinstance(preset_named(preset).detector, GroundingDinoPreset):
        raise ValueError(
            f"cuda_graph is true, but the published detector of preset {preset!r} copies values to the GPU at every "
            f"step: {remedy}"
        )
    if not torch.cuda.is_available():
        raise ValueError(f"cuda_graph is true, but no CUDA GPU was found: {remedy}")


def _train_stage(rank: int, configuration: TrainingConfiguration, stage: StageName, state_dir: Path, port: int) -> None:
    """What one of the processes does."""
    # cuDNN's and oneDNN's gradients lie otherwise in memory than weights whose channels come last, which does no harm.
    warnings.filterwarnings("ignore", "grad and param do not obey the gradient layout contract", UserWarning)
    tqdm.set_lock(threading.RLock())  # its own is for several processes, and is left behind when this one is killed
    accelerator = _join_processes(rank, port, configuration.processes)
    set_up_device(accelerator.device)
    if accelerator.device.type == "cpu":
        _pin_to_core(rank, configuration.processes)
    topology, sources = _open_data(configuration, stage)
    if stage == "detector":
        train_detector(configuration, sources, topology.vertex_count, state_dir / "detector.pt", accelerator)
    else:
        paths = state_dir / "detector.pt", state_dir / "decoder.pt"
        train_decoder(configuration, sources, topology, *paths, accelerator)
    accelerator.end_training()


def set_up_device(device: torch.device) -> None:
    """Choose threads and precision of this process for training."""
    # Two threads of one process on two busy cores spend most of their time waiting for each other.
    torch.set_num_threads(1)
    if device.type != "cpu":
        # TF32. cuDNN's benchmark mode stays off: it takes longer at every new size than it saves.
        torch.set_float32_matmul_precision("high")
    # Denormal numbers, common early in training, are ten times slower than zero.
    torch.set_flush_denormal(True)


def _open_data(
    configuration: TrainingConfiguration, stage: StageName
) -> tuple[HandTopology, list[tuple[AnnotatedImages, float]]]:
    topology = HandTopology.load() if configuration.mano is None else read_mano(Path(configuration.mano))
    return topology, open_sources(configuration, stage, topology.id)


def _join_processes(rank: int, port: int, count: int) -> Accelerator:
    """Set the environment variables by which accelerate finds the other processes on this machine."""
    if count > 1:
        os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(count), LOCAL_WORLD_SIZE=str(count))
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # what accelerate would choose, with a warning
    return Accelerator(cpu=not torch.cuda.is_available())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _pin_to_core(rank: int, processes: int) -> None:
    """Pin this process to a core: on a busy machine, processes that wait for each other may end up on the same one."""
    cores = sorted(os.sched_getaffinity(0))
    if processes <= len(cores):
        os.sched_setaffinity(0, {cores[rank]})


def open_sources(
    configuration: TrainingConfiguration, stage: StageName, topology_id: str
) -> list[tuple[AnnotatedImages, float]]:
    """Rendered images, photographs and data sets with their weights; a source with weight 0 need not exist.

    Raises
    ------
    ValueError
        If there is nothing to train on, or a data set is unknown.
    """
    settings = configuration.detector if stage == "detector" else configuration.decoder
    photograph_fraction = 0.0 if settings is None else settings.photograph_fraction
    own_fraction = 0.0 if settings is None else settings.own_fraction
    box_fraction = 0.0 if settings is None else settings.box_fraction
    held_out = configuration.held_out_sources
    sources: list[tuple[AnnotatedImages, float]] = []
    rendered_fraction = 1 - photograph_fraction - box_fraction - own_fraction
    if configuration.rendered is not None and rendered_fraction > 0:
        rendered = AnnotatedFolder(Path(configuration.rendered), configuration.rendered_frames)
        sources.append((rendered, rendered_fraction))
    if configuration.own_images is not None and own_fraction > 0:
        sources.append((AnnotatedFolder(Path(configuration.own_images)), own_fraction))
    if configuration.photographs is not None and photograph_fraction > 0:
        folder = Path(configuration.photographs)
        photographs = Photographs(
            folder / "images",
            folder / "labels.json",
            without=held_out,
            reliable=True,
            convention=configuration.photograph_joints,
        )
        sources.append((photographs, photograph_fraction))
    if configuration.boxes is not None and box_fraction > 0:
        sources.append((BoxedPhotographs(Path(configuration.boxes), without=held_out), box_fraction))
    for entry in configuration.datasets:
        images = open_training_split(entry.name, Path(entry.folder), topology_id)
        if stage == "decoder" or images.annotates_every_hand:
            sources.append((images, entry.weight))
    if not sources:
        named = "rendered, photographs, boxes, own_images or datasets"
        raise ValueError(f"the {stage} has nothing to train on: name {named}")
    return sources
