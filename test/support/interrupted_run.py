"""A program with two processes that wait for ever, or make a mistake, as `handos train` has them.

python interrupted_run.py FOLDER [MISTAKE]
"""

import os
import signal
import sys
import time
from pathlib import Path

import typer

from handos_model.commands.interruption import interruptible
from handos_model.training.processes import run_together
from handos_model.training.state_folder import claim_state


def wait_for_ever(rank: int, folder: Path, mistake: str) -> None:
    """What a process does."""
    (folder / f"started.{rank}").write_text(str(os.getpid()))
    if rank == 0 and mistake == "value":
        raise ValueError("image 7 is damaged")
    if rank == 0 and mistake == "bug":
        raise KeyError("a bug")
    if rank == 0 and mistake == "memory":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(3600)


def main(folder: Path, mistake: str = "") -> None:
    """Run both processes."""
    with interruptible(lambda: f"{folder} keeps all"), claim_state(folder):
        run_together(wait_for_ever, [(rank, folder, mistake) for rank in range(2)])


if __name__ == "__main__":
    sys.exit(typer.run(main))
