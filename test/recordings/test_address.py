"""Addresses: images, videos and streams from a server."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from handos_model.recordings.frame import SourceError
from handos_model.recordings.overlay_files import overlay_path
from handos_model.recordings.source import open_source
from handos_model.recordings.video_writer import VideoWriter

LEVELS = (40, 90, 140)


class Site(BaseHTTPRequestHandler):
    """Answers with the files of `contents`, and with parts of them as servers of videos do."""

    contents: dict[str, tuple[str, bytes]]

    def do_GET(self) -> None:
        if self.path == "/private.png" and self.headers.get("Authorization") != "Basic YW5uYTpzQGNyZXQ=":
            return self.send_error(401)
        if self.path not in self.contents:
            return self.send_error(404)
        kind, content = self.contents[self.path]
        first = int(self.headers.get("Range", "bytes=0-").partition("=")[2].partition("-")[0])
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        try:
            self.wfile.write(content[first:])
        except ConnectionError:
            return None  # the reader has seen enough

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Address of a server with a video, an image, a web page and a file that is none of them."""
    with VideoWriter(tmp_path / "clip.mp4", 25) as video:
        for level in LEVELS:
            video.write(np.full((48, 64, 3), level, np.uint8))
    image = cv2.imencode(".png", np.full((30, 40, 3), 77, np.uint8))[1].tobytes()
    Site.contents = {
        "/clip.mp4": ("video/mp4", video.path.read_bytes()),
        "/hand.png?size=40": ("image/png", image),
        "/private.png": ("image/png", image),
        "/broken.png": ("image/png", b"not an image"),
        "/watch": ("text/html; charset=utf-8", b"<html>a video</html>"),
        "/notes.bin": ("application/octet-stream", b"not a video"),
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_video_on_a_server_is_read_to_its_end(site: str) -> None:
    source = open_source(f"{site}/clip.mp4")
    assert (source.name, source.kind, source.frame_count) == (f"{site}/clip.mp4", "video", 3)
    assert [frame.image.mean() for frame in source.frames] == pytest.approx(LEVELS, abs=4)


def test_an_image_on_a_server_is_one_image_whose_overlay_has_a_name(site: str) -> None:
    source = open_source(f"{site}/hand.png?size=40")
    (frame,) = source.frames
    assert (source.kind, source.frame_count, source.frame_rate) == ("image", 1, None)
    np.testing.assert_array_equal(frame.image, np.full((30, 40, 3), 77, np.uint8))
    assert overlay_path(Path("overlay"), source.name, source.kind, frame.source) == Path("overlay/hand.png")


def test_user_and_password_open_an_image_and_stay_out_of_its_name(site: str) -> None:
    source = open_source(f"http://anna:s%40cret@{site.removeprefix('http://')}/private.png")
    assert (source.name, source.frame_count) == (f"{site}/private.png", 1)
    with pytest.raises(SourceError, match="answers 401"):
        open_source(f"{site}/private.png")


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("/gone.mp4", "answers 404"),
        ("/gone.png", "answers 404"),
        ("/watch", "web page"),
        ("/notes.bin", "application/octet-stream"),
        ("/broken.png", "damaged"),
    ],
)
def test_what_is_no_image_or_video_on_a_server_is_told_with_the_reason(site: str, page: str, reason: str) -> None:
    with pytest.raises(SourceError, match=rf"{site}{page} .*{reason}"):
        open_source(site + page)


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(SourceError, match=r"http://127\.0\.0\.1:1/a\.mp4 .*refused") as refused:
        open_source("http://anna:secret@127.0.0.1:1/a.mp4")
    assert "secret" not in str(refused.value)


def test_a_camera_that_is_not_there_is_told_what_to_check() -> None:
    with pytest.raises(SourceError, match=r"rtsp://127\.0\.0\.1:1/live .*user and password"):
        open_source("rtsp://127.0.0.1:1/live")


@pytest.mark.parametrize("address", ["s3://bucket/clip.mp4", "gs://bucket/clip.mp4", "sftp://host/clip.mp4"])
def test_a_protocol_that_is_not_read_is_told_with_those_that_are(address: str) -> None:
    with pytest.raises(SourceError, match=r"https.*download it and give its path"):
        open_source(address)
