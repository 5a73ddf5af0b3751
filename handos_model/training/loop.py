"""The training loop that both stages share: devices, schedule, averaging of weights, log and checkpoints."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from handos_model.io.frame import ImageArray
from handos_model.io.overlay_files import write_image
from handos_model.training.checkpoint import load_checkpoint, save_checkpoint
from handos_model.training.configuration import StageConfiguration
from handos_model.training.recorded_step import RecordedStep
from handos_model.training.sample import Batch

DrawBatch = Callable[[int, tuple[int, int, int]], Batch]
"""From the side of the images in pixels and a seed; on the device that trains."""


class Supervised(nn.Module):
    """What a stage trains: the part of the model that learns, and what it learns from."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """By name; their sum is minimised."""
        raise NotImplementedError

    def picture_of(self, batch: Batch) -> ImageArray:
        """Samples beside what is predicted for them."""
        raise NotImplementedError


def learning_rate_factor(step: int, stage: StageConfiguration) -> float:
    """Linear warm-up, constant, then linear cool-down to zero: a run can be prolonged before it cools down."""
    warmup = (step + 1) / stage.warmup_steps
    remaining = (stage.steps - step) / max(1.0, stage.cooldown * stage.steps)
    return min(1.0, warmup, remaining)


class TrainingLoop:
    """Trains `module` in place and keeps an exponential moving average of its weights.

    Every random draw is seeded by (seed, process, step), so a resumed run sees the samples that an uninterrupted one
    would have seen. Processes and devices are accelerate's; gradients are averaged here in one flat sum instead of by
    its data-parallel wrapper, which on CPUs costs more than the small model's step can hide, and which has to search
    the graph for the heads that a batch without hands leaves unused.

    Parameters
    ----------
    module
        Everything that is trained in this stage; parameters that do not require gradients are left alone.
    stage
        Steps, batch size, learning rate.
    checkpoint
        File to resume from where it exists, and to write to; log and pictures are laid beside it.
    seed
        Of the samples.
    accelerator
        Device and the other processes.
    pretrained
        The part of `module` that learns at the stage's `pretrained_rate`.
    record_steps
        Whether a step's kernels are launched as one CUDA graph.
    """

    def __init__(
        self,
        module: Supervised,
        stage: StageConfiguration,
        checkpoint: Path,
        seed: int,
        accelerator: Accelerator,
        pretrained: nn.Module | None = None,
        record_steps: bool = False,
    ) -> None:
        self._module, self._stage, self._checkpoint, self._seed = module, stage, checkpoint, seed
        self._accelerator = accelerator
        module.train()
        module.to(accelerator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.AdamW(_parameter_groups(self._trained, stage, pretrained), fused=True)
        self._gradients_of = (
            RecordedStep(self._compute_gradients, self._forget_gradients) if record_steps else self._compute_gradients
        )
        self._current = _changing_state(module)
        self._average = {name: value.clone() for name, value in self._current.items()}
        self.step = 0
        if checkpoint.is_file():
            self._resume(load_checkpoint(checkpoint))

    def run(self, draw_batch: DrawBatch, checkpoint_minutes: float) -> None:
        """Train from the current step to the stage's last one."""
        saved, totals = time.monotonic(), dict[str, Tensor | float]()
        process = self._accelerator.process_index
        with self._progress() as progress, self._open_board() as board:
            while self.step < self._stage.steps:
                batch = draw_batch(self._stage.image_size_at(self.step), (self._seed, process, self.step))
                torch.manual_seed(_random_seed(self._seed, process, self.step))
                for name, value in self._take_step(batch).items():
                    totals[name] = totals.get(name, 0.0) + value / self._stage.log_steps
                self.step += 1
                progress.update()
                if self.step % self._stage.log_steps == 0:
                    means = {name: float(value) for name, value in totals.items()}
                    progress.set_postfix({name: f"{value:.3f}" for name, value in means.items()})
                    self._log(means, board)
                    totals = {}
                if self.step % self._stage.picture_steps == 0:
                    self._draw_picture(batch)
                if time.monotonic() - saved > 60 * checkpoint_minutes:
                    self._save()
                    saved = time.monotonic()
        self._save()

    def _take_step(self, batch: Batch) -> dict[str, Tensor]:
        """Losses and the gradients' norm stay on the device: to read them the host would have to wait for it."""
        factor = learning_rate_factor(self.step, self._stage)
        for group in self._optimizer.param_groups:
            group["lr"] = factor * group["initial_lr"]
        self._forget_gradients()
        losses = self._gradients_of(batch)
        self._average_gradients()
        norm = nn.utils.clip_grad_norm_(self._trained, self._stage.gradient_norm)
        # Where torch's gradient scaler would tell the optimiser to leave out a step.
        self._optimizer.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
        self._optimizer.step()
        self._update_average()
        return losses | {"norm": norm}

    def _forget_gradients(self) -> None:
        self._optimizer.zero_grad(set_to_none=False)

    def _compute_gradients(self, batch: Batch) -> dict[str, Tensor]:
        losses = self._module.losses(batch)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        return {name: loss.detach() for name, loss in losses.items()}

    def _average_gradients(self) -> None:
        if self._accelerator.num_processes == 1:
            return
        gradients = [
            torch.zeros_like(parameter) if parameter.grad is None else parameter.grad for parameter in self._trained
        ]
        flat = self._accelerator.reduce(torch.cat([gradient.flatten() for gradient in gradients]), "mean")
        for parameter, part in zip(self._trained, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            parameter.grad = part.view_as(parameter)

    @torch.no_grad()
    def _update_average(self) -> None:
        # A young average follows the weights faster, or it would remember the random initialisation.
        decay = min(self._stage.ema_decay, (1 + self.step) / (10 + self.step))
        current = [self._current[name] for name in self._average]
        torch._foreach_lerp_(list(self._average.values()), current, 1 - decay)

    def _progress(self) -> "tqdm[Any]":
        return tqdm(
            total=self._stage.steps,
            initial=self.step,
            desc=self._checkpoint.stem,
            disable=not self._accelerator.is_main_process,
            mininterval=5,
        )

    @contextmanager
    def _open_board(self) -> Iterator[SummaryWriter | None]:
        """TensorBoard's log; steps that a resumed run takes again are overwritten in it."""
        if not self._accelerator.is_main_process:
            yield None
            return
        with SummaryWriter(str(self._checkpoint.parent / "tensorboard"), purge_step=self.step) as board:
            yield board

    def _log(self, losses: dict[str, float], board: SummaryWriter | None) -> None:
        if board is None:
            return
        for name, value in losses.items():
            board.add_scalar(f"{self._checkpoint.stem}/{name}", value, self.step)
        with self._checkpoint.with_suffix(".jsonl").open("a") as log:
            rounded = {name: round(value, 5) for name, value in losses.items()}
            log.write(json.dumps({"step": self.step, "time": round(time.time(), 1)} | rounded) + "\n")

    def _draw_picture(self, batch: Batch) -> None:
        if self._accelerator.is_main_process:
            folder = self._checkpoint.parent / f"{self._checkpoint.stem}_pictures"
            folder.mkdir(exist_ok=True)
            write_image(folder / f"{self.step:06d}.png", self._module.picture_of(batch))

    def _save(self) -> None:
        if self._accelerator.is_main_process:
            module = self._module.state_dict()
            # What does not change is the same tensor in both, and stored once.
            state = {"module": module, "average": module | self._average}
            save_checkpoint(self._checkpoint, state | {"optimizer": self._optimizer.state_dict(), "step": self.step})

    def _resume(self, state: dict[str, Any]) -> None:
        self._module.load_state_dict(state["module"])
        for name, value in self._average.items():
            value.copy_(state["average"][name])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = int(state["step"])


def _random_seed(*numbers: int) -> int:
    """For what the model draws in a step; another sequence than that of the samples."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _changing_state(module: nn.Module) -> dict[str, Tensor]:
    """Weights that are trained and statistics that are gathered, by all their names in the state dict, in place."""
    named = module.named_parameters(remove_duplicate=False)
    learning = {name for name, parameter in named if parameter.requires_grad}
    gathered = {
        f"{path}.{name}"
        for path, part in module.named_modules()
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.training
        for name in ("running_mean", "running_var")
    }
    return {name: value for name, value in module.state_dict().items() if name in learning | gathered}


def _parameter_groups(
    trained: list[nn.Parameter], stage: StageConfiguration, pretrained: nn.Module | None
) -> list[dict[str, Any]]:
    """Matrices decay, vectors do not; pretrained weights learn at a rate of their own."""
    known = set() if pretrained is None else {id(parameter) for parameter in pretrained.parameters()}
    groups = []
    for is_known, rate in ((False, stage.learning_rate), (True, stage.learning_rate * stage.pretrained_rate)):
        for is_matrix, decay in ((True, stage.weight_decay), (False, 0.0)):
            chosen = [p for p in trained if (id(p) in known) == is_known and (p.ndim > 1) == is_matrix]
            if chosen:
                groups.append({"params": chosen, "lr": rate, "initial_lr": rate, "weight_decay": decay})
    return groups
