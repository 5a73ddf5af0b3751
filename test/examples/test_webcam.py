"""examples/webcam.py, watched by a browser."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import cv2
import numpy as np
import pytest

from handos_model.inference.pipeline import DEFAULT_WEIGHTS

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
"""Seconds: much longer than it takes."""

pytestmark = pytest.mark.skipif(not DEFAULT_WEIGHTS.is_file(), reason="this checkout has no shipped weights")


@pytest.fixture
def address() -> Iterator[str]:
    """Where the example serves the demo clip."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "examples/webcam.py", "demo/clip.mp4", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}/"
    process.kill()
    process.wait()


def test_the_browser_gets_images_with_hands_drawn_and_may_go_and_come_back(address: str) -> None:
    for _ in range(2):
        with opened(address) as page:
            drawn = next(jpegs(page))
        original = cv2.VideoCapture(str(ROOT / "demo/clip.mp4")).read()[1]
        assert drawn.shape == original.shape
        assert np.abs(drawn.astype(int) - original).max(axis=2).mean() > 5


def test_other_pages_do_not_exist(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        opened(address + "favicon.ico")


def opened(address: str) -> HTTPResponse:
    start = time.monotonic()
    while True:
        try:
            return urllib.request.urlopen(address, timeout=PATIENCE)
        except urllib.error.HTTPError:
            raise
        except OSError:  # not listening yet
            assert time.monotonic() - start < PATIENCE
            time.sleep(0.1)


def jpegs(page: HTTPResponse) -> Iterator[np.ndarray]:
    """The images of a page that a browser shows one after the other."""
    received = b""
    while part := page.read1(1 << 16):
        *whole, received = (received + part).split(b"--image\r\n")
        for image in filter(None, whole):
            encoded = image.partition(b"\r\n\r\n")[2]
            yield cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)


def test_a_port_that_is_taken_is_named_before_an_address_is_printed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "examples/webcam.py", "demo/clip.mp4", "--port", port]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert f"port {port}" in line
    assert "--port" in line
