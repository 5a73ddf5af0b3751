"""A Ray cluster of two nodes on this machine: each `ray start` is a node of its own, as on two machines."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

RAY = Path(sys.executable).with_name("ray")
START_SECONDS = 120


@dataclass(frozen=True)
class RayCluster:
    """A cluster that runs."""

    address: str
    """For `--ray`."""
    environment: dict[str, str]
    """Of processes that use it: it has a secret of its own."""


@contextmanager
def ray_cluster(folder: Path, cores: tuple[int, ...] = (1, 1)) -> Iterator[RayCluster]:
    """Run a node for each number of cores; `folder` needs a short path, sockets are in it."""
    port = _free_port()
    own = {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_RAYLET_START_WAIT_TIME_S": str(START_SECONDS),
    }
    cluster = RayCluster(f"127.0.0.1:{port}", own)
    head = [
        "--head",
        f"--port={port}",
        "--include-dashboard=false",
        f"--temp-dir={folder}",
        f"--ray-client-server-port={_free_port()}",
    ]
    with ExitStack() as stack:
        for number, count in enumerate(cores):
            options = head if number == 0 else [f"--address={cluster.address}"]
            node = stack.enter_context(_node([*options, f"--num-cpus={count}"], os.environ | own))
            _wait_for_nodes(cluster, number + 1, node)
        yield cluster


@contextmanager
def _node(options: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [RAY, "start", "--block", "--node-ip-address=127.0.0.1", "--object-store-memory=80000000", *options]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)  # on which it ends the processes of its node
        process.wait(60)


def _wait_for_nodes(cluster: RayCluster, count: int, newest: subprocess.Popen[bytes]) -> None:
    program = (
        "import sys\n"
        "from ray._raylet import GcsClient\n"
        "nodes = GcsClient(address=sys.argv[1]).get_all_node_info().values()\n"
        "sys.exit(sum(node.state == 0 for node in nodes) < int(sys.argv[2]))\n"
    )
    deadline = time.monotonic() + START_SECONDS
    while True:
        command = [sys.executable, "-c", program, cluster.address, str(count)]
        if subprocess.run(command, env=os.environ | cluster.environment, capture_output=True).returncode == 0:
            return
        assert newest.poll() is None, f"node {count} ended with exit code {newest.returncode}"
        assert time.monotonic() < deadline, f"node {count} does not start"
        time.sleep(0.5)


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
