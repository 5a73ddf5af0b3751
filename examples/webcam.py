"""Your webcam with its hands, live in the browser: no window system needed, so it also works over SSH.

Run: python examples/webcam.py 0           then open http://localhost:8000; a video or an address works, too
"""

from http.server import BaseHTTPRequestHandler, HTTPServer

from handos_model import HandPipeline, hands_in
from handos_model.commands.script import run_script
from handos_model.files.images import encode_jpeg
from handos_model.visualization.overlay import draw_hands


def main(source: str, port: int = 8000) -> None:
    """Serve SOURCE with its hands drawn over it, until Ctrl-C."""
    pipeline = HandPipeline.load()
    opened = [hands_in(source, field_of_view=60, pipeline=pipeline)]  # fails here if there is no such camera

    class Viewer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/":
                return self.send_error(404)
            try:
                self.wfile.write(b"HTTP/1.0 200\r\nContent-Type: multipart/x-mixed-replace; boundary=image\r\n\r\n")
                for result in opened.pop() if opened else hands_in(source, field_of_view=60, pipeline=pipeline):
                    drawn = draw_hands(result.frame.image, result.hands, pipeline.topology, result.camera.intrinsics)
                    self.wfile.write(b"--image\r\nContent-Type: image/jpeg\r\n\r\n" + encode_jpeg(drawn) + b"\r\n")
            except (OSError, ValueError) as error:  # the browser was closed, or the camera unplugged
                self.log_message("%s", error)

    try:
        server = HTTPServer(("127.0.0.1", port), Viewer)
    except OSError as error:
        raise OSError(f"port {port}: {error.strerror}; give another one with --port") from error
    print(f"open http://localhost:{port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    run_script(main)
