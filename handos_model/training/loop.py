"""The training loop that both stages share: processes, schedule, averaging of weights, log and checkpoints."""

import copy
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from tqdm import tqdm

from handos_model.training.checkpoint import load_checkpoint, save_checkpoint
from handos_model.training.configuration import StageConfiguration
from handos_model.training.sample import Batch

_LOG_STEPS = 20

DrawBatch = Callable[[int, np.random.Generator], Batch]
"""From the side of the images in pixels and a source of randomness."""
ComputeLosses = Callable[[Batch], dict[str, Tensor]]


def learning_rate_factor(step: int, stage: StageConfiguration) -> float:
    """Linear warm-up, constant, then linear cool-down to zero: a run can be prolonged before it cools down."""
    warmup = (step + 1) / stage.warmup_steps
    remaining = (stage.steps - step) / max(1.0, stage.cooldown * stage.steps)
    return min(1.0, warmup, remaining)


class TrainingLoop:
    """Trains `module` in place and keeps an exponential moving average of its weights.

    Every random draw is seeded by (seed, rank, step), so a resumed run sees the samples that an uninterrupted one
    would have seen.

    Parameters
    ----------
    module
        Everything that is trained in this stage; parameters that do not require gradients are left alone.
    stage
        Steps, batch size, learning rate.
    checkpoint
        File to resume from where it exists, and to write to.
    seed
        Of the samples.
    pretrained
        The part of `module` that learns at the stage's `pretrained_rate`.
    """

    def __init__(
        self,
        module: nn.Module,
        stage: StageConfiguration,
        checkpoint: Path,
        seed: int,
        pretrained: nn.Module | None = None,
    ) -> None:
        self._module, self._stage, self._checkpoint, self._seed = module, stage, checkpoint, seed
        self._trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.AdamW(_parameter_groups(self._trained, stage, pretrained))
        self.average = copy.deepcopy(module)
        self.step = 0
        if checkpoint.is_file():
            self._resume(load_checkpoint(checkpoint))

    def run(self, draw_batch: DrawBatch, compute_losses: ComputeLosses, checkpoint_minutes: float) -> None:
        """Train from the current step to the stage's last one."""
        saved, totals = time.monotonic(), dict[str, float]()
        progress = tqdm(
            total=self._stage.steps, initial=self.step, desc=self._checkpoint.stem, disable=_rank() > 0, mininterval=5
        )
        while self.step < self._stage.steps:
            rng = np.random.default_rng([self._seed, _rank(), self.step])
            batch = draw_batch(self._stage.image_size_at(self.step), rng)
            for name, value in self._take_step(compute_losses(batch)).items():
                totals[name] = totals.get(name, 0.0) + value / _LOG_STEPS
            self.step += 1
            progress.update()
            if self.step % _LOG_STEPS == 0:
                progress.set_postfix({name: f"{value:.3f}" for name, value in totals.items()})
                self._log(totals)
                totals = {}
            if time.monotonic() - saved > 60 * checkpoint_minutes:
                self._save()
                saved = time.monotonic()
        self._save()

    def _take_step(self, losses: dict[str, Tensor]) -> dict[str, float]:
        factor = learning_rate_factor(self.step, self._stage)
        for group in self._optimizer.param_groups:
            group["lr"] = factor * group["initial_lr"]
        self._optimizer.zero_grad(set_to_none=False)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        self._average_gradients()
        norm = nn.utils.clip_grad_norm_(self._trained, self._stage.gradient_norm)
        if norm.isfinite():
            self._optimizer.step()
        self._update_average()
        return {name: float(loss.detach()) for name, loss in losses.items()} | {"norm": float(norm)}

    def _average_gradients(self) -> None:
        if not dist.is_initialized():
            return
        gradients = [
            torch.zeros_like(parameter) if parameter.grad is None else parameter.grad for parameter in self._trained
        ]
        flat = torch.cat([gradient.flatten() for gradient in gradients]) / dist.get_world_size()
        dist.all_reduce(flat)
        for parameter, part in zip(self._trained, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            parameter.grad = part.view_as(parameter)

    @torch.no_grad()
    def _update_average(self) -> None:
        # A young average follows the weights faster, or it would remember the random initialisation.
        decay = min(self._stage.ema_decay, (1 + self.step) / (10 + self.step))
        current = self._module.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(current[name], 1 - decay)
            else:
                value.copy_(current[name])

    def _log(self, losses: dict[str, float]) -> None:
        if _rank() == 0:
            with self._checkpoint.with_suffix(".jsonl").open("a") as log:
                rounded = {name: round(value, 5) for name, value in losses.items()}
                log.write(json.dumps({"step": self.step, "time": round(time.time(), 1)} | rounded) + "\n")

    def _save(self) -> None:
        if _rank() == 0:
            state = {"module": self._module.state_dict(), "average": self.average.state_dict()}
            save_checkpoint(self._checkpoint, state | {"optimizer": self._optimizer.state_dict(), "step": self.step})

    def _resume(self, state: dict[str, Any]) -> None:
        self._module.load_state_dict(state["module"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = int(state["step"])


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


def _rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0
