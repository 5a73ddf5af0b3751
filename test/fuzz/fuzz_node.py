"""Bombards nodes with random messages, parameters and transitions, and checks everything that they publish.

    make fuzz SEED=7 SECONDS=600

Everything sent is decided by the seed and the number of the episode. When it arrives, and so what exactly the nodes
see, depends on the machine: a failure therefore also leaves the messages concerned in a folder.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np

FOLDER: Final = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "support")]

from bombarded_node import BombardedNode  # noqa: E402
from bombardment import Bombardment  # noqa: E402
from broadcast_wrists import BroadcastWrists  # noqa: E402
from broken_promise import BrokenPromiseError, require  # noqa: E402
from memory_growth import MemoryGrowth  # noqa: E402
from node_process import Client  # noqa: E402
from rclpy.serialization import serialize_message  # noqa: E402
from steered_network import write_steered_network  # noqa: E402
from transforms import tf2_for_children  # noqa: E402


def fuzz(seed: int, seconds: float, folder: Path, first: int = 0) -> int:
    """Bombard nodes for some time; return the number of episodes.

    Parameters
    ----------
    seed, first
        Decide everything, with the number of the first episode.
    seconds
        How long.
    folder
        For logs and, after a failure, messages.

    Raises
    ------
    BrokenPromiseError
        If a node breaks a promise: seed, episode, promise, and the folder of the messages.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = write_steered_network(folder / "steered.onnx")
    start = time.monotonic()
    with started_nodes(weights, folder) as (nodes, wrists):
        growth = MemoryGrowth(nodes)
        for episode in count(first):
            rng = np.random.default_rng([seed, episode])
            try:
                node = nodes[rng.choice(len(nodes), p=[0.6, 0.2, 0.2])]
                Bombardment(node, rng).run()
                node.settle(rng)
                for each in nodes:
                    each.check()
                wrists.check()
                growth.look()
            except BrokenPromiseError as error:
                raise explained(error, seed, episode, folder) from error
            elapsed = time.monotonic() - start
            print(f"{elapsed:.0f} s, episode {episode} of {node.name}: {growth}", flush=True)
            if elapsed > seconds:
                break
        growth.require_bounded()
        checked = sum((camera.checked for node in nodes for camera in node.cameras), Counter())
        print("checked:", ", ".join(f"{number} {name}" for name, number in checked.items()))
        for node in nodes:
            require(node.process.stop() == 0, f"the node {node.name} ends with exit code 0")
    return episode - first + 1


@contextmanager
def started_nodes(weights: Path, folder: Path) -> Iterator[tuple[list[BombardedNode], BroadcastWrists]]:
    """Run a node with two raw cameras and depth, one with a compressed camera, and one with a simulated clock."""
    with ExitStack() as stack:
        client = stack.enter_context(closing(Client()))
        with tf2_for_children():
            nodes = [
                BombardedNode(client, "raw", ("left", "right"), weights, folder / "raw.log", has_depth=True),
                BombardedNode(client, "packed", ("",), weights, folder / "packed.log", is_compressed=True),
                BombardedNode(client, "timed", ("",), weights, folder / "timed.log", is_simulated=True),
            ]
        for node in nodes:
            stack.enter_context(closing(node.process))
        wrists = BroadcastWrists(
            client, {camera.published[1:]: camera.sent for node in nodes for camera in node.cameras}
        )
        yield nodes, wrists


def explained(error: BrokenPromiseError, seed: int, episode: int, folder: Path) -> BrokenPromiseError:
    """The error with what reproduces it; its messages are written into the folder."""
    promise, *messages = error.args
    target = folder / f"seed-{seed}-episode-{episode}"
    if messages:
        _write_messages(target, messages[0])
    return BrokenPromiseError(
        f"seed {seed}, episode {episode}: broken promise: {promise}\n"
        f"once more: make fuzz SEED={seed} FIRST={episode}; logs in {folder}"
        + (f"; messages, to be read with rclpy.serialization.deserialize_message, in {target}" if messages else "")
    )


def _write_messages(target: Path, messages: dict[str, Any]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name, message in messages.items():
        stem = f"{name.replace('/', '.')}.{type(message).__name__}"
        (target / f"{stem}.cdr").write_bytes(serialize_message(message))
        (target / f"{stem}.txt").write_text(str(message)[:20_000])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--first", type=int, default=0, help="number of the first episode")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"), help="folder for logs and messages")
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:g} s, logs in {options.out}", flush=True)
    try:
        episodes = fuzz(options.seed, options.seconds, options.out, options.first)
    except BrokenPromiseError as error:
        sys.exit(str(error))
    print(f"{episodes} episodes, no promise broken")


if __name__ == "__main__":
    main()
