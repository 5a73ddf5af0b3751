"""`Workers`: who does the tasks."""

from typing import Protocol

from handos_model.annotation.task import Outcome, Task


class Workers(Protocol):
    """Processes that do tasks, here or elsewhere."""

    def capacity(self) -> int:
        """How many tasks may be with them, at least 1."""

    def submit(self, task: Task) -> None:
        """Give them a task; they have fewer than `capacity`."""

    def wait(self) -> Outcome:
        """The outcome of a task, when one is done. A worker that dies is replaced, its task has failed."""

    def close(self) -> None:
        """End them at once."""
