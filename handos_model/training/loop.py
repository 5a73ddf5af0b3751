"""The training loop of both stages: devices, schedule, moving average of the weights, log and checkpoints."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from handos_model.architecture.input_size import InputSize
from handos_model.files.images import write_image
from handos_model.geometry.arrays import ImageArray
from handos_model.training.batch import Batch
from handos_model.training.checkpoint import load_checkpoint, save_checkpoint
from handos_model.training.configuration import StageConfiguration
from handos_model.training.cuda_graph_step import CudaGraphStep

DrawBatch = Callable[[int, InputSize, tuple[int, int, int]], Batch]
"""Draws a batch on the training device, given the number of views, their size and a seed."""


class SupervisedModule(nn.Module):
    """What a stage trains: a part of the model together with its losses."""

    def __init__(self, gentle: bool = False) -> None:
        """Create the module; `gentle` as in `StageConfiguration`."""
        super().__init__()
        self._gentle = gentle

    def train(self, mode: bool = True) -> "SupervisedModule":
        """Set the mode; gently trained, batch normalisation goes on with its statistics."""
        super().train(mode)
        for module in self.modules():
            if self._gentle and isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Losses by name; their sum is minimised."""
        raise NotImplementedError

    def draw_samples(self, batch: Batch) -> ImageArray:
        """A sample sheet: annotations beside predictions."""
        raise NotImplementedError


def learning_rate_factor(step: int, done: float, stage: StageConfiguration) -> float:
    """Linear warm-up, constant, then linear cool-down to zero; runs can be extended before the cool-down."""
    warmup = (step + 1) / stage.warmup_steps
    remaining = (1 - done) * stage.steps / max(1.0, stage.cooldown * stage.steps)
    return min(1.0, warmup, remaining)


class TrainingLoop:
    """Trains `module` in place and keeps an exponential moving average of its weights.

    Every random draw is seeded by (seed, process, step), so a resumed run sees the samples that an uninterrupted one
    would have seen. accelerate provides processes and devices. Gradients are averaged here, in one flat tensor:
    accelerate's data-parallel wrapper is slower on CPUs, and searches the graph of every batch for unused heads.

    Parameters
    ----------
    module
        Everything that is trained in this stage; parameters that do not require gradients stay as they are.
    stage
        Steps, batch size, learning rate.
    checkpoint
        File to resume from if it exists, and to write to; the log and sample sheets are written beside it.
    seed
        Of the samples.
    accelerator
        Device and the other processes.
    pretrained
        The part of `module` that is trained at the stage's `pretrained_rate`.
    cuda_graph
        Whether to launch the kernels of a step as one CUDA graph.
    """

    def __init__(
        self,
        module: SupervisedModule,
        stage: StageConfiguration,
        checkpoint: Path,
        seed: int,
        accelerator: Accelerator,
        pretrained: nn.Module | None = None,
        cuda_graph: bool = False,
    ) -> None:
        self._module, self._stage, self._checkpoint, self._seed = module, stage, checkpoint, seed
        self._accelerator = accelerator
        module.train()
        module.to(accelerator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.AdamW(_parameter_groups(self._trained, stage, pretrained), fused=True)
        self._compute_gradients = CudaGraphStep(self._backward, self._zero_gradients) if cuda_graph else self._backward
        self._current = _averaged_state(module)
        self._average = {name: value.clone() for name, value in self._current.items()}
        self.step = 0
        self._seconds, self._started = 0.0, time.monotonic()
        if checkpoint.is_file():
            self._resume(load_checkpoint(checkpoint))

    def run(self, draw_batch: DrawBatch, checkpoint_minutes: float) -> None:
        """Train from the current step to the end of the stage."""
        saved, totals = time.monotonic(), dict[str, Tensor | float]()
        self._started = saved
        process = self._accelerator.process_index
        with self._progress() as progress, self._open_tensorboard() as board:
            while (done := self._done()) < 1:
                # All processes draw the same size, because they wait for each other.
                size = self._stage.view_size_at(done, np.random.default_rng((self._seed, self.step)))
                batch = draw_batch(self._stage.batch_size_of(size), size, (self._seed, process, self.step))
                torch.manual_seed(_random_seed(self._seed, process, self.step))
                for name, value in self._take_step(batch, done).items():
                    totals[name] = totals.get(name, 0.0) + value / self._stage.log_steps
                self.step += 1
                self._show(progress)
                if self.step % self._stage.log_steps == 0:
                    means = {name: float(value) for name, value in totals.items()}
                    progress.set_postfix(loss=f"{sum(means.values()) - means['norm']:.3f}", refresh=False)
                    self._log(means, board)
                    totals = {}
                if self.step % self._stage.sample_sheet_steps == 0:
                    self._write_sample_sheet(batch)
                if time.monotonic() - saved > 60 * checkpoint_minutes:
                    self._save()
                    saved = time.monotonic()
        self._save()

    def _elapsed(self) -> float:
        """Seconds of training, with those before the run was resumed."""
        return self._seconds + time.monotonic() - self._started

    def _done(self) -> float:
        """All processes go by the clock of the first one: if one ended a step earlier, the others would wait for it."""
        seconds = self._elapsed()
        if self._stage.minutes is not None and self._accelerator.num_processes > 1:
            shared = torch.tensor(seconds, dtype=torch.float64, device=self._accelerator.device)
            seconds = float(broadcast(shared))
        return self._stage.done(self.step, seconds)

    def _take_step(self, batch: Batch, done: float) -> dict[str, Tensor]:
        """Returns losses and gradient norm on the device: reading them would synchronise with it."""
        factor = learning_rate_factor(self.step, done, self._stage)
        for group in self._optimizer.param_groups:
            group["lr"] = factor * group["initial_lr"]
        self._zero_gradients()
        losses = self._compute_gradients(batch)
        self._average_gradients()
        norm = nn.utils.clip_grad_norm_(self._trained, self._stage.gradient_norm)
        # The flag by which torch's GradScaler makes a fused optimizer skip a step.
        self._optimizer.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
        self._optimizer.step()
        self._update_average()
        return losses | {"norm": norm}

    def _zero_gradients(self) -> None:
        self._optimizer.zero_grad(set_to_none=False)

    def _backward(self, batch: Batch) -> dict[str, Tensor]:
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
        # Smaller at first, so that the average soon forgets the random initialisation.
        decay = min(self._stage.ema_decay, (1 + self.step) / (10 + self.step))
        current = [self._current[name] for name in self._average]
        torch._foreach_lerp_(list(self._average.values()), current, 1 - decay)

    def _progress(self) -> "tqdm[Any]":
        """A bar of the fraction that is done: a stage that ends by the clock does not know its steps."""
        return tqdm(
            total=1.0,
            initial=min(1.0, self._stage.done(self.step, self._elapsed())),
            desc=self._described(),
            bar_format="{desc}:{percentage:4.0f}%|{bar}| [{elapsed}<{remaining}{postfix}]",
            disable=not self._accelerator.is_main_process,
            mininterval=5,
        )

    def _show(self, progress: "tqdm[Any]") -> None:
        progress.set_description_str(self._described(), refresh=False)
        progress.update(min(1.0, self._stage.done(self.step, self._elapsed())) - progress.n)

    def _described(self) -> str:
        return f"{self._checkpoint.stem}, step {self.step}"

    @contextmanager
    def _open_tensorboard(self) -> Iterator[SummaryWriter | None]:
        """The TensorBoard log; a resumed run overwrites the steps that it repeats."""
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

    def _write_sample_sheet(self, batch: Batch) -> None:
        if self._accelerator.is_main_process:
            folder = self._checkpoint.parent / f"{self._checkpoint.stem}_samples"
            write_image(folder / f"{self.step:06d}.png", self._module.draw_samples(batch))

    def _save(self) -> None:
        if self._accelerator.is_main_process:
            module = self._module.state_dict()
            # Frozen weights are the same tensors in both, and stored once.
            weights = {"module": module, "average": module | self._average}
            progress = {"optimizer": self._optimizer.state_dict(), "step": self.step, "seconds": self._elapsed()}
            save_checkpoint(self._checkpoint, weights | progress)

    def _resume(self, state: dict[str, Any]) -> None:
        self._module.load_state_dict(state["module"])
        for name, value in self._average.items():
            value.copy_(state["average"][name])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self._seconds = int(state["step"]), float(state.get("seconds", 0.0))


def _random_seed(*numbers: int) -> int:
    """Seed of the model's own random draws in a step; a sequence other than that of the samples."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def _averaged_state(module: nn.Module) -> dict[str, Tensor]:
    """Trained weights and batch statistics by name in the state dict; a shared weight under each of its names."""
    named = module.named_parameters(remove_duplicate=False)
    trained = {name for name, parameter in named if parameter.requires_grad}
    statistics = {
        f"{path}.{name}"
        for path, part in module.named_modules()
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.training
        for name in ("running_mean", "running_var")
    }
    return {name: value for name, value in module.state_dict().items() if name in trained | statistics}


def _parameter_groups(
    trained: list[nn.Parameter], stage: StageConfiguration, pretrained: nn.Module | None
) -> list[dict[str, Any]]:
    """Weight decay for matrices but not for vectors, and a separate learning rate for pretrained weights."""
    pretrained_ids = set() if pretrained is None else {id(parameter) for parameter in pretrained.parameters()}
    groups = []
    for is_pretrained, rate in ((False, stage.learning_rate), (True, stage.learning_rate * stage.pretrained_rate)):
        for is_matrix, decay in ((True, stage.weight_decay), (False, 0.0)):
            chosen = [p for p in trained if (id(p) in pretrained_ids) == is_pretrained and (p.ndim > 1) == is_matrix]
            if chosen:
                groups.append({"params": chosen, "lr": rate, "initial_lr": rate, "weight_decay": decay})
    return groups
